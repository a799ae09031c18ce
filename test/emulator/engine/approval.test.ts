/** Mode `approve` through the whole protocol: asked, answered, done once; and everything that may change in between. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { orderFor, readApproval, vote } from '../../../functions/engine/approvals.ts';
import type { RuntimeConfig } from '../../../functions/engine/config.ts';
import { readIncident } from '../../../functions/engine/journal-reader.ts';
import { readTargets } from '../../../functions/engine/operator.ts';
import { setSwitch } from '../../../functions/engine/switch.ts';
import { type EngineWorld, numberAlarm, openEngineWorld } from '../../support/engine-world.ts';

let world: EngineWorld;
let config: RuntimeConfig;
let names = 0;

beforeAll(async () => {
  world = await openEngineWorld();
  const limits = world.config.runbooks['raise-number'];
  if (!limits) throw new Error('the world has no such runbook');
  config = { ...world.config, runbooks: { 'raise-number': { ...limits, mode: 'approve' } } };
});
afterAll(() => world?.close());

interface Asked {
  readonly name: string;
  readonly incidentId: string;
  readonly approvalId: string;
}

async function ask(): Promise<Asked> {
  const name = `asking-${++names}`;
  const outcome = await world.deliver(numberAlarm(name, 'ALARM', { id: `event-${name}` }), { config });
  if (outcome.kind !== 'awaiting-approval') throw new Error(`unexpected: ${JSON.stringify(outcome)}`);
  return { name, incidentId: outcome.incidentId, approvalId: await openApproval(name) };
}

async function openApproval(name: string): Promise<string> {
  const target = `ecs-service/orders/${name}`;
  return (await readTargets(world.store, [target])).get(target)?.approvals?.['raise-number'] ?? '';
}

/** What the link or the command line does: the vote, then the order. */
async function approve({ approvalId }: Pick<Asked, 'approvalId'>, by = 'person:jane') {
  const voted = await vote(world.store, approvalId, { decision: 'approve', by });
  return orderFor(voted.approval);
}

const timeline = async (id: string) => ((await readIncident(world.store, id))?.timeline ?? []).map(({ kind }) => kind);
const dueAfter = (ms: number) => ({ config, now: () => Date.now() + ms });
const again = (name: string, ms: number) =>
  world.deliver(numberAlarm(name, 'ALARM', { id: `event-${name}-again-${ms}`, at: Date.now() + ms }), dueAfter(ms));

