import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { connect } from '../../../functions/databases/connect.ts';
import {
  type Candidate,
  type EndLimits,
  endSession,
  type ReleaseRules,
  readSessions,
} from '../../../functions/remediations/release-idle-connections/sql.ts';
import type { SeededDatabase } from '../../../local/postgres/seed.ts';
import { churn, openSessions, type Sessions } from '../../../local/postgres/sessions.ts';
import { eventually, openTestWorld, REGION, type TestWorld } from './harness.ts';

const RULES: ReleaseRules = {
  idleForSeconds: 0.2,
  includeIdleInTransaction: false,
  allowUsers: ['batch_allowed'],
  allowApplications: ['keep-me'],
};

let world: TestWorld;
let seeded: SeededDatabase;
let nightshift: pg.Client;
const opened: Sessions[] = [];

const login = (): Promise<pg.Client> =>
  connect({ ...seeded, region: REGION }, { connectMs: 5_000, statementMs: 10_000, lockMs: 1_000 });

async function keep(sessions: Promise<Sessions>): Promise<Sessions> {
  const kept = await sessions;
  opened.push(kept);
  return kept;
}

function oneMicrosecondOff(time: string): string {
  const last = Number(time.at(-2));
  return `${time.slice(0, -2)}${last === 9 ? 8 : last + 1}Z`;
}

/** A client of an application, whose end by the server is expected. */
async function appClient(application: string): Promise<pg.Client> {
  const { ca, ...config } = seeded.as('orders_app');
  const client = new pg.Client({ ...config, ssl: { ca, servername: config.host }, application_name: application });
  client.on('error', () => {});
  await client.connect();
  return client;
}

const closeAll = () => Promise.all(opened.splice(0).map((sessions) => sessions.close()));
const read = (rules: Partial<ReleaseRules> = {}) => readSessions(nightshift, { ...RULES, ...rules });
const limits = (rules: Partial<ReleaseRules> = {}): EndLimits => ({
  ...RULES,
  ...rules,
  waitMs: 2_000,
});
const aged = (sessions: Sessions, rules: Partial<ReleaseRules> = {}) =>
  eventually(
    'sessions old enough',
    () => read(rules),
    ({ candidates }) => sessions.pids().every((pid) => candidates.some((candidate) => candidate.pid === pid)),
  );

beforeAll(async () => {
  world = await openTestWorld();
  seeded = await world.seed({ maxConnections: 30 });
  // Node reads NODE_EXTRA_CA_CERTS only when it starts; this is the same list.
  setDefaultCACertificates([...getCACertificates('default'), world.ca]);
  process.env.AWS_ACCESS_KEY_ID = 'nightshift-test';
  process.env.AWS_SECRET_ACCESS_KEY = 'test';
  nightshift = await login();
});

afterEach(async () => {
  await closeAll();
});

afterAll(async () => {
  await nightshift?.end();
  await world?.close();
});

