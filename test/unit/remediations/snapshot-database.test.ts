import { describe, expect, it } from '@jest/globals';
import type { Snapshot } from '../../../functions/databases/snapshot-id.ts';
import type { Change } from '../../../functions/engine/remediation.ts';
import {
  alreadyApplied,
  decide,
  type Observation,
  type Seen,
  verify,
  wantedOf,
} from '../../../functions/remediations/snapshot-database/decide.ts';
import { examine } from '../../../functions/remediations/snapshot-database/examine.ts';
import { config, database, signal } from '../../support/fixtures.ts';

const FAILED_AT = Date.parse(signal.at);
const ID = 'nightshift-test-orders-db-2026-11-20-02-59-55';
const taken = (change: Partial<Snapshot> = {}): Snapshot => ({
  id: 'rds:orders-db-2026-11-20-02-00',
  status: 'available',
  encrypted: true,
  sizeGib: 20,
  progressPercent: 100,
  takenAt: FAILED_AT - 1,
  ...change,
});
const seen = (change: Partial<Seen> = {}): Seen => ({
  kind: 'instance',
  status: 'available',
  kmsKeyId: 'arn:aws:kms:us-east-1:000000000000:key/k',
  snapshots: [taken()],
  quota: { used: 3, max: 100 },
  ...change,
});
const MISSING: Observation = { kind: 'missing', why: 'DB instance orders-db does not exist' };
const judge = (observation: Observation) => decide({ signal, target: database, observation, hold: undefined, config });

function planned(observation: Observation = seen()): Change {
  const decision = judge(observation);
  if (decision.kind !== 'act') throw new Error(`expected an action, got ${JSON.stringify(decision)}`);
  return decision.change;
}

describe('deciding on a snapshot', () => {
  it('names it after what it answers, the same on every try', () => {
    expect(wantedOf(planned())).toEqual({ snapshotId: ID, deployment: 'test' });
    expect(planned().summary).toBe(`take the encrypted snapshot ${ID} of orders-db`);
    expect(planned().undo).toBe(`delete the snapshot ${ID}`);
  });

  it('takes none when one was taken since, by whomever', () => {
    expect(judge(seen({ snapshots: [taken({ takenAt: FAILED_AT })] }))).toMatchObject({ kind: 'fine' });
  });

  it('makes ten of one instance at most; others and scheduled backups do not count', () => {
    const own = Array.from({ length: 9 }, (_, at) =>
      taken({ id: `nightshift-test-orders-db-2026-11-0${at + 1}-02-59-55` }),
    );
    const others = [
      'nightshift-test-orders-db-2026-11-10-02-59',
      'nightshift-other-orders-db-2026-11-10-02-59-55',
      'nightshift-test-orders-db-2026-11-10-02-59-55-on-demand',
      'nightshift-test-orders-db-2-2026-11-10-02-59-55',
    ].map((id) => taken({ id }));
    expect(judge(seen({ snapshots: [...own, ...others] })).kind).toBe('act');
    const tenth = taken({ id: 'nightshift-test-orders-db-2026-11-10-02-59-55' });
    expect(judge(seen({ snapshots: [...own, tenth] }))).toMatchObject({
      kind: 'escalate',
      reason: expect.stringContaining('10 snapshots'),
    });
  });

  it.each<[string, Partial<Snapshot>]>([
    ['is older than the trouble', {}],
    ['failed', { takenAt: FAILED_AT, status: 'failed' }],
    ['names no time', { takenAt: undefined }],
  ])('takes one all the same when the only other one %s', (_, change) => {
    expect(judge(seen({ snapshots: [taken(change)] })).kind).toBe('act');
  });

  it('waits while one is being made, and while something else is done to the instance', () => {
    const making = taken({ id: 'by-hand', status: 'creating', progressPercent: 40, takenAt: undefined });
    expect(judge(seen({ snapshots: [making], status: 'backing-up' }))).toMatchObject({
      kind: 'hold',
      reason: 'change-under-way',
      detail: 'the snapshot by-hand is being made (40 %)',
    });
    expect(judge(seen({ status: 'modifying' }))).toMatchObject({ kind: 'hold', reason: 'maintenance' });
  });

  it.each<[string, Observation, RegExp]>([
    ['does not exist', MISSING, /does not exist/],
    ['is a member of a cluster', seen({ cluster: 'orders' }), /cluster orders/],
    ['has failed', seen({ status: 'failed' }), /is failed/],
    ['is in an account without room', seen({ quota: { used: 100, max: 100 } }), /100 of 100 manual snapshots/],
    ['would take the room of others', seen({ quota: { used: 95, max: 100 } }), /the last 5 are left to others/],
  ])('calls a person when the instance %s', (_, observation, reason) => {
    expect(judge(observation)).toMatchObject({ kind: 'escalate', reason: expect.stringMatching(reason) });
  });
});

describe('whether it happened, and helped', () => {
  const verified = (observation: Observation) => verify({ change: planned(), observation });
  const withOurs = (change: Partial<Snapshot>) => seen({ snapshots: [taken(), taken({ id: ID, ...change })] });

  it('is told by the name', () => {
    expect(alreadyApplied(planned(), seen())).toBe('no');
    expect(alreadyApplied(planned(), withOurs({ status: 'creating' }))).toBe('yes');
    expect(alreadyApplied(planned(), MISSING)).toBe('unclear');
  });

  it('is good once it is available, and encrypted as the database is', () => {
    expect(verified(withOurs({}))).toMatchObject({ kind: 'good' });
    expect(verified(withOurs({ status: 'creating', progressPercent: 7 }))).toMatchObject({
      kind: 'not-yet',
      detail: expect.stringContaining('7 %'),
    });
    expect(verified(seen())).toMatchObject({ kind: 'not-yet' });
    expect(verified(MISSING)).toMatchObject({ kind: 'not-yet' });
    expect(verified(withOurs({ status: 'failed' }))).toMatchObject({ kind: 'bad', stopForSeconds: 3600 });
    expect(verified(withOurs({ encrypted: false }))).toMatchObject({ kind: 'bad' });
    const { kmsKeyId: _none, ...plain } = withOurs({ encrypted: false });
    expect(verified(plain)).toMatchObject({ kind: 'good' });
  });

  it('is examined in quiet times: whether there is room', () => {
    expect(examine(database, seen())[0]).toMatchObject({ verdict: 'ok' });
    expect(examine(database, seen({ quota: { used: 90, max: 100 } }))[0]).toMatchObject({ verdict: 'ok' });
    expect(examine(database, seen({ quota: { used: 91, max: 100 } }))[0]).toMatchObject({ verdict: 'wrong' });
    expect(examine(database, MISSING)[0]).toMatchObject({ verdict: 'wrong' });
  });
});
