/** Heartbeats on a real PostgreSQL behind RDS's door, by the login and grants that the documentation names. */
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import { connect } from '../../../functions/databases/connect.ts';
import { HEARTBEAT_USER, NEWEST_HEARTBEAT } from '../../../functions/databases/sql.ts';
import type { DatabaseConfig } from '../../../functions/engine/config.ts';
import { beat } from '../../../functions/heartbeats/write-heartbeat/beat.ts';
import { BEAT, HEARTBEAT_GRANTS } from '../../../functions/heartbeats/write-heartbeat/sql.ts';
import { OVERVIEW } from '../../../functions/jobs/verify-backup/sql.ts';
import type { SeededDatabase } from '../../../local/postgres/seed.ts';
import { database } from '../../support/fixtures.ts';
import { asMaster } from '../../support/worn-table.ts';
import { openTestWorld, REGION, type TestWorld } from '../rds/harness.ts';

jest.setTimeout(60_000);
const RHYTHM = { beats: 3, everyMs: 50 };
let w: TestWorld;
let seeded: SeededDatabase;
let target: DatabaseConfig;

beforeAll(async () => {
  w = await openTestWorld();
  // One slot for whoever mends what has run out, as few as there can be.
  seeded = await w.seed({ maxConnections: 24, reservedConnections: 1 });
  setDefaultCACertificates([...getCACertificates('default'), w.ca]);
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' });
  const { host, port, user, database: databaseName } = seeded;
  target = { ...database, name: 'orders-db', host, port, user, databaseName, heartbeat: true };
});
afterEach(() => w.instance('orders-db').database.door.watch(undefined));
afterAll(async () => {
  await w?.close();
});

const rows = async () => {
  const [row] = await asMaster<{ n: number; newest: Date | null; oldest: Date | null }>(
    seeded,
    'SELECT count(*)::int AS n, max(at) AS newest, min(at) AS oldest FROM nightshift.heartbeat',
  );
  if (!row) throw new Error('no row');
  return row;
};

describe('a heartbeat', () => {
  it('stops, and says what is missing, until the database was set up for it', async () => {
    await asMaster(seeded, 'DROP SCHEMA nightshift CASCADE');
    const missing = { written: 0, isNotSetUp: true, why: expect.stringMatching(/nightshift.*docs\/backups\.md/) };
    expect(await beat(target, REGION, RHYTHM)).toMatchObject(missing);
    await asMaster(seeded, `DROP ROLE ${HEARTBEAT_USER}`);
    expect(await beat(target, REGION, RHYTHM)).toMatchObject(missing);
    await asMaster(seeded, HEARTBEAT_GRANTS);
  });

  it('never takes the slot that is kept for mending: with all others taken it goes without, and who mends gets in', async () => {
    const { ca, ...application } = seeded.as('orders_app');
    const sessions: pg.Client[] = [];
    try {
      for (;;) {
        const client = new pg.Client({ ...application, ssl: { ca, servername: application.host } });
        await client.connect();
        sessions.push(client);
      }
    } catch (error) {
      expect(error).toMatchObject({ code: '53300' });
    }
    try {
      const seen = await beat(target, REGION, RHYTHM);
      expect(seen).toMatchObject({ written: 0, isNotSetUp: false, why: expect.stringContaining('53300') });
      const rescue = await connect(
        { ...target, database: target.databaseName, region: REGION },
        { connectMs: 5_000, statementMs: 5_000, lockMs: 1_000 },
      );
      await rescue.end();
    } finally {
      await Promise.all(sessions.map((session) => session.end()));
    }
  });

  it('writes a row at each beat, in one session, and forgets what is older than ten minutes', async () => {
    await asMaster(seeded, "INSERT INTO nightshift.heartbeat VALUES (now() - interval '11 minutes')");
    let logins = 0;
    w.instance('orders-db').database.door.watch(({ sql, user }) => {
      if (sql === undefined && user === HEARTBEAT_USER) logins += 1;
      return undefined;
    });
    expect(await beat(target, REGION, RHYTHM)).toEqual({ database: 'orders-db', written: 3, isNotSetUp: false });
    expect(logins).toBe(1);
    const { n, newest, oldest } = await rows();
    expect(n).toBe(3);
    expect(newest?.getTime()).toBeGreaterThan(oldest?.getTime() ?? Number.POSITIVE_INFINITY);
  });

  it('is what verify-backup reads of a copy', async () => {
    const [overview] = await asMaster<{ has_heartbeat: boolean }>(seeded, OVERVIEW);
    const [newest] = await asMaster<{ at_ms: string }>(seeded, NEWEST_HEARTBEAT);
    expect(overview?.has_heartbeat).toBe(true);
    // PostgreSQL tells microseconds, and the driver leaves them out.
    expect(Math.trunc(Number(newest?.at_ms))).toBe((await rows()).newest?.getTime());
  });

  it('goes on with the next beat, in a new session, after one was cut off', async () => {
    const before = (await rows()).n;
    let beats = 0;
    w.instance('orders-db').database.door.watch(({ sql }) => {
      if (sql !== BEAT) return undefined;
      beats += 1;
      return beats === 2 ? { kind: 'cut-before' } : undefined;
    });
    const seen = await beat(target, REGION, RHYTHM);
    expect(seen).toMatchObject({ written: 2, why: expect.stringContaining('orders-db') });
    expect((await rows()).n).toBe(before + 2);
  });

  it('tells of a database that can not be reached, and leaves calling people to its alarms', async () => {
    const seen = await beat({ ...target, port: 1 }, REGION, RHYTHM);
    expect(seen).toMatchObject({ written: 0, why: expect.stringContaining('ECONNREFUSED'), isNotSetUp: false });
  });
});
