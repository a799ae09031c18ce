/** The daily look into a database: a real PostgreSQL behind RDS's door, with the least grants, and a real journal. */
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { CreateDBInstanceReadReplicaCommand, ModifyDBInstanceCommand } from '@aws-sdk/client-rds';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import { withClient } from '../../../functions/databases/session.ts';
import type { DatabaseChecks, DatabaseConfig } from '../../../functions/engine/config.ts';
import { readDatabase } from '../../../functions/jobs/check-database/sql.ts';
import { readRuns } from '../../../functions/jobs/items.ts';
import type { Job } from '../../../functions/jobs/job.ts';
import { takeTurn } from '../../../functions/jobs/run.ts';
import type { SeededDatabase } from '../../../local/postgres/seed.ts';
import { openSessions } from '../../../local/postgres/sessions.ts';
import { config as base, database } from '../../support/fixtures.ts';
import { openRdsRemediation, type RdsRemediationWorld } from '../../support/rds-remediation.ts';
import { asMaster, makeWornTable, renewStatistics } from '../../support/worn-table.ts';
import { eventually } from '../rds/harness.ts';

jest.setTimeout(90_000);
const DB = 'orders-db';
const LIMITS: DatabaseChecks = {
  ...{
    statementsLongerThanSeconds: 300,
    statementsSlowerThanSeconds: 0.1,
    transactionIdsAbove: 500_000_000,
    replicaLagAboveSeconds: 60,
  },
  ...{ retainedLogsAboveMib: 1024, unusedIndexesAboveMib: 1024 },
};
let w: RdsRemediationWorld<unknown>;
let seeded: SeededDatabase;
let job: Job<null>;
let runs = 0;

beforeAll(async () => {
  w = await openRdsRemediation(() => import('../../../functions/remediations/vacuum-and-analyze/handler.ts') as never, {
    hasServer: () => true,
  });
  ({ job } = await import('../../../functions/jobs/check-database/handler.ts'));
  seeded = await w.world.seed();
  setDefaultCACertificates([...getCACertificates('default'), w.world.ca]);
  await renewStatistics(seeded);
});
afterAll(async () => {
  await w?.close();
});

