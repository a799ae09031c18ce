/** The job's own calls: turn by turn on a real journal and the RDS stand-in, the first on a real server. */
import {
  DeleteDBInstanceCommand,
  DescribeDBSnapshotsCommand,
  RDSClient,
  RestoreDBInstanceFromDBSnapshotCommand,
  StartDBInstanceCommand,
  StopDBInstanceCommand,
} from '@aws-sdk/client-rds';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import type { BackupConfig } from '../../../functions/engine/config.ts';
import { headKey } from '../../../functions/engine/job-head.ts';
import { readIncident } from '../../../functions/engine/journal-reader.ts';
import type { State } from '../../../functions/jobs/back-up-database/decide.ts';
import { readRuns } from '../../../functions/jobs/items.ts';
import type { Job } from '../../../functions/jobs/job.ts';
import { type Turn, takeTurn } from '../../../functions/jobs/run.ts';
import { takenTimes } from '../../../functions/jobs/verify-backup/history.ts';
import type { Observation } from '../../../functions/remediations/snapshot-database/decide.ts';
import { config, database } from '../../support/fixtures.ts';
import { openRdsRemediation, type RdsRemediationWorld } from '../../support/rds-remediation.ts';
import { eventually } from '../rds/harness.ts';

jest.setTimeout(90_000);
const SCHEDULED_AT = '2026-11-21T02:00:00Z';
/** The stand-in keeps no transaction logs. */
const backup: BackupConfig = {
  recoveryPointSeconds: 86_400,
  pointInTimeRecovery: false,
  keepDays: 30,
  keepWeeks: 8,
  keepMonths: 12,
  keepAtLeast: 3,
};
let w: RdsRemediationWorld<Observation>;
let job: Job<State>;
let count = 0;
let abroad: RDSClient;

beforeAll(async () => {
  w = await openRdsRemediation(() => import('../../../functions/remediations/snapshot-database/handler.ts'));
  ({ job } = await import('../../../functions/jobs/back-up-database/handler.ts'));
  abroad = new RDSClient({ region: config.standbyRegion });
});
afterEach(() => w.calm());
afterAll(async () => {
  abroad?.destroy();
  await w?.close();
});

async function described(): Promise<string> {
  const id = `backed-up-${++count}`;
  await w.create(id);
  return id;
}
const snapshotName = (id: string) => `nightshift-test-${id}-2026-11-21-02-00`;
const snapshotsOf = async (id: string) =>
  (await w.world.client.send(new DescribeDBSnapshotsCommand({ DBInstanceIdentifier: id }))).DBSnapshots ?? [];
/** @param now the function's clock. */
const turn = (
  id: string,
  more: Partial<BackupConfig> = {},
  now: () => number = Date.now,
  asked: { readonly scheduledAt?: string; readonly wanted?: string } = {},
): Promise<Turn> =>
  takeTurn(
    {
      store: w.store,
      config: { ...config, databases: { [id]: { ...database, name: id, backup: { ...backup, ...more } } } },
      now,
      remaining: () => 30_000,
    },
    job,
    { job: 'back-up-database', subject: id, scheduledAt: SCHEDULED_AT, ...asked },
  );
/** As the state machine does, without its waits: until it has ended. */
const toItsEnd = (id: string, more: Partial<BackupConfig> = {}) =>
  eventually(
    `the end of the run for ${id}`,
    () => turn(id, more),
    ({ kind }) => kind === 'ended',
  );
const untilStatus = (id: string, status: string) =>
  eventually(
    `${id} ${status}`,
    () => w.describe(id),
    (seen) => seen?.DBInstanceStatus === status,
  );
