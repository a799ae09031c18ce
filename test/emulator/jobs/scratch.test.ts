/** Scratch instances and old backups through the API: runs that are cut off anywhere, and what sweeping and pruning take away, and what not. */
import {
  CopyDBSnapshotCommand,
  CreateDBSnapshotCommand,
  DeleteDBInstanceCommand,
  DescribeDBInstancesCommand,
  DescribeDBSnapshotsCommand,
  RDSClient,
  RestoreDBInstanceFromDBSnapshotCommand,
} from '@aws-sdk/client-rds';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { RuntimeConfig } from '../../../functions/engine/config.ts';
import { readRuns } from '../../../functions/jobs/items.ts';
import type { Job } from '../../../functions/jobs/job.ts';
import { type Turn, takeTurn } from '../../../functions/jobs/run.ts';
import { scratchIdOf, scratchPrefix, scratchTags } from '../../../functions/jobs/scratch-id.ts';
import type { Answer, Ask } from '../../../functions/jobs/verify-backup/reading.ts';
import type { Observation } from '../../../functions/remediations/snapshot-database/decide.ts';
import { config as base, database } from '../../support/fixtures.ts';
import { openRdsRemediation, type RdsRemediationWorld } from '../../support/rds-remediation.ts';
import { eventually } from '../rds/harness.ts';

jest.setTimeout(120_000);
const DB = 'described';
const DAY = 24 * 3_600_000;
let w: RdsRemediationWorld<Observation>;
let config: RuntimeConfig;
let verify: Job<never>;
let sweep: Job<never>;
let prune: Job<never>;
let runs = 0;
let abroad: RDSClient;

/** Everything is well in the restored instance; there is no server behind it. */
const answerOf = (ask: Ask): Answer => {
  if (ask.kind === 'count') return { kind: 'count', table: ask.table, rows: 5, newestAt: null };
  if (ask.kind !== 'overview') throw new Error(`${ask.kind} isn't asked here`);
  const server = { systemId: '1', majorVersion: 18, nextXid: '100', checksums: true, amcheck: false };
  return { ...server, kind: 'overview', heartbeatAt: null, invalidConstraints: [], invalidIndexes: [] };
};

beforeAll(async () => {
  w = await openRdsRemediation(() => import('../../../functions/remediations/snapshot-database/handler.ts'));
  const { verifyBackup } = await import('../../../functions/jobs/verify-backup/handler.ts');
  verify = verifyBackup(async ({ ask }) => answerOf(ask)) as unknown as Job<never>;
  sweep = (await import('../../../functions/jobs/sweep-scratch/handler.ts')).job as unknown as Job<never>;
  prune = (await import('../../../functions/jobs/prune-backups/handler.ts')).job as unknown as Job<never>;
  abroad = new RDSClient({ region: base.standbyRegion });
  await w.create(DB);
  const copies = { subnetGroup: 'isolated', securityGroupId: 'sg-00000000000000001', user: 'nightshift_verify' };
  const tables = [{ name: 'public.orders', minRows: 1, shrinksAtMostShare: 0.1 }];
  const backup = {
    ...{ recoveryPointSeconds: 86_400, pointInTimeRecovery: false },
    ...{ keepDays: 1, keepWeeks: 0, keepMonths: 0, keepAtLeast: 1 },
    copy: {},
    verify: { ...copies, tables, queries: {}, fullReadMib: 0 },
  };
  config = { ...base, databases: { [DB]: { ...database, name: DB, backup } } };
  await backUp('first');
});
afterEach(() => w.calm());
afterAll(async () => {
  abroad?.destroy();
  await w?.close();
});

const instanceOf = async (id: string) => (await w.describe(id))?.DbiResourceId;
const copiesAbroad = async () =>
  (await abroad.send(new DescribeDBSnapshotsCommand({ DBInstanceIdentifier: DB }))).DBSnapshots ?? [];
async function copyAbroad(of: string, id: string, tags: Record<string, string>): Promise<void> {
  const original = (await snapshots()).find((each) => each.DBSnapshotIdentifier === of);
  await abroad.send(
    new CopyDBSnapshotCommand({
      ...{ SourceDBSnapshotIdentifier: original?.DBSnapshotArn, TargetDBSnapshotIdentifier: id },
      Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
    }),
  );
  await eventually(
    `${id} abroad`,
    async () => (await copiesAbroad()).find((each) => each.DBSnapshotIdentifier === id),
    (seen) => seen?.Status === 'available',
  );
}