describe('reading sessions', () => {
  it('tells limits, rights and counts in one round trip', async () => {
    await keep(openSessions(seeded.as('orders_app'), { count: 3, application: 'shop', state: 'idle' }));
    await keep(openSessions(seeded.as('reporting'), { count: 1, application: 'report', state: 'active' }));
    const reading = await read();
    expect(reading).toMatchObject({
      maxConnections: 30,
      superuserReservedConnections: 3,
      reservedConnections: 3,
      reservedSlot: true,
      canSignal: true,
      canReadStats: true,
      rdsProxy: false,
    });
    expect(reading.serverVersion).toBeGreaterThanOrEqual(180000);
    expect(reading.byApplication).toMatchObject({ shop: 3, report: 1, nightshift: 1 });
    expect(reading.byState.idle).toBeGreaterThanOrEqual(3);
    const total = Object.values(reading.byState).reduce((sum, count) => sum + count, 0);
    expect(total).toBe(reading.clientBackends);
  });

  it('offers only idle sessions that nothing protects, longest idle first', async () => {
    const mine = await login();
    await mine.query("SET application_name = 'another-name'");
    const first = await keep(openSessions(seeded.as('orders_app'), { count: 1, application: 'old', state: 'idle' }));
    await aged(first);
    const second = await keep(openSessions(seeded.as('orders_app'), { count: 1, application: 'new', state: 'idle' }));
    await keep(openSessions(seeded.as('batch_allowed'), { count: 1, application: 'batch', state: 'idle' }));
    await keep(openSessions(seeded.as('orders_app'), { count: 1, application: 'keep-me', state: 'idle' }));
    await keep(openSessions(seeded.as('orders_app'), { count: 1, application: 'nightshift', state: 'idle' }));
    await keep(openSessions(seeded.as('orders_app'), { count: 1, application: 'busy', state: 'active' }));
    await keep(openSessions(seeded.as('orders_app'), { count: 1, application: 'tx', state: 'idle in transaction' }));
    const { candidates } = await aged(second);
    expect(candidates.map(({ application }) => application)).toEqual(['old', 'new']);
    expect(candidates[0]?.backendStart).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    const withTransactions = await eventually(
      'the transaction is old enough',
      () => read({ includeIdleInTransaction: true }),
      (seen) => seen.candidates.length === 3,
    );
    expect(withTransactions.candidates.map(({ application }) => application)).toEqual(['old', 'new', 'tx']);
    await mine.end();
  });

  it('never offers replication sessions or the server superuser', async () => {
    const { database } = world.instance('orders-db');
    await database.query(`CREATE ROLE replicator LOGIN REPLICATION PASSWORD 'r'`);
    await database.query(`CREATE ROLE second_root LOGIN SUPERUSER PASSWORD 'r'`);
    const root = { ...seeded.as('orders_app'), user: 'second_root', password: 'r' };
    await keep(openSessions(root, { count: 1, application: 'root', state: 'idle' }));
    const replicator = { ...seeded.as('orders_app'), user: 'replicator', password: 'r' };
    const replication = await keep(
      openSessions(replicator, { count: 1, application: 'walsender', state: 'replication' }),
    );
    expect(replication.report()).toMatchObject({ opened: 1, refused: {} });
    const ordinary = await keep(
      openSessions(seeded.as('orders_app'), { count: 1, application: 'shop', state: 'idle' }),
    );
    const { candidates } = await aged(ordinary);
    expect(candidates.map(({ application }) => application)).toEqual(['shop']);
    await keep(openSessions(replicator, { count: 1, application: 'slot keeper', state: 'idle' }));
    const later = await keep(openSessions(seeded.as('orders_app'), { count: 1, application: 'shop', state: 'idle' }));
    expect((await aged(later)).candidates.map(({ application }) => application)).toEqual(['shop', 'shop']);
  });

  it('leaves a session alone for as long as it holds an advisory lock', async () => {
    const leader = await appClient('leader');
    await leader.query('SELECT pg_advisory_lock(7)');
    const follower = await keep(
      openSessions(seeded.as('orders_app'), { count: 1, application: 'follower', state: 'idle' }),
    );
    const { candidates } = await aged(follower);
    expect(candidates.map(({ application }) => application)).toEqual(['follower']);
    await leader.query('SELECT pg_advisory_unlock(7)');
    await eventually('the leader is a candidate', read, (seen) =>
      seen.candidates.some(({ application }) => application === 'leader'),
    );
    await leader.end();
  });
});

describe('ending a session', () => {
  it('ends exactly the one that was read', async () => {
    const sessions = await keep(
      openSessions(seeded.as('orders_app'), { count: 3, application: 'shop', state: 'idle' }),
    );
    const reading = await aged(sessions);
    const [oldest] = reading.candidates;
    if (!oldest) throw new Error('no candidate');
    expect(await endSession(nightshift, oldest, limits())).toBe('ended');
    await eventually(
      'the client heard of it',
      () => sessions.report(),
      ({ ended }) => ended === 1,
    );
    expect(sessions.report()).toMatchObject({ alive: 2, ended: 1, endedInStatement: 0, endedPids: [oldest.pid] });
    expect(await endSession(nightshift, oldest, limits())).toBe('no-longer-matches');
  });

  it.each<[string, (candidate: Candidate) => Candidate, Partial<ReleaseRules>]>([
    [
      'the pid now belongs to a session that started a microsecond apart',
      (candidate) => ({ ...candidate, backendStart: oneMicrosecondOff(candidate.backendStart) }),
      {},
    ],
    ['the idle limit is no longer exceeded', (candidate) => candidate, { idleForSeconds: 3600 }],
    ['its user became protected', (candidate) => candidate, { allowUsers: ['orders_app'] }],
    ['its application became protected', (candidate) => candidate, { allowApplications: ['shop'] }],
  ])('does nothing when %s', async (_why, change, rules) => {
    const sessions = await keep(
      openSessions(seeded.as('orders_app'), { count: 1, application: 'shop', state: 'idle' }),
    );
    const reading = await aged(sessions);
    const [candidate] = reading.candidates;
    if (!candidate) throw new Error('no candidate');
    expect(await endSession(nightshift, change(candidate), limits(rules))).toBe('no-longer-matches');
    expect(await endSession(nightshift, candidate, limits())).toBe('ended');
  });

  it('does nothing to a session that became active, or idle in a transaction, since it was read', async () => {
    const client = await appClient('shop');
    const reading = await eventually('a candidate', read, ({ candidates }) => candidates.length === 1);
    const [candidate] = reading.candidates;
    if (!candidate) throw new Error('no candidate');
    const running = client.query('SELECT pg_sleep(0.5)');
    await eventually('it is active', read, ({ candidates }) => candidates.length === 0);
    expect(await endSession(nightshift, candidate, limits())).toBe('no-longer-matches');
    await running;
    await client.query('BEGIN');
    await eventually(
      'long in a transaction',
      () => read({ includeIdleInTransaction: true }),
      ({ candidates }) => candidates.length === 1,
    );
    expect(await endSession(nightshift, candidate, limits())).toBe('no-longer-matches');
    expect(await endSession(nightshift, candidate, limits({ includeIdleInTransaction: true }))).toBe('ended');
    await expect(client.query('SELECT 1')).rejects.toThrow();
  });

  it('is refused by the server without pg_signal_backend', async () => {
    const database = world.instance('orders-db').database;
    const sessions = await keep(
      openSessions(seeded.as('orders_app'), { count: 1, application: 'shop', state: 'idle' }),
    );
    const reading = await aged(sessions);
    const [candidate] = reading.candidates;
    if (!candidate) throw new Error('no candidate');
    await database.query('REVOKE pg_signal_backend FROM nightshift GRANTED BY rds_superuser');
    try {
      expect(await endSession(nightshift, candidate, limits())).toBe('refused');
      expect((await read()).canSignal).toBe(false);
    } finally {
      await database.query('GRANT pg_signal_backend TO nightshift GRANTED BY rds_superuser');
    }
    expect(sessions.report().alive).toBe(1);
  });

  it("has grants that can't end a superuser's session even by hand", async () => {
    const superuser = new pg.Client({ ...world.instance('orders-db').adminClientConfig, application_name: 'root' });
    await superuser.connect();
    const { rows } = await superuser.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    await expect(nightshift.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid])).rejects.toMatchObject({
      code: '42501',
    });
    await superuser.end();
  });
});