async function query(id: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client(w.world.instance(id).adminClientConfig);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

describe('back-up-database', () => {
  it('[5a/database-backup, D48] makes one snapshot, named by its run, from which the rows come back', async () => {
    const id = 'pair-daily';
    await w.create(id);
    await query(id, 'CREATE TABLE notes AS SELECT 1 AS note');
    const { result, changing } = await w.callsDuring(() => toItsEnd(id));
    expect(result).toEqual({
      kind: 'ended',
      verdict: 'passed',
      summary: `snapshot ${snapshotName(id)} of 20 GiB`,
    });
    expect(changing).toEqual(['CreateDBSnapshot']);
    const [taken] = await snapshotsOf(id);
    expect(taken).toMatchObject({ DBSnapshotIdentifier: snapshotName(id), Status: 'available' });
    expect(taken?.TagList).toContainEqual({ Key: 'nightshift:deployment', Value: 'test' });
    const [run] = await readRuns(w.store, { job: 'back-up-database', subject: id });
    expect(run?.verdict?.report).toMatchObject({ sizeGib: 20, takenAt: taken?.SnapshotCreateTime?.toISOString() });
    await w.world.client.send(
      new RestoreDBInstanceFromDBSnapshotCommand({
        DBInstanceIdentifier: 'pair-proof',
        DBSnapshotIdentifier: snapshotName(id),
      }),
    );
    await w.untilAvailable('pair-proof');
    expect(await query('pair-proof', 'SELECT note FROM notes')).toEqual([{ note: 1 }]);
  });

  it('[5a/manual-backup, 5a/pre-change-backup] makes another when a person asks, under our name and tags, which says why and tells nobody else', async () => {
    const id = await described();
    const why = 'before "orders" gets a new schema; ticket #7';
    const asked = { scheduledAt: '2026-11-21T02:00:42Z', wanted: why };
    expect(await toItsEnd(id)).toMatchObject({ verdict: 'passed' });
    await eventually(
      'the end of the run that was asked for',
      () => turn(id, {}, Date.now, asked),
      ({ kind }) => kind === 'ended',
    );
    const taken = await snapshotsOf(id);
    expect(taken.map(({ DBSnapshotIdentifier }) => DBSnapshotIdentifier)).toEqual([
      snapshotName(id),
      `${snapshotName(id)}-42-on-demand`,
    ]);
    expect(taken[1]?.TagList).toEqual(
      expect.arrayContaining([
        { Key: 'nightshift:deployment', Value: 'test' },
        { Key: 'nightshift:why', Value: 'before  orders  gets a new schema  ticket  7' },
      ]),
    );
    expect(await w.store.read(headKey({ job: 'back-up-database', subject: id }))).toMatchObject({
      lastRunAt: SCHEDULED_AT,
    });
  });

  it('makes one also when the answer was lost, and when two turns are taken at once [D16]', async () => {
    const id = await described();
    w.fault('CreateDBSnapshot', 'timeout-after', 1);
    await Promise.allSettled([turn(id), turn(id)]);
    expect(await toItsEnd(id)).toMatchObject({ verdict: 'passed' });
    expect(await snapshotsOf(id)).toHaveLength(1);
  });

  it('[5a/cross-region-copy] copies it to the standby region, once, also when the answer was lost and two turns are taken at once', async () => {
    const id = await described();
    w.fault('CopyDBSnapshot', 'timeout-after', 1);
    await turn(id, { copy: {} });
    await untilStatus(id, 'available');
    await Promise.allSettled([turn(id, { copy: {} }), turn(id, { copy: {} })]);
    expect(await toItsEnd(id, { copy: {} })).toMatchObject({
      verdict: 'passed',
      summary: `snapshot ${snapshotName(id)} of 20 GiB, copied to ${config.standbyRegion}`,
    });
    const there = async () =>
      (await abroad.send(new DescribeDBSnapshotsCommand({ DBInstanceIdentifier: id }))).DBSnapshots ?? [];
    const [copy, ...more] = await there();
    expect(more).toEqual([]);
    const [original] = await snapshotsOf(id);
    expect(copy).toMatchObject({
      ...{ DBSnapshotIdentifier: snapshotName(id), Status: 'available' },
      ...{ SourceDBSnapshotIdentifier: original?.DBSnapshotArn, SourceRegion: config.region },
    });
    expect(copy?.TagList).toEqual(
      expect.arrayContaining([
        { Key: 'nightshift:deployment', Value: 'test' },
        { Key: 'nightshift:instance-resource-id', Value: original?.DbiResourceId },
      ]),
    );
    expect(takenTimes(await readRuns(w.store, { job: 'back-up-database', subject: id })).get(snapshotName(id))).toBe(
      original?.SnapshotCreateTime?.getTime(),
    );
  });

  it('fails when the copy is refused, and the backup is there and judged all the same', async () => {
    const id = await described();
    w.fault('CopyDBSnapshot', 'refused');
    expect(await toItsEnd(id, { copy: {} })).toMatchObject({
      verdict: 'failed',
      summary: expect.stringContaining(`copy the snapshot ${snapshotName(id)} to ${config.standbyRegion}`),
    });
    const [taken] = await snapshotsOf(id);
    const [run] = await readRuns(w.store, { job: 'back-up-database', subject: id });
    expect(run?.verdict).toMatchObject({
      check: 'copy',
      report: { snapshotId: snapshotName(id), takenAt: taken?.SnapshotCreateTime?.toISOString() },
    });
  });

  it('waits while the other region lets nothing be copied, and copies then', async () => {
    const id = await described();
    w.fault('CopyDBSnapshot', 'throttled', 2);
    const waited = await eventually(
      'a turn that waits for the other region',
      () => turn(id, { copy: {} }),
      (seen) => seen.kind === 'ended' || seen.note.startsWith('copy the snapshot'),
    );
    expect(waited).toMatchObject({ kind: 'wait', seconds: 60 });
    w.calm();
    expect(await toItsEnd(id, { copy: {} })).toMatchObject({ verdict: 'passed' });
  });

  it('takes the step again after it was throttled, and waits until the instance is available', async () => {
    const id = await described();
    w.fault('CreateDBSnapshot', 'throttled', 2);
    await expect(turn(id)).rejects.toMatchObject({ retryable: true });
    w.calm();
    await w.world.client.send(new StopDBInstanceCommand({ DBInstanceIdentifier: id }));
    await untilStatus(id, 'stopped');
    expect(await turn(id)).toMatchObject({ kind: 'wait', note: 'the instance is stopped' });
    await w.world.client.send(new StartDBInstanceCommand({ DBInstanceIdentifier: id }));
    expect(await toItsEnd(id)).toMatchObject({ verdict: 'passed' });
  });

  it('[2c/backup-too-slow] fails, and calls a person, when it takes longer than its time', async () => {
    const id = await described();
    await w.world.client.send(new StopDBInstanceCommand({ DBInstanceIdentifier: id }));
    await untilStatus(id, 'stopped');
    expect(await turn(id)).toMatchObject({ kind: 'wait', note: 'the instance is stopped' });
    const later = () => Date.now() + 1000 * (job.manifest.deadlineSeconds + 1);
    expect(await turn(id, {}, later)).toMatchObject({ kind: 'ended', verdict: 'failed' });
    const head = (await w.store.read(headKey({ job: 'back-up-database', subject: id }))) as { openIncidentId?: string };
    const incident = await readIncident(w.store, head.openIncidentId ?? '');
    expect(incident?.timeline.map(({ kind }) => kind)).toEqual(['opened', 'escalated']);
  });

  it('[D45] fails, and says why, when it is refused, when the instance is missing, and without transaction logs', async () => {
    const refused = await described();
    w.fault('CreateDBSnapshot', 'refused');
    expect(await toItsEnd(refused)).toMatchObject({
      verdict: 'failed',
      summary: expect.stringContaining('AccessDenied'),
    });
    w.calm();
    const gone = await described();
    await w.world.client.send(new DeleteDBInstanceCommand({ DBInstanceIdentifier: gone, SkipFinalSnapshot: true }));
    await eventually(
      `${gone} gone`,
      () => w.describe(gone).catch((error: Error) => error.name),
      (seen) => seen === 'DBInstanceNotFoundFault',
    );
    expect(await toItsEnd(gone)).toMatchObject({ verdict: 'failed', summary: 'the database instance is missing' });
    const without = await described();
    expect(await toItsEnd(without, { pointInTimeRecovery: true })).toMatchObject({
      verdict: 'failed',
      summary: expect.stringContaining('automated backups are switched off'),
    });
    expect(await snapshotsOf(without)).toHaveLength(1);
  });
});
