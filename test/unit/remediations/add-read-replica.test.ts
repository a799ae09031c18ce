import { describe, expect, it } from '@jest/globals';
import type { Settings } from '../../../functions/databases/instance.ts';
import type { Change, Decision } from '../../../functions/engine/remediation.ts';
import {
  alreadyApplied,
  costPerHourUsd,
  decide,
  namesFor,
  type Observation,
  verify,
  wanted,
  whyNotDelete,
} from '../../../functions/remediations/add-read-replica/decide.ts';
import { examine } from '../../../functions/remediations/add-read-replica/examine.ts';
import { config, database, signal } from '../../support/fixtures.ts';

const settings: Settings = {
  ...{ securityGroups: ['sg-1', 'sg-2'], isPublic: false, hasIamLogins: true, storageType: 'gp3' },
};
type Seen = Extract<Observation, { kind: 'instance' }>;
const seen = (change: Partial<Seen> = {}): Seen => ({
  kind: 'instance',
  status: 'available',
  instanceClass: 'db.t4g.micro',
  backupDays: 7,
  settings,
  replicas: [],
  named: [],
  ...change,
});
const FIRST = 'orders-db-nightshift-1';
const SECOND = 'orders-db-nightshift-2';
const ours = (name: string, status = 'available', wasAvailable = status === 'available') => ({
  ...{ name, status, replicaOf: 'orders-db', settings, wasAvailable },
});
const theirs = (name: string, status = 'available') => ({ name, status, settings, wasAvailable: true });
const MISSING: Observation = { kind: 'missing', why: 'DB instance orders-db does not exist' };
const judge = (observation: Observation, target = database): Decision =>
  decide({ signal, target, observation, hold: undefined, config });
function planned(observation: Observation = seen(), target = database): Change {
  const decision = judge(observation, target);
  if (decision.kind !== 'act') throw new Error(`expected an action, got ${JSON.stringify(decision)}`);
  return decision.change;
}