describe('when every ordinary slot is taken', () => {
  it('lets Nightshift in on a reserved slot, and an application not', async () => {
    await nightshift.end();
    const hoard = await keep(openSessions(seeded.as('orders_app'), { count: 30, application: 'shop', state: 'idle' }));
    const { opened: got, refused } = hoard.report();
    expect(got + (refused['53300'] ?? 0)).toBe(30);
    expect(refused['53300']).toBeGreaterThan(0);
    nightshift = await login();
    const { reservedSlot, clientBackends } = await read();
    expect(reservedSlot).toBe(true);
    expect(clientBackends).toBeGreaterThan(got);
    const late = await openSessions(seeded.as('orders_app'), { count: 1, application: 'late', state: 'idle' });
    expect(late.report().refused).toEqual({ 53300: 1 });
  });
});

describe('under a load whose sessions turn from idle to active at random', () => {
  it('ends parked sessions and, over thousands of tries, never one that runs a statement', async () => {
    const cutOff: string[] = [];
    // The server names the statement that a session was running when it was ended.
    const stopListening = world.instance('orders-db').database.server.onLogLine((line) => {
      if (line.includes('STATEMENT:')) cutOff.push(line);
    });
    const load = await keep(
      churn(seeded.as('orders_app'), {
        sessions: 15,
        application: 'pool',
        idleMs: [0, 60],
        busyMs: [0, 40],
        parkedShare: 0.1,
        parkedMs: [60_000, 60_000],
      }),
    );
    const results = { ended: 0, 'no-longer-matches': 0, refused: 0, unconfirmed: 0 };
    const known = new Map<number, Candidate>();
    for (let tries = 0; tries < 4_000 || (results.ended <= 10 && tries < 40_000); tries += 1) {
      if (tries % 20 === 0) for (const candidate of await everySession()) known.set(candidate.pid, candidate);
      const candidates = [...known.values()];
      const candidate = candidates[Math.floor(Math.random() * candidates.length)];
      if (candidate) results[await endSession(nightshift, candidate, limits({ idleForSeconds: 1 }))] += 1;
    }
    const report = await load.close();
    opened.length = 0;
    stopListening();
    expect(results).toMatchObject({ refused: 0, unconfirmed: 0 });
    expect(results.ended).toBeGreaterThan(10);
    expect(results['no-longer-matches']).toBeGreaterThan(1_000);
    expect(cutOff).toEqual([]);
    expect(report.ended).toBe(results.ended);
  });

  /** Every session of the pool as if it had been idle when it was read: only the check in the ending statement protects it. */
  async function everySession(): Promise<Candidate[]> {
    const { rows } = await nightshift.query<Candidate>(
      `SELECT pid, to_char(backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS "backendStart",
              usename AS "user", application_name AS application, 'idle' AS state, 9 AS "idleSeconds"
         FROM pg_stat_activity WHERE application_name = 'pool'`,
    );
    return rows;
  }
});
