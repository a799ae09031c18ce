/** The remediation's own handler code, on a real journal and a real PostgreSQL behind RDS's door, with the least grants. */
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import type { Observation } from '../../../functions/remediations/vacuum-and-analyze/decide.ts';
import type { SeededDatabase } from '../../../local/postgres/seed.ts';
import type { StatementWatcher } from '../../../local/stand-ins/rds/statements.ts';
import { type FireOptions, openRdsRemediation, type RdsRemediationWorld } from '../../support/rds-remediation.ts';
import { itKeepsSqlGuarantees } from '../../support/sql-guarantees.ts';
import { asMaster, makeWornTable, renewStatistics, TOLD, WORN_ROWS, wearOf } from '../../support/worn-table.ts';

jest.setTimeout(60_000);
let w: RdsRemediationWorld<Observation>;
let seeded: SeededDatabase;
let count = 0;

beforeAll(async () => {
  w = await openRdsRemediation(() => import('../../../functions/remediations/vacuum-and-analyze/handler.ts'), {
    hasServer: () => true,
  });
  seeded = await w.world.seed();
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

  it('does nothing when no table is due', async () => {
    expect(await fire()).toMatchObject({ kind: 'already-fine' });
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
