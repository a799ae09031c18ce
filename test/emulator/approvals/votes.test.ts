/** Votes against the real journal: each counts once, whoever else votes at that moment. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { approvalCommands } from '../../../cli/commands/approvals.ts';
import type { Approval } from '../../../functions/engine/approval.ts';
import { putApproval, readApproval, vote, waitingApprovals } from '../../../functions/engine/approvals.ts';
import { workKey } from '../../../functions/engine/items.ts';
import { readIncident } from '../../../functions/engine/journal-reader.ts';
import { resolveByPerson } from '../../../functions/engine/operator.ts';
import { entryMaker, putEntry } from '../../../functions/engine/writes.ts';
import { approval } from '../../support/approvals.ts';
import { type EngineWorld, numberAlarm, openEngineWorld } from '../../support/engine-world.ts';
import { signal } from '../../support/fixtures.ts';
import { type LinksHarness, linksHarness } from '../../support/links.ts';
import { LOCAL_PLACE, recorder } from '../../unit/cli/harness.ts';

let world: EngineWorld;
let links: LinksHarness;
let names = 0;

beforeAll(async () => {
  world = await openEngineWorld();
  links = linksHarness(world.store);
});
afterAll(() => world?.close());

/** An open incident with a target of its own. */
async function incident() {
  const name = `asked-${++names}`;
  const outcome = await world.deliver(numberAlarm(name, 'ALARM', { id: `event-${name}` }));
  if (outcome.kind !== 'remediated') throw new Error(`unexpected: ${JSON.stringify(outcome)}`);
  return { incidentId: outcome.incidentId, target: `ecs-service/orders/${name}` };
}

/** An approval that waits in that incident, or in one of its own. */
async function asked(over: Partial<Approval> = {}, open?: Awaited<ReturnType<typeof incident>>): Promise<Approval> {
  const { incidentId, target } = open ?? (await incident());
  const name = `asked-${++names}`;
  const one = approval({
    approvalId: `apr-${name}`,
    incidentId,
    target,
    askedAt: Date.now(),
    signal: { ...signal, subject: `alarm-${name}`, target },
    ...over,
  });
  const entry = entryMaker(incidentId, 'raise-number', Date.now())('approval-requested', 'may I?', {
    approvalId: one.approvalId,
  });
  const written = await world.store.transact([putApproval(world.store.table, one), putEntry(world.store.table, entry)]);
  if (!written.ok) throw new Error('the approval was not written');
  return one;
}

const entries = async (id: string) =>
  ((await readIncident(world.store, id))?.timeline ?? []).filter(({ by }) => by.startsWith('person:'));

describe('votes', () => {
  it('of two people at once are complete once, one hundred times of one hundred', async () => {
    const open = await incident();
    for (let times = 0; times < 100; times++) {
      const one = await asked({ people: 2 }, open);
      const voted = await Promise.all(
        ['person:jane', 'person:john'].map((by) => vote(world.store, one.approvalId, { decision: 'approve', by })),
      );
      expect(voted.map(({ kind }) => kind).sort()).toEqual(['complete', 'counted']);
      expect(await readApproval(world.store, one.approvalId)).toMatchObject({ status: 'approved', version: 3 });
    }
    const told = await entries(open.incidentId);
    expect(told).toHaveLength(200);
    expect(told.filter(({ data }) => data.complete === true)).toHaveLength(100);
  });

  it('of one person ten times at once are one', async () => {
    const one = await asked({ people: 2 });
    const voted = await Promise.all(
      Array.from({ length: 10 }, () => vote(world.store, one.approvalId, { decision: 'approve', by: 'person:jane' })),
    );
    expect(voted.filter(({ kind }) => kind === 'counted')).toHaveLength(1);
    expect(voted.filter(({ kind }) => kind === 'repeated')).toHaveLength(9);
    expect(await entries(one.incidentId)).toHaveLength(1);
  });

  it('yes and no at once: either it is denied, or the no comes too late and says so', async () => {
    for (let times = 0; times < 20; times++) {
      const one = await asked();
      const [yes, no] = await Promise.allSettled([
        vote(world.store, one.approvalId, { decision: 'approve', by: 'person:jane' }),
        vote(world.store, one.approvalId, { decision: 'deny', by: 'person:john' }),
      ]);
      const { status } = (await readApproval(world.store, one.approvalId)) ?? {};
      expect([yes.status, no.status].sort()).toEqual(['fulfilled', 'rejected']);
      expect(status).toBe(yes.status === 'fulfilled' ? 'approved' : 'denied');
    }
  });

  it('that complete it make its alarm due at once, for the reconciler', async () => {
    const one = await asked();
    await vote(world.store, one.approvalId, { decision: 'approve', by: 'person:jane' });
    const work = await world.store.read(workKey('recheck', one.signal.subject));
    expect(work).toMatchObject({ kind: 'recheck', remediation: one.remediation, target: one.target });
    expect(Number(work?.dueAt)).toBeLessThanOrEqual(Date.now());
  });

  it('aren’t taken any more once the incident is over', async () => {
    const one = await asked();
    await resolveByPerson(world.store, one.incidentId, { by: 'person:john', reason: 'a test' });
    await expect(vote(world.store, one.approvalId, { decision: 'approve', by: 'person:jane' })).rejects.toThrow(
      'its incident is over',
    );
    await expect(vote(world.store, one.approvalId, { decision: 'deny', by: 'person:jane' })).rejects.toThrow(
      'its incident is over',
    );
    expect(await readApproval(world.store, one.approvalId)).toMatchObject({ status: 'waiting', version: 1 });
  });
});

