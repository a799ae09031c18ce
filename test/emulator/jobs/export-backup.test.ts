/** The job's own calls on a real journal, the RDS stand-in with a real server, and S3: what is in the snapshot lies in the bucket afterwards. */
import { CreateDBSnapshotCommand, DescribeDBSnapshotsCommand, DescribeExportTasksCommand } from '@aws-sdk/client-rds';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import { exportIdOf } from '../../../functions/databases/export-task.ts';
import type { BackupConfig } from '../../../functions/engine/config.ts';
import { headKey } from '../../../functions/engine/job-head.ts';
import { readIncident } from '../../../functions/engine/journal-reader.ts';
import type { State } from '../../../functions/jobs/export-backup/decide.ts';
import { type RunItem, readRuns } from '../../../functions/jobs/items.ts';
import type { Job } from '../../../functions/jobs/job.ts';
import { type Turn, takeTurn } from '../../../functions/jobs/run.ts';
import { putRun } from '../../../functions/jobs/writes.ts';
import { listKeys, readObject } from '../../../functions/records/s3.ts';
import type { Observation } from '../../../functions/remediations/snapshot-database/decide.ts';
import { config, database } from '../../support/fixtures.ts';
import { openRdsRemediation, type RdsRemediationWorld } from '../../support/rds-remediation.ts';
import { eventually, REGION } from '../rds/harness.ts';

jest.setTimeout(90_000);
const BUCKET = 'nightshift-test-db-000000000000-us-east-1';
const ID = 'pair-exported';
const backup: BackupConfig = {
  ...{ recoveryPointSeconds: 86_400, pointInTimeRecovery: false },
  ...{ keepDays: 30, keepWeeks: 8, keepMonths: 12, keepAtLeast: 3 },
  export: {
    roleArn: 'arn:aws:iam::000000000000:role/exports',
    kmsKeyArn: 'arn:aws:kms:us-east-1:000000000000:key/1234',
  },
};
let w: RdsRemediationWorld<Observation>;
let job: Job<State>;

beforeAll(async () => {
  w = await openRdsRemediation(() => import('../../../functions/remediations/snapshot-database/handler.ts'));
  process.env.NIGHTSHIFT_EXPORT_BUCKET = BUCKET;
  ({ job } = await import('../../../functions/jobs/export-backup/handler.ts'));
  await w.world.gateway.ask({ service: 's3', region: REGION, method: 'PUT', path: `/${BUCKET}` });
  await w.create(ID);
  const client = new pg.Client(w.world.instance(ID).adminClientConfig);
  await client.connect();
  await client.query(
    "CREATE TABLE orders (id int, note text); INSERT INTO orders SELECT n, 'order ' || n FROM generate_series(1, 12345) n; CREATE TABLE empty (id int)",
  );
  await client.end();
});
afterEach(() => w.calm());
afterAll(() => w?.close());

const nameOf = (day: string) => `nightshift-test-${ID}-2026-11-${day}-02-00`;
const arnOf = (day: string) => `arn:aws:rds:${REGION}:000000000000:snapshot:${nameOf(day)}`;

/** A backup of ours, and a run that proved it and counted so many rows. */
async function proved(day: string, rows: Readonly<Record<string, number>>): Promise<void> {
  const Tags = [{ Key: 'nightshift:deployment', Value: 'test' }];
  await w.world.client.send(
    new CreateDBSnapshotCommand({ DBSnapshotIdentifier: nameOf(day), DBInstanceIdentifier: ID, Tags }),
  );
  await eventually(
    `${nameOf(day)} available`,
    () => w.world.client.send(new DescribeDBSnapshotsCommand({ DBSnapshotIdentifier: nameOf(day) })),
    ({ DBSnapshots }) => DBSnapshots?.[0]?.Status === 'available',
  );
  await w.untilAvailable(ID);
  const report = {
    snapshotId: nameOf(day),
    takenAt: `2026-11-${day}T02:00:00Z`,
    systemId: '1',
    majorVersion: 18,
    nextXid: '1',
    rows,
  };
  const item: RunItem = {
    ...{
      job: 'verify-backup',
      subject: ID,
      scheduledAt: `2026-11-${day}T04:00:00Z`,
      version: 0,
      phase: 'ended',
      state: null,
    },
    ...{ startedAt: 0, deadlineAt: 0, endedAt: 1, verdict: { kind: 'passed', summary: 'proved', report } },
  };
  await w.store.transact([putRun(w.store.table, item)]);
}