describe('mode approve', () => {
  it('asks, tells what, and changes nothing', async () => {
    const { name, incidentId, approvalId } = await ask();
    expect(world.target(name)).toMatchObject({ value: 2, changes: 0 });
    expect(await readApproval(world.store, approvalId)).toMatchObject({
      status: 'waiting',
      people: 1,
      change: { summary: 'raise from 2 to 3', before: 2, after: 3, undo: 'set to 2' },
    });
    const incident = await readIncident(world.store, incidentId);
    expect(incident?.state).toBe('waiting-approval');
    expect(incident?.timeline.find(({ kind }) => kind === 'approval-requested')?.data).toMatchObject({
      approvalId,
      before: 2,
      after: 3,
      risk: 'low',
      people: 1,
    });
    // Somebody is called, once.
    expect((await timeline(incidentId)).filter((kind) => kind === 'escalated')).toHaveLength(1);
  });

  it('does what was approved, once, however often it is ordered, and says who let it', async () => {
    const asked = await ask();
    const order = await approve(asked);
    const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => world.deliver(order, { config })));
    expect(outcomes.filter((each) => each.status === 'fulfilled' && each.value.kind === 'remediated')).toHaveLength(1);
    expect(world.target(asked.name)).toMatchObject({ value: 3, changes: 1 });
    expect(await readApproval(world.store, asked.approvalId)).toMatchObject({ status: 'used' });
    const incident = await readIncident(world.store, asked.incidentId);
    expect(incident?.timeline.find(({ kind }) => kind === 'intent')?.summary).toBe(
      'will raise from 2 to 3, approved by jane',
    );
    expect(incident?.state).toBe('verifying');
  });

  it('asks once while it waits, whatever fires again', async () => {
    const asked = await ask();
    expect(await again(asked.name, 1000)).toEqual({ kind: 'awaiting-approval', incidentId: asked.incidentId });
    expect(await openApproval(asked.name)).toBe(asked.approvalId);
    expect((await timeline(asked.incidentId)).filter((kind) => kind === 'approval-requested')).toHaveLength(1);
  });

  it('asks anew when the target isn’t as it was, and what was approved is void', async () => {
    const asked = await ask();
    world.target(asked.name).value = 7;
    expect(await world.deliver(await approve(asked), { config })).toMatchObject({ kind: 'awaiting-approval' });
    expect(world.target(asked.name)).toMatchObject({ value: 7, changes: 0 });
    expect(await readApproval(world.store, asked.approvalId)).toMatchObject({ status: 'void' });
    const next = await openApproval(asked.name);
    expect(next).not.toBe(asked.approvalId);
    expect(await readApproval(world.store, next)).toMatchObject({
      status: 'waiting',
      change: { summary: 'raise from 7 to 8' },
    });
    // And that one works.
    expect(await world.deliver(await approve({ approvalId: next }), { config })).toMatchObject({ kind: 'remediated' });
    expect(world.target(asked.name)).toMatchObject({ value: 8, changes: 1 });
  });

  it('does nothing that isn’t needed any more', async () => {
    const asked = await ask();
    const order = await approve(asked);
    world.hooks.decide = () => ({ kind: 'fine', reason: 'it went by itself' });
    try {
      expect(await world.deliver(order, { config })).toMatchObject({ kind: 'already-fine' });
    } finally {
      delete world.hooks.decide;
    }
    expect(world.target(asked.name).changes).toBe(0);
  });

  it('keeps to every guardrail: an approval given while Nightshift is paused is used after that', async () => {
    const asked = await ask();
    const order = await approve(asked);
    await setSwitch(world.store, 'pause', 'person:test', 'a test');
    try {
      expect(await world.deliver(order, { config })).toMatchObject({ kind: 'held', reason: 'paused' });
    } finally {
      await setSwitch(world.store, 'run', 'person:test', 'a test');
    }
    expect(await readApproval(world.store, asked.approvalId)).toMatchObject({ status: 'approved' });
    expect(await again(asked.name, 5000)).toMatchObject({ kind: 'remediated' });
    expect(world.target(asked.name).changes).toBe(1);
  });

  it('leaves it to people when it is denied, and doesn’t ask again for a while', async () => {
    const asked = await ask();
    await vote(world.store, asked.approvalId, { decision: 'deny', by: 'person:jane', reason: 'not tonight' });
    expect(await again(asked.name, 1000)).toMatchObject({
      kind: 'escalated',
      reason: expect.stringContaining('jane denied it'),
    });
    expect(await openApproval(asked.name)).toBe(asked.approvalId);
    const later = config.handsOffSeconds * 1000 + 5000;
    expect(await again(asked.name, later)).toMatchObject({ kind: 'awaiting-approval' });
    expect(await openApproval(asked.name)).not.toBe(asked.approvalId);
    expect(world.target(asked.name).changes).toBe(0);
  });

  it('calls people when nobody answers', async () => {
    const asked = await ask();
    const end = config.approvals.validForSeconds * 1000;
    expect(await again(asked.name, end + 1000)).toMatchObject({
      kind: 'escalated',
      reason: expect.stringContaining('nobody approved it before'),
    });
    expect(await readApproval(world.store, asked.approvalId)).toMatchObject({ status: 'expired' });
    expect(await timeline(asked.incidentId)).toContain('approval-ended');
    await expect(
      vote(world.store, asked.approvalId, { decision: 'approve', by: 'person:jane' }, { now: Date.now() + end + 1000 }),
    ).rejects.toThrow('nobody approved it before');
  });

  it('isn’t asked about an incident that is over: the answer is refused', async () => {
    const asked = await ask();
    await world.deliver(numberAlarm(asked.name, 'OK', { id: `ok-${asked.name}`, at: Date.now() + 10 }), { config });
    expect((await readIncident(world.store, asked.incidentId))?.state).toBe('resolved');
    await expect(approve(asked)).rejects.toThrow('its incident is over');
  });

  it('hands back what was approved without asking again', async () => {
    const asked = await ask();
    await world.deliver(await approve(asked), { config });
    await world.deliver(numberAlarm(asked.name, 'OK', { id: `ok-${asked.name}`, at: Date.now() + 10 }), { config });
    await world.deliver(
      { nightshift: 1, command: 'hand-back', target: `ecs-service/orders/${asked.name}` },
      { config, now: () => Date.now() + 120_000 },
    );
    expect(world.target(asked.name)).toMatchObject({ value: 2, changes: 2 });
  });
});

describe('a decision that needs people', () => {
  it('is asked for in mode auto, too, with its reason', async () => {
    const name = `grave-${++names}`;
    world.hooks.decide = () => ({
      kind: 'act',
      change: { summary: 'raise from 2 to 9', before: 2, after: 9, undo: 'set to 2' },
      approval: { people: 2, why: 'it can’t be taken back' },
    });
    try {
      const outcome = await world.deliver(numberAlarm(name, 'ALARM', { id: `event-${name}` }));
      expect(outcome.kind).toBe('awaiting-approval');
      const approvalId = await openApproval(name);
      expect(await readApproval(world.store, approvalId)).toMatchObject({ people: 2, why: 'it can’t be taken back' });
      await vote(world.store, approvalId, { decision: 'approve', by: 'person:jane' });
      expect(await world.deliver(numberAlarm(name, 'ALARM', { id: `event-${name}-2` }))).toMatchObject({
        kind: 'awaiting-approval',
      });
      expect(await world.deliver(await approve({ approvalId }, 'person:john'))).toMatchObject({ kind: 'remediated' });
    } finally {
      delete world.hooks.decide;
    }
    expect(world.target(name)).toMatchObject({ value: 9, changes: 1 });
  });
});
