/** Statements interrupted at the front door, on a real server: what reached it, and what the client was told. */
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { connect } from '../../../functions/databases/connect.ts';
import type { SeededDatabase } from '../../../local/postgres/seed.ts';
import type { Statement } from '../../../local/stand-ins/rds/statements.ts';
import { openTestWorld, REGION, type TestWorld } from './harness.ts';

let world: TestWorld;
let seeded: SeededDatabase;
let admin: pg.Client;

beforeAll(async () => {
  world = await openTestWorld();
  seeded = await world.seed({ maxConnections: 20 });
  setDefaultCACertificates([...getCACertificates('default'), world.ca]);
  process.env.AWS_ACCESS_KEY_ID = 'nightshift-test';
  process.env.AWS_SECRET_ACCESS_KEY = 'test';
  admin = new pg.Client(world.instance('orders-db').adminClientConfig);
  await admin.connect();
  await admin.query('CREATE SEQUENCE public.effects; GRANT USAGE ON SEQUENCE public.effects TO nightshift');
});
afterEach(() => door().watch(undefined));
afterAll(async () => {
  await admin?.end();
  await world?.close();
});

const door = () => world.instance('orders-db').database.door;
const TIMEOUTS = { connectMs: 5_000, statementMs: 5_000, lockMs: 1_000 };
const login = () => connect({ ...seeded, region: REGION }, TIMEOUTS);
const EFFECT = 'SELECT nextval($1::regclass)';
const effect = (client: pg.Client) => client.query(EFFECT, ['public.effects']);

async function effects(): Promise<number> {
  const { rows } = await admin.query<{ count: number }>(
    'SELECT CASE WHEN is_called THEN last_value ELSE 0 END::int AS count FROM public.effects',
  );
  return rows[0]?.count ?? -1;
}

/** Logs in with a watcher that answers the effect's statement; the statements it saw are kept. */
async function watched(answer: Parameters<ReturnType<typeof door>['watch']>[0]) {
  const seen: Statement[] = [];
  door().watch((statement) => {
    seen.push(statement);
    return statement.sql === EFFECT ? answer?.(statement) : undefined;
  });
  const client = await login();
  client.on('error', () => {});
  return { client, seen };
}

describe('a watched login', () => {
  it('has each statement told with who sends it, and works as before', async () => {
    const before = await effects();
    const { client, seen } = await watched(() => undefined);
    await effect(client);
    await client.query('SELECT 1');
    await client.end();
    expect(await effects()).toBe(before + 1);
    const who = { user: 'nightshift', accessKeyId: 'nightshift-test' };
    expect(seen).toEqual([who, { ...who, sql: EFFECT }, { ...who, sql: 'SELECT 1' }]);
  });

  it('that is refused gets the error, and no session', async () => {
    door().watch(() => ({ kind: 'refuse', code: '53300', message: 'sorry, too many clients already' }));
    await expect(login()).rejects.toMatchObject({ kind: 'no-slot' });
  });

  it('that is cut off before or after the server let it in is unreachable', async () => {
    for (const kind of ['cut-before', 'cut-after'] as const) {
      door().watch(() => ({ kind }));
      await expect(login()).rejects.toMatchObject({ kind: 'unreachable' });
    }
  });
});

describe('a statement', () => {
  it('that is refused has no effect, and the session goes on', async () => {
    const before = await effects();
    const { client } = await watched(() => ({ kind: 'refuse', code: '42501', message: 'permission denied' }));
    await expect(effect(client)).rejects.toMatchObject({ code: '42501', message: 'permission denied' });
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await client.end();
    expect(await effects()).toBe(before);
  });

  it('that is cut off before has no effect, and the connection is lost', async () => {
    const before = await effects();
    const { client } = await watched(() => ({ kind: 'cut-before' }));
    await expect(effect(client)).rejects.toThrow();
    expect(await effects()).toBe(before);
  });

  it('that is cut off after has its effect, told at that moment, and the client never hears of it', async () => {
    const before = await effects();
    let told = 0;
    const { client } = await watched(() => ({ kind: 'cut-after', effect: () => void told++ }));
    await expect(effect(client)).rejects.toThrow();
    expect(told).toBe(1);
    expect(await effects()).toBe(before + 1);
  });
});