/** @param now the function's clock. */
const turn = (scheduledAt: string, now: () => number = Date.now): Promise<Turn> =>
  takeTurn(
    {
      ...{ store: w.store, now, remaining: () => 30_000 },
      config: {
        ...config,
        region: REGION,
        databases: { [ID]: { ...database, name: ID, databaseName: 'postgres', backup } },
      },
    },
    job,
    { job: 'export-backup', subject: ID, scheduledAt },
  );
const ended = (scheduledAt: string) =>
  eventually(
    'the run to end',
    () => turn(scheduledAt),
    ({ kind }) => kind === 'ended',
  );
const reportOf = async (scheduledAt: string) =>
  (await readRuns(w.store, { job: 'export-backup', subject: ID })).find((run) => run.scheduledAt === scheduledAt)
    ?.verdict;
const incidentOf = async () => {
  const head = (await w.store.read(headKey({ job: 'export-backup', subject: ID }))) as
    | { openIncidentId?: string }
    | undefined;
  return head?.openIncidentId === undefined ? undefined : readIncident(w.store, head.openIncidentId);
};
const s3 = { region: REGION };

describe('exporting a proved backup', () => {
  it('has every table of it written to S3, row for row, once, and finds each there [3c/dump-database, D27, D30]', async () => {
    await proved('15', { 'public.orders': 12_345, 'public.empty': 0 });
    const at = '2026-11-15T10:00:00Z';
    // The answer is lost: the export was asked for all the same.
    w.fault('StartExportTask', 'timeout-after', 1);
    await ended(at);
    const { ExportTasks } = await w.world.client.send(new DescribeExportTasksCommand({}));
    expect(ExportTasks).toHaveLength(1);
    const folder = `${ID}/${exportIdOf('test', arnOf('15'), 0)}`;
    const verdict = await reportOf(at);
    expect(verdict).toMatchObject({ kind: 'passed', report: { snapshotId: nameOf('15'), bucket: BUCKET, folder } });
    const files = (await listKeys(BUCKET, `${folder}/postgres/public.orders/`, 100, s3)).filter((key) =>
      key.endsWith('.parquet'),
    );
    const rows = (await Promise.all(files.map((key) => readObject(BUCKET, key, s3)))).flatMap(
      (text) => JSON.parse(text) as { id: number }[],
    );
    expect(new Set(rows.map(({ id }) => id)).size).toBe(12_345);
    // The next run finds that one, and makes no other.
    const again = await w.callsDuring(() => ended('2026-11-16T10:00:00Z'));
    expect(again.changing).toEqual([]);
    expect(await reportOf('2026-11-16T10:00:00Z')).toMatchObject({ kind: 'passed', report: { folder } });
    // After the bucket's lifecycle has deleted it, RDS still calls it complete: it is made anew.
    for (const key of await listKeys(BUCKET, `${folder}/`, 1000, s3))
      await w.world.gateway.ask({ service: 's3', region: REGION, method: 'DELETE', path: `/${BUCKET}/${key}` });
    await ended('2026-11-17T10:00:00Z');
    const anew = `${ID}/${exportIdOf('test', arnOf('15'), 1)}`;
    expect(await reportOf('2026-11-17T10:00:00Z')).toMatchObject({ kind: 'passed', report: { folder: anew } });
  });

  it('fails, and calls a person, when a table that was counted is not in it, and resolves that with the next that is whole', async () => {
    await proved('20', { 'public.orders': 12_345, 'public.gone': 7 });
    const at = '2026-11-20T10:00:00Z';
    await ended(at);
    expect(await reportOf(at)).toMatchObject({
      kind: 'failed',
      check: 'tables',
      summary: expect.stringContaining('public.gone is missing'),
    });
    expect((await incidentOf())?.timeline.map(({ kind }) => kind)).toEqual(['opened', 'escalated']);
    await proved('21', { 'public.orders': 12_345 });
    await ended('2026-11-21T10:00:00Z');
    expect(await reportOf('2026-11-21T10:00:00Z')).toMatchObject({ kind: 'passed' });
    expect(await incidentOf()).toBeUndefined();
  });

  it('waits while RDS refuses more for now, and calls a person when it isn’t done by its deadline', async () => {
    await proved('22', { 'public.orders': 12_345 });
    const at = '2026-11-22T10:00:00Z';
    w.fault('StartExportTask', 'throttled');
    const { result } = await w.callsDuring(async () => {
      for (let turns = 0; turns < 4; turns++) expect(await turn(at)).toMatchObject({ kind: 'wait' });
      return turn(at, () => Date.now() + 25 * 3_600_000);
    });
    expect(result).toMatchObject({ kind: 'ended', verdict: 'failed' });
    expect(await reportOf(at)).toMatchObject({ check: 'deadline' });
    expect((await incidentOf())?.timeline.map(({ kind }) => kind)).toContain('escalated');
  });
});