async function backUp(
  name: string,
  tags: Record<string, string> = { 'nightshift:deployment': 'test' },
): Promise<string> {
  const DBSnapshotIdentifier = name.includes('nightshift') ? name : `nightshift-test-${DB}-${name}`;
  const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
  await w.world.client.send(new CreateDBSnapshotCommand({ DBSnapshotIdentifier, DBInstanceIdentifier: DB, Tags }));
  await eventually(
    `${name} available`,
    async () => (await snapshots()).find((each) => each.DBSnapshotIdentifier === DBSnapshotIdentifier),
    (seen) => seen?.Status === 'available',
  );
  await w.untilAvailable(DB);
  return DBSnapshotIdentifier;
}
const snapshots = async () =>
  (await w.world.client.send(new DescribeDBSnapshotsCommand({ DBInstanceIdentifier: DB }))).DBSnapshots ?? [];
const instances = async () =>
  ((await w.world.client.send(new DescribeDBInstancesCommand({}))).DBInstances ?? []).map(
    ({ DBInstanceIdentifier = '' }) => DBInstanceIdentifier,
  );
const scratchLeft = async () => (await instances()).filter((id) => id.startsWith(scratchPrefix('test')));

const order = (job: string, subject: string) => {
  runs += 1;
  return { job, subject, scheduledAt: new Date(Date.parse('2026-11-21T00:00:00Z') + runs * 60_000).toISOString() };
};
const take = (job: Job<never>, run: Parameters<typeof takeTurn>[2], now = Date.now()): Promise<Turn> =>
  takeTurn({ store: w.store, config, now: () => now, remaining: () => 30_000 }, job, run);
/** As the state machine does, without its waits: a turn that failed is taken again. */
const toItsEnd = async (job: Job<never>, run: Parameters<typeof takeTurn>[2], now?: number) => {
  await eventually(
    `the end of ${run.job}`,
    () => take(job, run, now).catch((error: Error) => ({ kind: 'failed' as const, error: error.message })),
    ({ kind }) => kind === 'ended',
  );
  const [ended] = await readRuns(w.store, run, 1);
  return ended?.verdict;
};
/** When every scratch instance that a run made by now has outlived its lease. */
const afterLeases = () => Date.now() + DAY;

describe('verify-backup, cut off', () => {
  it.each([
    ['DescribeDBSnapshots', 'timeout-after'],
    ['DescribeDBInstances', 'throttled'],
    ['RestoreDBInstanceFromDBSnapshot', 'timeout-before'],
    ['RestoreDBInstanceFromDBSnapshot', 'timeout-after'],
    ['RestoreDBInstanceFromDBSnapshot', 'throttled'],
    ['DeleteDBInstance', 'timeout-before'],
    ['DeleteDBInstance', 'timeout-after'],
    ['DeleteDBInstance', 'throttled'],
  ] as const)('in %s (%s) restores once, passes, and leaves nothing behind', async (operation, kind) => {
    w.fault(operation, kind, 2);
    const { result, changing } = await w.callsDuring(() => toItsEnd(verify, order('verify-backup', DB)));
    expect(result).toMatchObject({ kind: 'passed' });
    expect(changing.filter((each) => each === 'DeleteDBInstance').length).toBeGreaterThan(0);
    expect(await instances()).toEqual([DB]);
  });

  it('leaves nothing behind when it is refused, either', async () => {
    w.fault('DescribeDBSnapshots', 'refused');
    expect(await toItsEnd(verify, order('verify-backup', DB))).toMatchObject({ kind: 'failed', check: 'refused' });
    expect(await instances()).toEqual([DB]);
  });
});

