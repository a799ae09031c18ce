/**
 * A POST that breaks off at any of its calls: each call of the journal is lost before or after its effect, with all its retries, as when the function is
 * ended there. Pressed again, the link has done its one thing once.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { putApproval } from '../../../functions/engine/approvals.ts';
import { readIncident } from '../../../functions/engine/journal-reader.ts';
import type { LinkOperation } from '../../../functions/incidents/link-token.ts';
import { approval } from '../../support/approvals.ts';
import { type EngineWorld, numberAlarm, openEngineWorld } from '../../support/engine-world.ts';
import { signal } from '../../support/fixtures.ts';
import { confirmationIn, type LinksHarness, linksHarness } from '../../support/links.ts';

let world: EngineWorld;
let links: LinksHarness;
let names = 0;

beforeAll(async () => {
  world = await openEngineWorld();
  links = linksHarness(world.store);
});
afterAll(() => world?.close());

/** A link of an incident of its own, and the entry that it leaves. */
async function linkFor(operation: LinkOperation) {
  const name = `broken-${++names}`;
  const outcome = await world.deliver(numberAlarm(name, 'ALARM', { id: `event-${name}` }));
  if (outcome.kind !== 'remediated') throw new Error(`unexpected: ${JSON.stringify(outcome)}`);
  const { incidentId } = outcome;
  const target = `ecs-service/orders/${name}`;
  const asked = approval({
    approvalId: `apr-${name}`,
    incidentId,
    target,
    askedAt: Date.now(),
    signal: { ...signal, subject: name, target },
  });
  await world.store.transact([putApproval(world.store.table, asked)]);
  const aboutApproval = operation === 'approve' || operation === 'deny';
  const token = links.token({
    operation,
    subject: aboutApproval ? asked.approvalId : incidentId,
    ...(aboutApproval && { state: asked.state }),
  });
  return { incidentId, token, confirm: confirmationIn((await links.get(token)).body) };
}

const LEFT: Readonly<Record<LinkOperation, string>> = {
  ack: 'acknowledged',
  'take-over': 'taken-over',
  resolve: 'resolved',
  approve: 'approved',
  deny: 'denied',
};
const effects = async (incidentId: string, operation: LinkOperation) =>
  ((await readIncident(world.store, incidentId))?.timeline ?? []).filter(
    ({ kind, by }) => kind === LEFT[operation] && by === 'person:jane',
  ).length;

describe('a POST that breaks off', () => {
  it.each(['ack', 'take-over', 'resolve', 'approve', 'deny'] as const)(
    'of %s, at each call, has one effect when pressed again',
    async (operation) => {
      const whole = await linkFor(operation);
      const { next } = world.gateway.callsSince(0);
      expect((await links.post(whole.token, { confirm: whole.confirm, reason: 'a test' })).statusCode).toBe(200);
      const calls = world.gateway.callsSince(next).calls.map((call) => call.operation);
      expect(calls).toContain('TransactWriteItems');
      for (const [index, call] of calls.entries())
        for (const kind of call === 'TransactWriteItems'
          ? (['timeout-before', 'timeout-after'] as const)
          : (['timeout-before'] as const)) {
          const { incidentId, token, confirm } = await linkFor(operation);
          // Every call from there on is lost, as for a function that was ended.
          world.gateway.faults.add({ name: 'ended', match: { service: 'dynamodb' }, kind, after: index, delayMs: 5 });
          const broken = await links.post(token, { confirm, reason: 'a test' });
          const { met } = world.gateway.faults.list().find(({ name }) => name === 'ended') ?? { met: 0 };
          world.gateway.faults.remove('ended');
          expect(met).toBeGreaterThan(0);
          expect(broken.statusCode).toBe(503);
          const before = await effects(incidentId, operation);
          expect(before).toBe(kind === 'timeout-after' ? 1 : 0);
          const again = await links.post(token, { confirm, reason: 'a test' });
          expect([operation, index, kind, again.statusCode]).toEqual([
            operation,
            index,
            kind,
            before === 1 ? 409 : 200,
          ]);
          expect(await effects(incidentId, operation)).toBe(1);
        }
    },
  );
});