/** As nobody may on RDS. */
async function asAdmin(sql: string, of = 'postgres'): Promise<void> {
  const client = new pg.Client({ ...w.world.instance(DB).adminClientConfig, database: of });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

/** One run on the seeded database, or on another. */
async function look(limits: Partial<DatabaseChecks> = {}, more: Partial<DatabaseConfig> = {}) {
  const { host, port, user, database: databaseName } = seeded;
  const subject = more.name ?? DB;
  const scheduledAt = new Date(Date.parse('2026-11-21T06:30:00Z') + ++runs * 1000).toISOString();
  const order = { job: 'check-database', subject, scheduledAt };
  const config = {
    ...base,
    databases: { [subject]: { ...database, name: subject, host, port, user, databaseName, ...more } },
    checks: {
      secrets: { olderThanDays: 90, expiringWithinDays: 7, ignore: [] },
      health: { storageAbovePercent: 80, errorsAbovePercent: 1, firingForHours: 4 },
      capacity: { withinDays: 30, storagePercent: 90, cpuPercent: 80, memoryFreeMib: 256 },
      database: { ...LIMITS, ...limits },
    },
  };
  await eventually(
    'the end of the run',
    () => takeTurn({ store: w.store, config, now: Date.now, remaining: () => 60_000 }, job, order),
    ({ kind }) => kind === 'ended',
  );
  const [latest] = await readRuns(w.store, order);
  if (!latest?.verdict) throw new Error('the run has no verdict');
  return latest.verdict;
}

const checksOf = ({ report }: Awaited<ReturnType<typeof look>>) =>
  (report.findings as { check: string }[]).map(({ check }) => check);

describe('check-database', () => {
  it('[5b/database-health, 3c/report-table-size] passes over one that is well, and tells its sizes', async () => {
    const { kind, report } = await look();
    expect(kind).toBe('passed');
    expect(report).toMatchObject({ passed: 6, notPassed: 0, findings: [], longStatements: [], wornTables: [] });
    expect(report.largestTables).toContainEqual(expect.objectContaining({ table: 'public.orders' }));
    expect(report.databaseMib).toBeGreaterThan(0);
  });

  it('[3c/list-long-queries] names long statements by who sends them, never by their text', async () => {
    const planted = 'planted-text-that-nobody-may-see';
    const client = await openSessions(seeded.as('reporting'), { count: 2, state: 'active', application: 'reports' });
    const open = await openSessions(seeded.as('orders_app'), {
      ...{ count: 1, state: 'idle in transaction', application: 'shop' },
    });
    const allowed = await openSessions(seeded.as('batch_allowed'), {
      ...{ count: 1, state: 'active', application: 'nightly' },
    });
    try {
      await asMaster(seeded, `COMMENT ON TABLE orders IS '${planted}'`);
      const seen = await eventually(
        'three of them to be told of',
        () => look({ statementsLongerThanSeconds: 0.2 }, { allowUsers: ['batch_allowed'] }),
        ({ report }) => (report.longStatements as unknown[]).length === 3,
      );
      expect(checksOf(seen)).toEqual(['long-statements']);
      expect(seen.report.longStatements).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ user: 'reporting', application: 'reports', state: 'active', isBlocked: false }),
          expect.objectContaining({ user: 'orders_app', state: 'idle in transaction' }),
        ]),
      );
      expect(JSON.stringify(seen)).not.toMatch(/pg_sleep|SELECT|planted/);
      expect((await look()).kind).toBe('passed');
    } finally {
      await Promise.all([client.close(), open.close(), allowed.close()]);
    }
  });

  it('[2b/slow-query, 3c/find-slow-queries] names statements that are slow on average, by id and user, once they have run often enough', async () => {
    expect((await look()).report.slowStatements).toMatch(/^not known/);
    // On RDS its master user may.
    await asAdmin('CREATE EXTENSION pg_stat_statements', seeded.database);
    // Called from a function, so that one statement of ours runs it often: the server counts those within as well.
    await asAdmin("ALTER SYSTEM SET pg_stat_statements.track = 'all'");
    await asAdmin('SELECT pg_reload_conf()');
    const slowly = (times: number, seconds: number, text: string) =>
      asMaster(
        seeded,
        `DO $$ BEGIN FOR i IN 1..${times} LOOP PERFORM pg_sleep(${seconds}), '${text}'; END LOOP; END $$`,
      );
    await slowly(100, 0.01, 'planted-often');
    // Another statement, by its form.
    await slowly(1, 0.2, "planted-once', 'planted-too");
    try {
      const seen = await look({ statementsSlowerThanSeconds: 0.009 });
      expect(checksOf(seen)).toEqual(['slow-statements']);
      expect(seen.summary).toMatch(
        /1 statements take longer than 0.009 s on average: -?\d+ of postgres, 0.\d+ s in 100 calls/,
      );
      expect(seen.report.slowStatements).toContainEqual(expect.objectContaining({ user: 'postgres', calls: 100 }));
      expect(JSON.stringify(seen)).not.toMatch(/pg_sleep|planted/);
      expect((await look({ statementsSlowerThanSeconds: 5 })).kind).toBe('passed');
    } finally {
      await asAdmin('DROP EXTENSION pg_stat_statements', seeded.database);
      await asAdmin('ALTER SYSTEM RESET pg_stat_statements.track');
    }
  });

  it('names tables with dead rows, indexes that nobody uses, slots that nobody reads and old transaction ids', async () => {
    await asAdmin("SELECT pg_create_physical_replication_slot('left_behind', true)");
    await asMaster(
      seeded,
      'CREATE INDEX orders_never_used ON orders (total_cents)',
      'CREATE TABLE filler AS SELECT n, repeat(md5(n::text), 10) AS text FROM generate_series(1, 20000) n',
    );
    await makeWornTable(seeded, 'worn');
    try {
      const seen = await look({ retainedLogsAboveMib: 1, transactionIdsAbove: 1 });
      expect(checksOf(seen)).toEqual(['dead-rows', 'transaction-ids', 'slot']);
      expect(seen.report.wornTables).toEqual([{ table: 'public.worn', deadRows: 2000, liveRows: 2000 }]);
      expect(seen.summary).toMatch(/MiB of transaction logs are kept for the replication slot left_behind/);
      const unused = (seen.report.unusedIndexes as { index: string }[]).map(({ index }) => index);
      expect(unused).toContain('public.orders_never_used');
      expect(unused).not.toContain('public.orders_pkey');
      expect(Object.keys(seen.report.unusedSince as object)).toHaveLength((seen.report.unusedIndexes as []).length);
      // An hour's statistics say nothing of an index: it is named and not judged.
      const next = await look({ unusedIndexesAboveMib: 1 });
      expect(next.summary).not.toContain('indexes');
      // What a run saw first, the next goes on with.
      expect(next.report.unusedSince).toMatchObject(seen.report.unusedSince as object);
    } finally {
      await asAdmin("SELECT pg_drop_replication_slot('left_behind')");
      await asMaster(seeded, 'DROP TABLE worn, filler');
    }
  });

  it('counts uses from when a crash dropped all statistics, which only the shared ones tell', async () => {
    const { host, port, user, database: databaseName } = seeded;
    const target = { ...database, host, port, user, databaseName };
    await asAdmin("SELECT pg_stat_reset_shared('bgwriter')");
    const { statisticsSeconds } = await withClient(target, base, (client) => readDatabase(client, target, 300));
    const [shared] = await asMaster<{ seconds: number }>(
      seeded,
      'SELECT extract(epoch FROM clock_timestamp() - stats_reset)::float8 AS seconds FROM pg_stat_bgwriter',
    );
    expect(statisticsSeconds).toBeLessThan(shared?.seconds ?? 0);
  });

  it('[D153] looks at both ends of a replication', async () => {
    const { client } = w.world;
    await client.send(
      new ModifyDBInstanceCommand({ DBInstanceIdentifier: DB, BackupRetentionPeriod: 1, ApplyImmediately: true }),
    );
    await w.untilAvailable(DB);
    const name = 'orders-replica';
    await client.send(
      new CreateDBInstanceReadReplicaCommand({
        ...{ SourceDBInstanceIdentifier: DB, DBInstanceIdentifier: name, EnableIAMDatabaseAuthentication: true },
      }),
    );
    await w.untilAvailable(name);
    const { Endpoint } = (await w.describe(name)) ?? {};
    await eventually(
      'the replica to be streaming',
      () => look(),
      ({ report }) => (report.readers as { state: string }[]).map(({ state }) => state).join() === 'streaming',
    );
    const replica = await eventually(
      'the replica to say so, too',
      () => look({}, { name, host: Endpoint?.Address ?? '', port: Endpoint?.Port ?? 0 }),
      ({ kind }) => kind === 'passed',
    );
    // Unused indexes aren't judged there, but how far it is behind.
    expect(replica).toMatchObject({ report: { passed: 6, readers: [] } });
  });

  it('[3c/check-database] fails when it is not let in, or sees only its own sessions', async () => {
    const stranger = await look({}, { user: 'nobody_here' });
    expect(stranger).toMatchObject({ kind: 'failed', check: 'login' });
    expect(stranger.summary).toContain('nobody_here');
    await asAdmin('CREATE ROLE short_sighted LOGIN; GRANT rds_iam TO short_sighted');
    const blind = await look({}, { user: 'short_sighted' });
    expect(blind).toMatchObject({ kind: 'failed', check: 'long-statements' });
  });
});
