import { describe, expect, it } from '@jest/globals';
import type { Change } from '../../../functions/engine/remediation.ts';
import {
  alreadyApplied,
  decide,
  gibOf,
  type Observation,
  verify,
} from '../../../functions/remediations/grow-storage/decide.ts';
import { examine } from '../../../functions/remediations/grow-storage/examine.ts';
import { config, database, signal } from '../../support/fixtures.ts';

type Seen = Extract<Observation, { kind: 'instance' }>;
const AT = '2026-11-20T09:00:00.000Z';
const seen = (change: Partial<Seen> = {}): Seen => ({
  kind: 'instance',
  at: AT,
  status: 'available',
  storageGib: 60,
  pending: [],
  events: [],
  ...change,
});
const changedAgo = (minutes: number) => [
  {
    at: new Date(Date.parse(AT) - minutes * 60_000).toISOString(),
    message: 'Finished applying modification to allocated storage.',
  },
];
const MISSING: Observation = { kind: 'missing', why: 'DB instance orders-db does not exist' };
const judge = (observation: Observation, maxStorageGib = 100) =>
  decide({ signal, target: { ...database, maxStorageGib }, observation, hold: undefined, config });

function planned(observation: Observation = seen(), maxStorageGib = 100): Change {
  const decision = judge(observation, maxStorageGib);
  if (decision.kind !== 'act') throw new Error(`expected an action, got ${JSON.stringify(decision)}`);
  return decision.change;
}

describe('deciding how much storage', () => {
  it('is a fifth more, ten GiB at least, up to the limit', () => {
    expect(gibOf(planned(), 'after')).toBe(72);
    expect(gibOf(planned(seen({ storageGib: 20 })), 'after')).toBe(30);
    expect(gibOf(planned(seen({ storageGib: 90 })), 'after')).toBe(100);
    expect(planned().undo).toContain('cannot be undone');
  });

  it('grows an instance that is full', () => {
    expect(gibOf(planned(seen({ status: 'storage-full' })), 'after')).toBe(72);
  });

  it.each<[string, Observation, number, RegExp]>([
    ['does not exist', MISSING, 100, /does not exist/],
    ['has no limit configured', seen(), 0, /maxStorageGib isn't set/],
    ['is at its limit', seen({ storageGib: 95 }), 100, /may not have more than 100/],
    ['is a member of a cluster', seen({ cluster: 'orders' }), 100, /cluster orders/],
    ['has changes that wait', seen({ pending: ['DBInstanceClass'] }), 100, /DBInstanceClass/],
    ['was grown within six hours', seen({ events: changedAgo(359) }), 100, /six hours/],
    ['has failed', seen({ status: 'failed' }), 100, /is failed/],
  ])('calls a person when the instance %s', (_, observation, limit, reason) => {
    expect(judge(observation, limit)).toMatchObject({ kind: 'escalate', reason: expect.stringMatching(reason) });
  });

  it('looks again when the six hours are over', () => {
    expect(judge(seen({ events: changedAgo(300) }))).toMatchObject({ recheckAfterSeconds: 3600 });
    expect(judge(seen({ events: changedAgo(360) }))).toMatchObject({ kind: 'act' });
  });

  it('waits while RDS optimizes storage, and for RDS’s own autoscaling', () => {
    expect(judge(seen({ status: 'storage-optimization' }))).toMatchObject({ kind: 'hold' });
    expect(judge(seen({ autoscalingUpToGib: 200 }))).toMatchObject({ kind: 'hold' });
    expect(judge(seen({ autoscalingUpToGib: 200, status: 'storage-full' }))).toMatchObject({ kind: 'act' });
  });
});

describe('whether it happened, and helped', () => {
  it('is told by the size, or by the change that is being made', () => {
    expect(alreadyApplied(planned(), seen())).toBe('no');
    expect(alreadyApplied(planned(), seen({ storageGib: 72 }))).toBe('yes');
    expect(alreadyApplied(planned(), seen({ pending: ['AllocatedStorage'] }))).toBe('yes');
    expect(alreadyApplied(planned(), seen({ storageGib: 65 }))).toBe('unclear');
    expect(alreadyApplied(planned(), MISSING)).toBe('unclear');
  });

  it('is good once the storage can be used', () => {
    const verified = (observation: Observation) => verify({ change: planned(), observation }).kind;
    expect(verified(seen())).toBe('not-yet');
    expect(verified(seen({ storageGib: 72, status: 'modifying' }))).toBe('not-yet');
    expect(verified(seen({ storageGib: 72, status: 'storage-optimization' }))).toBe('good');
    expect(verified(seen({ storageGib: 72 }))).toBe('good');
    expect(verified(MISSING)).toBe('not-yet');
  });

  it('is examined in quiet times', () => {
    expect(examine(database, seen())[0]).toMatchObject({ verdict: 'ok' });
    expect(examine({ ...database, maxStorageGib: 0 }, seen())[0]).toMatchObject({ verdict: 'wrong' });
    expect(examine({ ...database, maxStorageGib: 0 }, seen({ autoscalingUpToGib: 200 }))[0]).toMatchObject({
      verdict: 'ok',
    });
    expect(examine(database, MISSING)[0]).toMatchObject({ verdict: 'wrong' });
  });
});
