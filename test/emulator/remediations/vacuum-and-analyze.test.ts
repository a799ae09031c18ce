/** The remediation's own handler code, on a real journal and a real PostgreSQL behind RDS's door, with the least grants. */
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import type { Observation } from '../../../functions/remediations/vacuum-and-analyze/decide.ts';
import { readDue } from '../../../functions/remediations/vacuum-and-analyze/sql.ts';
import type { SeededDatabase } from '../../../local/postgres/seed.ts';
import type { StatementWatcher } from '../../../local/stand-ins/rds/statements.ts';
import { type FireOptions, openRdsRemediation, type RdsRemediationWorld } from '../../support/rds-remediation.ts';
import { itKeepsSqlGuarantees } from '../../support/sql-guarantees.ts';
import { asMaster, makeWornTable, renewStatistics, TOLD, WORN_ROWS, wearOf } from '../../support/worn-table.ts';
import { eventually } from '../rds/harness.ts';

jest.setTimeout(60_000);
let w: RdsRemediationWorld<Observation>;
let seeded: SeededDatabase;
let count = 0;

beforeAll(async () => {
  w = await openRdsRemediation(() => import('../../../functions/remediations/vacuum-and-analyze/handler.ts'), {
    hasServer: () => true,
  });
  seeded = await w.world.seed();
  await withoutAutovacuum();
  await renewStatistics(seeded);
  setDefaultCACertificates([...getCACertificates('default'), w.world.ca]);
});
afterEach(async () => {
  watch(undefined);
  for (const { name } of await asMaster<{ name: string }>(
    seeded,
    "SELECT relname AS name FROM pg_stat_user_tables WHERE relname LIKE 'worn%'",
  ))
    await asMaster(seeded, `DROP TABLE ${name}`);
});
afterAll(async () => {
  await w?.close();
});

const watch = (watcher: StatementWatcher | undefined) => w.world.instance('orders-db').database.door.watch(watcher);
const isVacuum = (sql = '') => /^(VACUUM|ANALYZE)/.test(sql);

async function asAdministrator(...statements: readonly string[]): Promise<object[]> {
  const client = new pg.Client(w.world.instance('orders-db').adminClientConfig);
  await client.connect();
  try {
    let rows: object[] = [];
    for (const sql of statements) rows = (await client.query<object>(sql)).rows;
    return rows;
  } finally {
    await client.end();
  }
}

/** System catalogues can't be exempted from autovacuum one by one: it would be before us sometimes. */
async function withoutAutovacuum(): Promise<void> {
  await asAdministrator('ALTER SYSTEM SET autovacuum = off', 'SELECT pg_reload_conf()');
  await eventually(
    'no autovacuum worker',
    () =>
      asAdministrator(
        "SELECT FROM pg_stat_activity WHERE backend_type LIKE 'autovacuum%' UNION ALL SELECT FROM pg_settings WHERE name = 'autovacuum' AND setting = 'on'",
      ),
    (rows) => rows.length === 0,
  );
}

async function worn(): Promise<string> {
  const table = `worn_${++count}`;
  await makeWornTable(seeded, table);
  return table;
}
/** An alarm of a target of its own for each test, all of them this one database. */
function fire(options: FireOptions & { id?: string; event?: object } = {}) {
  const id = options.id ?? `orders-db-${++count}`;
  const { host, port, user, database: databaseName } = seeded;
  const target = { host, port, user, databaseName, ...options.target };
  return w.deliver(id, options.event ?? w.alarm(id, 'ReadLatency'), { ...options, target });
}
async function reportOf(outcome: Awaited<ReturnType<typeof fire>>) {
  return (await w.incident(outcome)).timeline.find(({ kind }) => kind === 'acted')?.data;
}

