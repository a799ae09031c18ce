/** The guard of a database that takes writes by a lease, on a real PostgreSQL behind RDS's door, with the grants and the SQL that the documentation names. */
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import { setAuthority } from '../../../functions/authority/set-authority/set.ts';
import { AUTHORITY_GUARD, AUTHORITY_USER } from '../../../functions/authority/set-authority/sql.ts';
import type { RuntimeConfig } from '../../../functions/engine/config.ts';
import type { SeededDatabase, SeedUser } from '../../../local/postgres/seed.ts';
import { config as base, database } from '../../support/fixtures.ts';
import { asMaster } from '../../support/worn-table.ts';
import { openTestWorld, REGION, type TestWorld } from '../rds/harness.ts';

jest.setTimeout(150_000);
const HOUR_MS = 3_600_000;
const REFUSED = { code: '25006', message: expect.stringMatching(/takes no writes: its authority was over/) };
const INSERT = "INSERT INTO customers (name, joined_at) VALUES ('Jane', now())";
let w: TestWorld;
let seeded: SeededDatabase;
let config: RuntimeConfig;

beforeAll(async () => {
  w = await openTestWorld();
  seeded = await w.seed();
  setDefaultCACertificates([...getCACertificates('default'), w.ca]);
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' });
  const { host, port, user, database: databaseName } = seeded;
  const target = { ...database, name: 'orders-db', host, port, user, databaseName, authority: true };
  config = { ...base, region: REGION, databases: { 'orders-db': target, other: { ...target, authority: false } } };
});
afterAll(async () => {
  await w?.close();
});
const lease = (until: number) => asMaster(seeded, `SELECT setval('nightshift.authority_until', ${until}, false)`);

/** In a session of the application's. */
async function as<Result>(user: SeedUser, use: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const { ca, ...target } = seeded.as(user);
  const client = new pg.Client({ ...target, ssl: { ca, servername: target.host } });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
const app = (...statements: readonly string[]) =>
  as('orders_app', async (client) => {
    for (const sql of statements) await client.query(sql);
  });
const extend = (until: number, name = 'orders-db') => setAuthority({ ask: 'extend', database: name, until }, config);

describe('the guard of a database', () => {
  it('is asked for by the keeper until it is there, and can be installed twice', async () => {
    expect(await extend(Date.now() + HOUR_MS)).toMatchObject({
      ...{ kind: 'refused', isNotSetUp: true, why: expect.stringMatching(/install the guard/) },
    });
    await asMaster(seeded, AUTHORITY_GUARD, AUTHORITY_GUARD);
    const guarded = await asMaster(seeded, "SELECT guarded FROM nightshift.guard('public') ORDER BY 1");
    expect(guarded).toEqual([{ guarded: 'public.customers' }, { guarded: 'public.orders' }]);
    expect(await asMaster(seeded, "SELECT guarded FROM nightshift.guard('public')")).toEqual([]);
  });

  describe('once installed', () => {
    beforeEach(() => lease(0));

    it('lets everything through while no lease was ever given', async () => {
      await app(INSERT);
    });

    it('takes writes until its own clock says that the lease is over, then none, and reads all the time', async () => {
      expect(await extend(Date.now() + HOUR_MS)).toMatchObject({ kind: 'held', guardedTables: 2, unguarded: [] });
      await app(INSERT, 'UPDATE customers SET name = name WHERE id = 1');
      await lease(Date.now() - 1);
      for (const sql of [INSERT, 'UPDATE orders SET status = status WHERE id = 1'])
        await expect(app(sql)).rejects.toMatchObject(REFUSED);
      await expect(asMaster(seeded, 'DELETE FROM orders WHERE id = 1')).rejects.toMatchObject(REFUSED);
      await expect(asMaster(seeded, 'TRUNCATE orders')).rejects.toMatchObject(REFUSED);
      await app('SELECT count(*) FROM orders');
    });

    it('lets no transaction commit after its lease what it wrote before, however old its snapshot is', async () => {
      for (const level of ['READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE']) {
        await lease(0);
        const attempt = as('orders_app', async (client) => {
          await client.query(`BEGIN ISOLATION LEVEL ${level}`);
          await client.query(INSERT);
          await lease(Date.now() - 1);
          await client.query('COMMIT');
        });
        await expect(attempt).rejects.toMatchObject(REFUSED);
      }
    });

    it('lets nobody commit by a savepoint that took the check back with it', async () => {
      const attempt = as('orders_app', async (client) => {
        await client.query('BEGIN');
        await client.query('SAVEPOINT one');
        await client.query(INSERT);
        await client.query('ROLLBACK TO one');
        await client.query(INSERT);
        await lease(Date.now() - 1);
        await client.query('COMMIT');
      });
      await expect(attempt).rejects.toMatchObject(REFUSED);
    });

    it('commits what a long transaction writes when its lease was renewed meanwhile, also in a repeatable read', async () => {
      await lease(Date.now() + 60_000);
      await as('orders_app', async (client) => {
        await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
        await client.query(INSERT);
        await extend(Date.now() + HOUR_MS);
        await client.query('COMMIT');
      });
    });

    it('never shortens a lease, and tells what is granted and by which clock', async () => {
      const until = Date.now() + HOUR_MS;
      await extend(until);
      const held = await extend(until - 60_000);
      expect(held).toMatchObject({ kind: 'held', until });
      expect(held.kind === 'held' && Math.abs(held.clock - Date.now())).toBeLessThan(60_000);
      expect(await setAuthority({ ask: 'look', database: 'orders-db' }, config)).toMatchObject({ kind: 'held', until });
    });

    it('names tables that were made later and that nobody guards, and leaves no row of its own behind', async () => {
      await asMaster(seeded, 'CREATE TABLE refunds (id int)');
      expect(await extend(Date.now() + HOUR_MS)).toMatchObject({ guardedTables: 2, unguarded: ['public.refunds'] });
      await asMaster(seeded, "SELECT nightshift.guard('public')");
      expect(await extend(Date.now() + HOUR_MS)).toMatchObject({ guardedTables: 3, unguarded: [] });
      await asMaster(seeded, 'ALTER TABLE refunds DISABLE TRIGGER nightshift_authority');
      expect(await extend(Date.now() + HOUR_MS)).toMatchObject({ unguarded: ['public.refunds'] });
      await asMaster(seeded, 'DROP TABLE refunds');
      expect(await asMaster(seeded, 'SELECT count(*)::int AS n FROM nightshift.authority_writers')).toEqual([{ n: 0 }]);
    });

    it('is renewed by a login that may do nothing else, and by no application', async () => {
      const rows = await asMaster(
        seeded,
        `SELECT has_schema_privilege('orders_app', 'nightshift', 'USAGE') AS app,
                has_table_privilege('${AUTHORITY_USER}', 'orders', 'SELECT') AS reads,
                has_sequence_privilege('${AUTHORITY_USER}', 'nightshift.authority_until', 'UPDATE') AS sets`,
      );
      expect(rows).toEqual([{ app: false, reads: false, sets: false }]);
      expect(await extend(Date.now(), 'other')).toMatchObject({ kind: 'refused', isNotSetUp: false });
      expect(await setAuthority({ ask: 'release', pair: 'checkout' }, config)).toMatchObject({ kind: 'refused' });
    });

    it('is taken away again', async () => {
      await lease(1);
      await expect(app(INSERT)).rejects.toMatchObject(REFUSED);
      await asMaster(seeded, 'SELECT nightshift.unguard()');
      await app(INSERT);
    });
  });
});