describe('sweep-scratch', () => {
  it('removes what a run left that nobody went on with, once its lease is over, and nothing else', async () => {
    const run = order('verify-backup', DB);
    await eventually(
      'the copy',
      async () => {
        await take(verify, run);
        return scratchLeft();
      },
      (seen) => seen.length === 1,
    );
    const [left = ''] = await scratchLeft();
    await w.untilAvailable(left);
    expect(await toItsEnd(sweep, order('sweep-scratch', 'all'))).toMatchObject({
      kind: 'passed',
      report: { inUse: 1 },
    });
    expect(await scratchLeft()).toEqual([left]);
    const { result, changing } = await w.callsDuring(() =>
      toItsEnd(sweep, order('sweep-scratch', 'all'), afterLeases()),
    );
    expect(result).toMatchObject({ kind: 'passed', report: { removed: [left] } });
    expect(new Set(changing)).toEqual(new Set(['DeleteDBInstance']));
    expect(await instances()).toEqual([DB]);
  });

  it('leaves alone what is only named like ours, or names a run that the journal does not know, and tells a person', async () => {
    const unknown = { job: 'verify-backup', subject: DB, scheduledAt: '2020-01-01T00:00:00Z' };
    const foreign = [
      { id: `${scratchPrefix('test')}by-hand`, tags: {} },
      { id: scratchIdOf('test', unknown), tags: scratchTags('test', unknown, 0) },
    ];
    for (const { id, tags } of foreign) {
      await w.world.client.send(
        new RestoreDBInstanceFromDBSnapshotCommand({
          DBInstanceIdentifier: id,
          DBSnapshotIdentifier: `nightshift-test-${DB}-first`,
          Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
        }),
      );
      await w.untilAvailable(id);
    }
    const { result, changing } = await w.callsDuring(() =>
      toItsEnd(sweep, order('sweep-scratch', 'all'), afterLeases()),
    );
    expect(result).toMatchObject({ kind: 'failed', check: 'unknown' });
    expect(changing).toEqual([]);
    for (const { id } of foreign)
      await w.world.client.send(new DeleteDBInstanceCommand({ DBInstanceIdentifier: id, SkipFinalSnapshot: true }));
    await eventually('only the database', instances, (seen) => seen.length === 1);
  });
});

describe('prune-backups', () => {
  it('[5a/backup-storage-audit, D46, D86] tells what lies in the store, and removes what is older than a verified backup, and nothing foreign, nothing unverified, nothing else', async () => {
    const foreign = await backUp('by-hand', {});
    const elsewhere = await backUp(`nightshift-other-${DB}-old`, { 'nightshift:deployment': 'test' });
    expect(await toItsEnd(prune, order('prune-backups', DB))).toMatchObject({
      kind: 'passed',
      report: { removed: [] },
    });
    const last = await backUp('last');
    await toItsEnd(verify, order('verify-backup', DB));
    const unverified = await backUp('unverified');
    const first = `nightshift-test-${DB}-first`;
    const ours = { 'nightshift:deployment': 'test', 'nightshift:instance-resource-id': (await instanceOf(DB)) ?? '' };
    for (const id of [first, last]) await copyAbroad(id, id, ours);
    await copyAbroad(first, `${first}-by-hand`, ours);
    // A day and a half later, so that none is kept for its age, and the newest is not too old.
    const later = Date.now() + 1.5 * DAY;
    w.fault('DeleteDBSnapshot', 'timeout-after', 1);
    const verdict = await toItsEnd(prune, order('prune-backups', DB), later);
    expect(verdict).toMatchObject({ kind: 'passed', report: { removed: [first], copies: { removed: [first] } } });
    expect(verdict?.report.stored).toMatchObject({ others: 1, automated: 0, oldest: expect.any(String) });
    expect((await copiesAbroad()).map((each) => each.DBSnapshotIdentifier).sort()).toEqual(
      [`${first}-by-hand`, last].sort(),
    );
    expect((await snapshots()).map((each) => each.DBSnapshotIdentifier).sort()).toEqual(
      [foreign, elsewhere, last, unverified].sort(),
    );
  });

  it('[D47] removes nothing and tells a person when backups are missing', async () => {
    const { result, changing } = await w.callsDuring(() =>
      toItsEnd(prune, order('prune-backups', DB), Date.now() + 9 * DAY),
    );
    expect(result).toMatchObject({ kind: 'failed', check: 'halted' });
    expect(changing).toEqual([]);
  });
});