describe('vacuum-and-analyze on a real server', () => {
  it('vacuums and analyzes the tables that are due and no other, and is verified [3c/vacuum-and-analyze]', async () => {
    const [first, second] = [await worn(), await worn()];
    await asMaster(
      seeded,
      'CREATE TABLE worn_statistics (id int) WITH (autovacuum_enabled = false)',
      `INSERT INTO worn_statistics SELECT generate_series(1, ${WORN_ROWS})`,
      TOLD,
      'SELECT 1',
    );
    const id = 'orders-db-happy';
    const outcome = await fire({ id });
    expect(outcome).toMatchObject({ kind: 'remediated' });
    for (const table of [first, second])
      expect(await wearOf(seeded, table)).toEqual({ vacuums: 1, analyzes: 1, deadRows: 0 });
    expect(await wearOf(seeded, 'worn_statistics')).toMatchObject({ vacuums: 0, analyzes: 1 });
    expect(await wearOf(seeded, 'orders')).toMatchObject({ vacuums: 0 });
    await fire({ id, event: w.alarm(id, 'ReadLatency', 'OK') });
    expect(await w.incident(outcome)).toMatchObject({ state: 'resolved', actions: [{ status: 'verified' }] });
  });

  it('vacuums a table of whose TOAST table too much is dead, and a system catalogue', async () => {
    const table = `worn_${++count}`;
    // Each value is kept in 20 pieces of the TOAST table, uncompressed; of the table itself too few rows die.
    await asMaster(
      seeded,
      `CREATE TABLE ${table} (id int, long text STORAGE EXTERNAL) WITH (autovacuum_enabled = false)`,
      `INSERT INTO ${table} SELECT n, repeat('x', 40000) FROM generate_series(1, 100) n`,
      `UPDATE ${table} SET long = repeat('y', 40000)`,
      `DO $$ BEGIN FOR n IN 1..200 LOOP
         EXECUTE 'CREATE TABLE passing (a int, b int, c int, d int, e int, f int)'; EXECUTE 'DROP TABLE passing';
       END LOOP; END $$`,
      TOLD,
      'SELECT 1',
    );
    const outcome = await fire();
    expect(outcome).toMatchObject({ kind: 'remediated' });
    const { done } = (await reportOf(outcome)) as { done: string[] };
    expect(done).toEqual(expect.arrayContaining([`public.${table}`, 'pg_catalog.pg_attribute']));
    const [toast] = await asMaster<{ dead: number }>(
      seeded,
      `SELECT n_dead_tup::int AS dead FROM pg_stat_all_tables WHERE relid = (SELECT reltoastrelid FROM pg_class WHERE relname = '${table}')`,
    );
    expect(toast).toEqual({ dead: 0 });
  });

  it('knows which database of the server is the oldest, and that none is too old', async () => {
    const { ca, ...master } = seeded.as('postgres');
    const client = new pg.Client({ ...master, ssl: { ca, servername: master.host } });
    await client.connect();
    const { oldestDatabase } = await readDue(client, { deadRowsAboveShare: 0.2 });
    await client.end();
    expect(oldestDatabase).toMatchObject({ name: expect.any(String), limit: 200_000_000 });
    expect(oldestDatabase.transactionIdAge).toBeGreaterThan(0);
    expect(oldestDatabase.transactionIdAge).toBeLessThan(100_000);
  });

  it('does nothing when no table is due', async () => {
    const { vacuums, analyzes } = await wearOf(seeded, 'orders');
    expect(await fire()).toMatchObject({ kind: 'already-fine' });
    expect(await wearOf(seeded, 'orders')).toMatchObject({ vacuums, analyzes });
  });

  it('leaves tables larger than its limit to a person', async () => {
    const table = await worn();
    expect(await fire({ target: { vacuumTablesUpToMib: 0.01 } })).toMatchObject({
      kind: 'escalated',
      reason: expect.stringContaining(`public.${table}`),
    });
    expect(await wearOf(seeded, table)).toMatchObject({ vacuums: 0 });
  });

  it('calls a person when the database is unreachable, its login unknown, or its right taken away', async () => {
    const table = await worn();
    expect(await fire({ target: { port: 1 } })).toMatchObject({ kind: 'escalated' });
    expect(await fire({ target: { user: 'nobody_knows' } })).toMatchObject({ kind: 'escalated' });
    await asMaster(seeded, 'REVOKE pg_maintain FROM nightshift');
    try {
      expect(await fire()).toMatchObject({ kind: 'escalated', reason: expect.stringContaining('pg_maintain') });
    } finally {
      await asMaster(seeded, 'GRANT pg_maintain TO nightshift');
    }
    expect(await wearOf(seeded, table)).toMatchObject({ vacuums: 0 });
  });

  itKeepsSqlGuarantees({
    isChanging: isVacuum,
    watch,
    async makeTrouble() {
      const table = await worn();
      return {
        async expectChangedOnce() {
          expect(await wearOf(seeded, table)).toMatchObject({ vacuums: 1 });
        },
        async expectUnchanged() {
          expect(await wearOf(seeded, table)).toMatchObject({ vacuums: 0 });
        },
      };
    },
    alarm: (id) => w.alarm(id, 'ReadLatency'),
    fire,
  });

  it('leaves a table alone that somebody else took or vacuumed between look and statement', async () => {
    const [taken, done] = [await worn(), await worn()];
    const { ca, ...master } = seeded.as('postgres');
    const other = new pg.Client({ ...master, ssl: { ca, servername: master.host } });
    await other.connect();
    let isFirst = true;
    // The watcher meets the other's statements as well: it is set off by ours only, and once.
    watch(async ({ sql, user }) => {
      if (user !== 'nightshift' || !isFirst || !/^SET statement_timeout/.test(sql ?? '')) return undefined;
      isFirst = false;
      await other.query('BEGIN');
      await other.query(`LOCK TABLE ${taken} IN SHARE UPDATE EXCLUSIVE MODE`);
      await asMaster(seeded, `VACUUM ANALYZE ${done}`);
      return undefined;
    });
    const outcome = await fire();
    expect(await reportOf(outcome)).toMatchObject({
      done: [],
      busy: [`public.${taken}`],
      noLongerDue: [`public.${done}`],
    });
    await other.query('ROLLBACK');
    await other.end();
    expect(await wearOf(seeded, taken)).toMatchObject({ vacuums: 0 });
    expect(await wearOf(seeded, done)).toMatchObject({ vacuums: 1 });
  });

  it('says what it would do in observe mode, and vacuums nothing', async () => {
    const table = await worn();
    const changing: string[] = [];
    watch(({ sql = '' }) => {
      if (isVacuum(sql)) changing.push(sql);
      return undefined;
    });
    expect(await fire({ limits: { mode: 'observe' } })).toMatchObject({
      kind: 'would-act',
      change: expect.stringContaining(`public.${table}`),
    });
    expect(changing).toEqual([]);
  });
});
