import { describe, expect, it } from '@jest/globals';
import { copiedSnapshotOf } from '../../../functions/databases/copied-snapshot.ts';
import { askedSnapshotIdOf, type KeptSnapshot } from '../../../functions/databases/snapshot-id.ts';
import {
  alreadyApplied,
  decide,
  type Observation,
  verify,
} from '../../../functions/remediations/copy-snapshot/decide.ts';
import { config, database, signal } from '../../support/fixtures.ts';

const ID = 'nightshift-test-orders-db-2026-11-22-03-00-00';
const ON_DEMAND = askedSnapshotIdOf('test', 'orders-db', '2026-11-22T03:00:00Z');
const ARN = `arn:aws:rds:us-east-1:000000000000:snapshot:${ID}`;
const KEY = 'arn:aws:kms:us-west-2:000000000000:key/1';
const target = { name: ID, database: 'orders-db', kmsKeyArn: undefined, severity: 'P2' as const };

const snapshot: KeptSnapshot = {
  ...{ id: ID, status: 'available', encrypted: false, sizeGib: 20, progressPercent: 100, takenAt: 0, arn: ARN },
  ...{ isAutomated: false, instanceResourceId: 'db-1', madeBy: 'test' },
};
const copied: KeptSnapshot = { ...snapshot, copyOf: ARN, arn: ARN.replace('us-east-1', 'us-west-2') };
const seen = (of: Partial<KeptSnapshot> = {}, copy?: Partial<KeptSnapshot>): Observation => ({
  ...{ kind: 'snapshot', snapshot: { ...snapshot, ...of } },
  copy: copy && { ...copied, ...copy },
});
const on = (observation: Observation, more: Partial<typeof target> | { kmsKeyArn: string } = {}) =>
  decide({ signal, target: { ...target, ...more }, observation, hold: undefined, config });

describe('copy-snapshot', () => {
  it('copies to the standby region, and records whose data it is', () => {
    expect(on(seen())).toMatchObject({
      kind: 'act',
      change: {
        before: { copy: null },
        after: {
          ...{ region: 'us-west-2', sourceArn: ARN, kmsKeyArn: null, deployment: 'test', instanceResourceId: 'db-1' },
        },
        undo: `delete the copy ${ID} in us-west-2`,
      },
    });
    expect(on(seen({ encrypted: true }), { kmsKeyArn: KEY })).toMatchObject({ change: { after: { kmsKeyArn: KEY } } });
  });

  it.each<[string, Observation, string, Partial<{ kmsKeyArn: string }>?]>([
    ['is gone', { kind: 'missing', why: 'gone' }, 'fine'],
    ['is being made', seen({ status: 'creating' }), 'hold'],
    ['failed', seen({ status: 'failed' }), 'fine'],
    ['is itself a copy', seen({ copyOf: 'arn:aws:rds:eu-west-1:0:snapshot:x' }), 'fine'],
    ['is copied', seen({}, { status: 'available' }), 'fine'],
    // A copy that is under way may yet fail.
    ['is being copied', seen({}, { status: 'creating' }), 'hold'],
    ['was made by another deployment of the same name', seen({ madeBy: 'tes' }), 'fine'],
    ['was made by a person', seen({ madeBy: undefined }), 'fine'],
    ['has a copy that failed', seen({}, { status: 'failed' }), 'escalate'],
    ['has a namesake there', seen({}, { copyOf: undefined }), 'escalate'],
    [
      'has a copy that isn’t encrypted',
      seen({ encrypted: true }, { encrypted: false }),
      'escalate',
      { kmsKeyArn: KEY },
    ],
    ['is encrypted without a key there', seen({ encrypted: true }), 'escalate'],
    ['has no ARN', seen({ arn: undefined }), 'escalate'],
  ])('leaves one alone that %s', (_, observation, kind, more = {}) => {
    expect(on(observation, more).kind).toBe(kind);
  });

  it('knows its own change, and is content once the copy is available and encrypted as asked', () => {
    const after = { region: 'us-west-2', sourceArn: ARN, kmsKeyArn: KEY, deployment: 'test', instanceResourceId: null };
    const change = { summary: '', undo: '', before: { copy: null }, after };
    const gone: Observation = { kind: 'missing', why: 'gone' };
    const applied = [gone, seen(), seen({}, {}), seen({}, { copyOf: 'another' })];
    expect(applied.map((each) => alreadyApplied(change, each))).toEqual(['unclear', 'no', 'yes', 'unclear']);
    const judged = [
      ...[gone, seen(), seen({}, { status: 'creating' }), seen({}, { status: 'failed' })],
      ...[seen({}, { copyOf: 'another' }), seen({}, { encrypted: false }), seen({}, { encrypted: true })],
    ];
    expect(judged.map((observation) => verify({ target, change, observation }).kind)).toEqual([
      ...['not-yet', 'not-yet', 'not-yet', 'bad', 'bad', 'bad', 'good'],
    ]);
  });

  it('judges the copy by itself when its original was deleted meanwhile', () => {
    const after = {
      region: 'us-west-2',
      sourceArn: ARN,
      kmsKeyArn: null,
      deployment: 'test',
      instanceResourceId: null,
    };
    const change = { summary: '', undo: '', before: { copy: null }, after };
    const left = (copy: Partial<KeptSnapshot>): Observation => ({
      ...{ kind: 'missing', why: 'gone' },
      copy: { ...copied, ...copy },
    });
    const copies = [left({}), left({ status: 'creating' }), left({ status: 'failed' }), left({ copyOf: 'another' })];
    expect(copies.map((observation) => verify({ target, change, observation }).kind)).toEqual([
      ...['good', 'not-yet', 'bad', 'bad'],
    ]);
    expect(copies.map((each) => alreadyApplied(change, each))).toEqual(['yes', 'yes', 'yes', 'unclear']);
  });
});

describe('a snapshot as a target', () => {
  const backup = { recoveryPointSeconds: 1, pointInTimeRecovery: false, keepDays: 1, keepWeeks: 0, keepMonths: 0 };
  const known = (copy: { kmsKeyArn?: string } | undefined) => ({
    name: 'test',
    databases: { orders: { ...database, name: 'orders-db', backup: { ...backup, keepAtLeast: 1, copy } } },
  });

  it('is one that snapshot-database took of a database whose backups are copied', () => {
    expect(copiedSnapshotOf(`db-snapshot/${ID}`, known({ kmsKeyArn: KEY }))).toMatchObject({
      ...{ name: ID, database: 'orders-db', kmsKeyArn: KEY },
    });
  });

  it.each([
    ['of a database whose backups stay', `db-snapshot/${ID}`, known(undefined)],
    ['of a backup that copies its own', 'db-snapshot/nightshift-test-orders-db-2026-11-22-03-00', known({})],
    ['of one that a person asked for, whose run copies it', `db-snapshot/${ON_DEMAND}`, known({})],
    ['of a person', 'db-snapshot/by-hand', known({})],
    ['of another database', `db-snapshot/${ID.replace('orders-db', 'other-db')}`, known({})],
    ['of another deployment', `db-snapshot/${ID.replace('-test-', '-prod-')}`, known({})],
    ['of no snapshot', 'rds-instance/orders-db', known({})],
  ])('is none %s', (_, key, config) => {
    expect(copiedSnapshotOf(key, config)).toBeUndefined();
  });
});