describe('approving by link', () => {
  it('orders the remediation once, and the link is used up', async () => {
    const one = await asked();
    const token = links.token({ operation: 'approve', subject: one.approvalId, state: one.state });
    const page = await links.get(token);
    expect(page.body).toContain('Raise desired count of backend from 2 to 3');
    expect(page.body).toContain('desiredCount: 2');
    expect(await links.press(token)).toMatchObject({
      statusCode: 200,
      body: expect.stringContaining('The change is approved'),
    });
    expect(links.orders).toMatchObject([
      {
        remediation: 'scale-out-service',
        payload: { command: 'signal', signal: { id: `${signal.id}#${one.approvalId}`, recheck: 1 } },
      },
    ]);
    expect((await links.get(token)).statusCode).toBe(410);
    expect(await entries(one.incidentId)).toMatchObject([{ kind: 'approved', by: 'person:jane' }]);
  });

  it('of two people takes both; one of them again is told so', async () => {
    const one = await asked({ people: 2 });
    const token = (recipient: string) =>
      links.token({ operation: 'approve', subject: one.approvalId, state: one.state, recipient });
    expect(await links.press(token('jane'))).toMatchObject({
      statusCode: 200,
      body: expect.stringContaining('1 more to go'),
    });
    expect(await links.get(token('jane'))).toMatchObject({
      statusCode: 410,
      body: expect.stringContaining('jane has approved it already; one more person has to'),
    });
    expect(await links.press(token('john'))).toMatchObject({
      statusCode: 200,
      body: expect.stringContaining('The change is approved'),
    });
  });

  it('isn’t possible with a link that was made for another before-state', async () => {
    const one = await asked();
    const token = links.token({ operation: 'approve', subject: one.approvalId, state: 'of-something-else-0000' });
    expect(await links.get(token)).toMatchObject({ statusCode: 410 });
    expect(await links.post(token, { confirm: 'x' })).toMatchObject({ statusCode: 400 });
    expect(await readApproval(world.store, one.approvalId)).toMatchObject({ status: 'waiting' });
  });

  it('stands when the remediation can’t be told', async () => {
    const deaf = linksHarness(world.store, {
      order: async () => {
        throw new Error('no answer');
      },
    });
    const one = await asked();
    const token = deaf.token({ operation: 'approve', subject: one.approvalId, state: one.state });
    expect(await deaf.press(token)).toMatchObject({ statusCode: 200 });
    expect(await readApproval(world.store, one.approvalId)).toMatchObject({ status: 'approved' });
  });

  it('by somebody who isn’t one of the deployment’s people any more does nothing', async () => {
    const one = await asked();
    const token = links.token({
      operation: 'approve',
      subject: one.approvalId,
      state: one.state,
      recipient: 'mallory',
    });
    expect(await links.press(token)).toMatchObject({
      statusCode: 409,
      body: expect.stringContaining('people any more'),
    });
    expect(await readApproval(world.store, one.approvalId)).toMatchObject({ status: 'waiting' });
  });

  it('denies with a reason, calls people, and remembers that it did', async () => {
    const one = await asked();
    const token = links.token({ operation: 'deny', subject: one.approvalId, state: one.state });
    expect(await links.press(token, { reason: 'the database is the bottleneck' })).toMatchObject({ statusCode: 200 });
    expect((await entries(one.incidentId)).map(({ kind }) => kind)).toEqual(['denied', 'escalated']);
    expect(await readIncident(world.store, one.incidentId)).toMatchObject({ state: 'escalated' });
  });
});

describe('approving by command line', () => {
  const orders: { name: string; payload: object }[] = [];
  const run = async (by: string, name: string, words: string[], options = {}) => {
    const io = recorder(true);
    const commands = approvalCommands({
      open: () => world.store,
      person: async () => by,
      deployment: async () => ({
        name: 'demo',
        config: {
          ...world.config,
          people: { jane: { identities: ['Admin/jane@example.com'] }, john: { identities: [] } },
        },
        manifests: [],
      }),
      order: async (_place, functionName, payload) => void orders.push({ name: functionName, payload }),
    });
    const command = commands.find((each) => each.name === name);
    await command?.run(
      words,
      { json: true, yes: true, ...options },
      { io, place: async () => LOCAL_PLACE, confirm: async () => {} },
    );
    return {
      document: JSON.parse(io.stdout.at(-1) ?? '{}') as { approvals: Record<string, unknown>[] },
      stderr: io.stderr.join('\n'),
    };
  };

  it('lists what waits, and no more once it is decided', async () => {
    const one = await asked();
    const listed = await run('person:jane', 'approvals', []);
    expect(listed.document.approvals.map(({ id }) => id)).toContain(one.approvalId);
    await run('person:jane', 'deny', [one.approvalId], { reason: 'no' });
    expect((await waitingApprovals(world.store)).map(({ approvalId }) => approvalId)).not.toContain(one.approvalId);
  });

  it('counts a person once under all identities, and orders the change', async () => {
    const one = await asked({ people: 2 });
    await run('person:Admin/jane@example.com', 'approve', [one.approvalId]);
    const again = await run('person:jane', 'approve', [one.approvalId]);
    expect(again.stderr).toContain('one person counts once: 1 more to go');
    const last = await run('person:john', 'approve', [one.approvalId]);
    expect(last.document.approvals).toMatchObject([{ status: 'approved', approvedBy: ['person:jane', 'person:john'] }]);
    expect(orders.at(-1)).toMatchObject({ name: 'nightshift-demo-scale-out-service' });
  });

  it('doesn’t let somebody unknown be one of two', async () => {
    const one = await asked({ people: 2 });
    await expect(run('person:Admin/eve@example.com', 'approve', [one.approvalId])).rejects.toThrow(
      "none of the configuration's `people`",
    );
    expect(await readApproval(world.store, one.approvalId)).toMatchObject({ version: 1 });
  });
});
