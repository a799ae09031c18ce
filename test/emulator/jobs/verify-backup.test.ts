/** Backups are restored and read for real: PostgreSQL servers behind the RDS stand-in, a real journal, the job's own calls. */
import { open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { CreateDBSnapshotCommand, DescribeDBInstancesCommand, DescribeDBSnapshotsCommand } from '@aws-sdk/client-rds';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import type { RuntimeConfig, VerifyConfig } from '../../../functions/engine/config.ts';
import { headKey } from '../../../functions/engine/job-head.ts';
import { readIncident } from '../../../functions/engine/journal-reader.ts';
import { readRuns } from '../../../functions/jobs/items.ts';
import type { Job } from '../../../functions/jobs/job.ts';
import { type Turn, takeTurn } from '../../../functions/jobs/run.ts';
import type { Reader } from '../../../functions/jobs/verify-backup/by-function.ts';
import type { State } from '../../../functions/jobs/verify-backup/decide.ts';
import { answerOrder } from '../../../functions/jobs/verify-backup/reader/read.ts';
import { VERIFY_GRANTS } from '../../../functions/jobs/verify-backup/sql.ts';
import type { Observation } from '../../../functions/remediations/snapshot-database/decide.ts';
import { copyTree } from '../../../local/postgres/template.ts';
import { config as base, database } from '../../support/fixtures.ts';
import { openRdsRemediation, type RdsRemediationWorld } from '../../support/rds-remediation.ts';
import { eventually, REGION } from '../rds/harness.ts';

jest.setTimeout(120_000);
const DB = 'pair-orders';
const ROWS = 3_000;
const verify: VerifyConfig = {
  subnetGroup: 'isolated',
  securityGroupId: 'sg-00000000000000001',
  user: 'nightshift_verify',
  tables: [
    { name: 'public.orders', minRows: 1, shrinksAtMostShare: 0.1, newest: { column: 'placed_at', withinSeconds: 600 } },
  ],
  queries: { 'no-negative-total': 'SELECT NOT EXISTS (SELECT FROM orders WHERE total_cents < 0)' },
  fullReadMib: 100,
};
let w: RdsRemediationWorld<Observation>;
let config: RuntimeConfig;
let job: Job<State>;
let verifyBackup: (read: Reader) => Job<State>;
let runs = 0;

beforeAll(async () => {
  w = await openRdsRemediation(() => import('../../../functions/remediations/snapshot-database/handler.ts'));
  // Node reads NODE_EXTRA_CA_CERTS only when it starts; this is the same list.
  setDefaultCACertificates([...getCACertificates('default'), w.world.ca]);
  ({ verifyBackup } = await import('../../../functions/jobs/verify-backup/handler.ts'));
  await w.create(DB, { EnableIAMDatabaseAuthentication: true });
  const { host, port } = w.world.instance(DB).endpoint;
  const backup = {
    ...{ recoveryPointSeconds: 86_400, pointInTimeRecovery: false, verify },
    ...{ keepDays: 30, keepWeeks: 8, keepMonths: 12, keepAtLeast: 3 },
  };
  config = { ...base, databases: { [DB]: { ...database, name: DB, host, port, databaseName: 'postgres', backup } } };
  job = verifyBackup((order) => answerOrder(order, config, Date.now));
  await query(VERIFY_GRANTS);
  await query(`
    CREATE EXTENSION amcheck;
    GRANT EXECUTE ON FUNCTION bt_index_check(regclass) TO nightshift_verify;
    CREATE TABLE orders (id bigint PRIMARY KEY, placed_at timestamptz NOT NULL, total_cents integer NOT NULL);
    INSERT INTO orders SELECT n, now(), n FROM generate_series(1, ${ROWS}) n`);
});
afterEach(() => w.calm());
afterAll(async () => {
  await w?.close();
});

async function query(sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(w.world.instance(DB).adminClientConfig);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

async function backUp(id: string): Promise<string> {
  const DBSnapshotIdentifier = `nightshift-test-${DB}-${id}`;
  await w.world.client.send(
    new CreateDBSnapshotCommand({
      DBSnapshotIdentifier,
      DBInstanceIdentifier: DB,
      Tags: [{ Key: 'nightshift:deployment', Value: 'test' }],
    }),
  );
  await eventually(
    `${id} available`,
    async () => (await w.world.client.send(new DescribeDBSnapshotsCommand({ DBSnapshotIdentifier }))).DBSnapshots?.[0],
    (seen) => seen?.Status === 'available',
  );
  await w.untilAvailable(DB);
  return DBSnapshotIdentifier;
}

const folderOf = (snapshot: string): string => {
  const folder = w.world.rds.snapshotFolder(snapshot, REGION);
  if (!folder) throw new Error(`${snapshot} has no data`);
  return folder;
};

const takeOne = (scheduledAt: string, wanted?: string, now: () => number = Date.now): Promise<Turn> =>
  takeTurn({ store: w.store, config, now, remaining: () => 30_000 }, job, {
    job: 'verify-backup',
    subject: DB,
    scheduledAt,
    wanted,
  });
const nextTime = () => new Date(Date.parse('2026-11-21T04:00:00Z') + ++runs * 60_000).toISOString();
/** As the state machine does, without its waits; a turn that failed is taken again. */
async function toItsEnd(wanted?: string, now?: () => number) {
  const scheduledAt = nextTime();
  await eventually(
    'the end of the run',
    () => takeOne(scheduledAt, wanted, now).catch((error: Error) => error),
    (seen) => 'kind' in seen && seen.kind === 'ended',
  );
  const [run] = await readRuns(w.store, { job: 'verify-backup', subject: DB }, 1);
  if (!run?.verdict) throw new Error('the run has no verdict');
  return run.verdict;
}
const instances = async () =>
  (await w.world.client.send(new DescribeDBInstancesCommand({}))).DBInstances?.map((each) => each.DBInstanceIdentifier);

describe('verify-backup', () => {
  it('[5a/restore-test, D34, D95, D117, M16] restores the newest backup, reads it, says how long that took and how old the data is, and removes the copy', async () => {
    const id = await backUp('good');
    const verdict = await toItsEnd();
    expect(verdict).toMatchObject({
      kind: 'passed',
      report: {
        snapshotId: id,
        rows: { 'public.orders': ROWS },
        checksums: true,
        indexesChecked: 1,
        fullReadNext: null,
      },
    });
    expect(verdict.report.restoreSeconds).toEqual(expect.any(Number));
    expect(verdict.report.findings).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ check: 'full-read', ok: true }),
        expect.objectContaining({ check: 'query:no-negative-total', ok: true }),
      ]),
    );
    expect(await instances()).toEqual([DB]);
  });

  it('[2c/backup-failure] finds a table that was emptied before the backup, and calls a person', async () => {
    await query('BEGIN; CREATE TABLE kept AS TABLE orders; DELETE FROM orders WHERE id > 10; COMMIT');
    const id = await backUp('truncated');
    await query('INSERT INTO orders SELECT * FROM kept WHERE id > 10; DROP TABLE kept');
    expect(await toItsEnd()).toMatchObject({ kind: 'failed', check: 'rows', report: { snapshotId: id } });
    const head = (await w.store.read(headKey({ job: 'verify-backup', subject: DB }))) as { openIncidentId?: string };
    const incident = await readIncident(w.store, head.openIncidentId ?? '');
    expect(incident?.timeline.map(({ kind }) => kind)).toEqual(['opened', 'escalated']);
    expect(await instances()).toEqual([DB]);
  });

  it('finds bytes that were flipped in a table after the backup was taken', async () => {
    const [{ path = '' } = {}] = await query(`SELECT pg_relation_filepath('orders') AS path`);
    const id = await backUp('damaged');
    const file = await open(join(folderOf(id), String(path)), 'r+');
    await file.write(Buffer.alloc(64, 0x5a), 0, 64, 8192 + 4000);
    await file.close();
    expect(await toItsEnd()).toMatchObject({ kind: 'failed', check: 'full-read' });
  });

  it('[5a/backup-check, D61] finds a newest backup that is too old', async () => {
    const verdict = await toItsEnd(undefined, () => Date.now() + 3 * 86_400_000);
    expect(verdict).toMatchObject({ kind: 'failed', check: 'age' });
  });

  it('finds an older backup in the place of a newer one', async () => {
    const [old] = (await readdir(join(folderOf(`nightshift-test-${DB}-good`), '..'))).filter((name) =>
      name.includes('good'),
    );
    await query('SELECT pg_current_xact_id()');
    const verified = await backUp('verified');
    expect(await toItsEnd()).toMatchObject({ kind: 'passed', report: { snapshotId: verified } });
    const id = await backUp('swapped');
    await rm(folderOf(id), { recursive: true });
    await copyTree(join(folderOf(id), '..', old ?? ''), folderOf(id));
    expect(await toItsEnd()).toMatchObject({ kind: 'failed', check: 'order' });
  });

  it('says so when no server starts from it, when RDS refuses, and when there is none of that name', async () => {
    const id = await backUp('short');
    await rm(join(folderOf(id), 'global'), { recursive: true });
    expect(await toItsEnd()).toMatchObject({ kind: 'failed', check: 'start' });
    w.fault('RestoreDBInstanceFromDBSnapshot', 'refused');
    expect(await toItsEnd()).toMatchObject({ kind: 'failed', check: 'restore' });
    w.calm();
    expect(await toItsEnd('nightshift-test-other')).toMatchObject({ kind: 'failed', check: 'backup' });
    expect(await instances()).toEqual([DB]);
  });

  it('never reads the database itself', async () => {
    const { host, port } = w.world.instance(DB).endpoint;
    await expect(answerOrder({ subject: DB, host, port, ask: { kind: 'overview' } }, config, Date.now)).rejects.toThrow(
      'only restored copies are read',
    );
  });
});