describe('deciding whether to add a read replica', () => {
  it('names it by the first number that is free, and says its price and how to undo it', () => {
    const change = planned();
    expect(wanted(change)).toEqual({ replica: FIRST });
    expect(change.summary).toContain('(db.t4g.micro; 0.02 USD an hour more); it helps once clients read from it');
    expect(change.undo).toContain(`delete ${FIRST} once nobody reads from it`);
    expect(costPerHourUsd(change, 'rds-instance/orders-db', config)).toBe(0.016);
    expect(costPerHourUsd(change, 'rds-instance/other', config)).toBeUndefined();
    expect(wanted(planned(seen({ replicas: [FIRST], named: [ours(FIRST)] })))).toEqual({ replica: SECOND });
    expect(wanted(planned(seen({ named: [theirs(FIRST)] })))).toEqual({ replica: SECOND });
  });

  it('asks as many people as configured', () => {
    expect(judge(seen())).not.toHaveProperty('approval');
    expect(judge(seen(), { ...database, costApprovals: 2 })).toMatchObject({ approval: { people: 2 } });
  });

  it.each<[string, Observation, Partial<typeof database>, RegExp]>([
    ['does not exist', MISSING, {}, /does not exist/],
    ['may have none', seen(), { maxReadReplicas: 0 }, /maxReadReplicas of orders-db isn't set/],
    ['has as many as it may', seen({ replicas: ['a', 'b'] }), {}, /may not have more than 2/],
    ['has no backups', seen({ backupDays: 0 }), {}, /no automated backups/],
    ['is a replica', seen({ replicaOf: 'other' }), {}, /read replica of other itself/],
    ['is a member of a cluster', seen({ cluster: 'orders' }), {}, /cluster orders/],
    ['has failed', seen({ status: 'failed' }), {}, /is failed/],
    ['has no name left', seen({ named: [FIRST, SECOND].map((name) => theirs(name)) }), {}, /no name .* is free/],
    ['has a name that is too long', seen(), { name: 'a'.repeat(60) }, /no name .* is free/],
  ])('calls a person when the instance %s', (_, observation, target, reason) => {
    expect(judge(observation, { ...database, ...target })).toMatchObject({
      kind: 'escalate',
      reason: expect.stringMatching(reason),
    });
  });

  it('waits while it is being changed, and while one is being made', () => {
    expect(judge(seen({ status: 'modifying' }))).toMatchObject({ kind: 'hold', reason: 'maintenance' });
    expect(judge(seen({ replicas: [FIRST], named: [ours(FIRST, 'creating')] }))).toMatchObject({
      kind: 'hold',
      reason: 'change-under-way',
    });
  });
});

describe('whether it happened, and helped', () => {
  const change = planned();
  const made = (status: string) => seen({ replicas: [FIRST], named: [ours(FIRST, status)] });

  it.each<[string, Observation, 'yes' | 'no' | 'unclear']>([
    ['it is being made', made('creating'), 'yes'],
    ['it is there', made('available'), 'yes'],
    ['it is not there', seen(), 'no'],
    ['somebody else’s has its name', seen({ named: [theirs(FIRST)] }), 'unclear'],
    ['the source is gone', MISSING, 'unclear'],
  ])('when %s', (_, observation, expected) => {
    expect(alreadyApplied(change, observation)).toBe(expected);
  });

  it('is good once it can be read, and worse when RDS could not make it', () => {
    expect(verify({ change, observation: made('available') }).kind).toBe('good');
    expect(verify({ change, observation: made('creating') }).kind).toBe('not-yet');
    expect(verify({ change, observation: seen() }).kind).toBe('not-yet');
    expect(verify({ change, observation: MISSING }).kind).toBe('not-yet');
    expect(verify({ change, observation: made('incompatible-network') })).toMatchObject({ kind: 'worse' });
  });

  it('calls a person for one that broke after it was available: somebody may have read from it', () => {
    const broke = seen({ replicas: [FIRST], named: [ours(FIRST, 'incompatible-network', true)] });
    expect(verify({ change, observation: broke })).toMatchObject({ kind: 'bad' });
  });

  it.each<[string, Partial<Settings>]>([
    ['security groups', { securityGroups: ['sg-default'] }],
    ['public access', { isPublic: true }],
    ['IAM database authentication', { hasIamLogins: false }],
    ['storage type', { storageType: 'gp2' }],
    ['IOPS', { iops: 12_000 }],
    ['storage throughput', { throughputMibPerSecond: 500 }],
  ])('calls a person for one whose %s is not its source’s', (name, different) => {
    const other = { ...ours(FIRST), settings: { ...settings, ...different } };
    const observation = seen({ replicas: [FIRST], named: [other] });
    expect(verify({ change, observation })).toMatchObject({ kind: 'bad', detail: expect.stringContaining(name) });
  });

  it('is undone by deleting that very one, and only if it was never made', () => {
    const undo = change.undoChange;
    if (!undo) throw new Error('expected a way back');
    expect(wanted(undo)).toEqual({ deleted: FIRST });
    expect(costPerHourUsd(undo, 'rds-instance/orders-db', config)).toBeUndefined();
    expect(whyNotDelete('orders-db', ours(FIRST, 'failed'))).toBeUndefined();
    expect(whyNotDelete('orders-db', ours(FIRST, 'creating'))).toBe('creating');
    expect(whyNotDelete('orders-db', ours(FIRST))).toBe('available, and was available before');
    expect(whyNotDelete('orders-db', ours(FIRST, 'incompatible-parameters', true))).toMatch(/was available before/);
    expect(whyNotDelete('orders-db', theirs(FIRST, 'failed'))).toBe('not a read replica of orders-db');
    expect(whyNotDelete('orders-db', undefined)).toBe('gone');
    expect(alreadyApplied(undo, made('failed'))).toBe('no');
    expect(alreadyApplied(undo, made('deleting'))).toBe('yes');
    expect(alreadyApplied(undo, seen())).toBe('yes');
  });
});

describe('what doctor says', () => {
  it.each<[string, Observation, Partial<typeof database>, 'ok' | 'wrong']>([
    ['there is room', seen(), {}, 'ok'],
    ['nobody wants any', seen({ backupDays: 0 }), { maxReadReplicas: 0 }, 'ok'],
    ['it has no backups', seen({ backupDays: 0 }), {}, 'wrong'],
    ['its name is too long', seen(), { name: 'a'.repeat(60) }, 'wrong'],
    ['it is missing', MISSING, {}, 'wrong'],
  ])('when %s', (_, observation, target, verdict) => {
    expect(examine({ ...database, ...target }, observation)).toMatchObject([{ verdict }]);
  });

  it('gives names of 63 characters at most', () => {
    expect(namesFor({ name: 'a'.repeat(50), maxReadReplicas: 2 }).map(({ length }) => length)).toEqual([63, 63]);
  });
});
