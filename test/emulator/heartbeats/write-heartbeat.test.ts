/** Heartbeats on a real PostgreSQL behind RDS's door, by the login and grants that the documentation names. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
import { config as base, database } from '../../support/fixtures.ts';
import { asMaster } from '../../support/worn-table.ts';
import { eventually, openTestWorld, REGION, type TestWorld } from '../rds/harness.ts';

jest.setTimeout(150_000);
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
    const missing = {
      written: 0,
      isNotSetUp: true,
      isAnswered: true,
      why: expect.stringMatching(/nightshift.*docs\/backups\.md/),
    };
    expect(await beat(target, REGION, RHYTHM)).toMatchObject(missing);
    await asMaster(seeded, `DROP ROLE ${HEARTBEAT_USER}`);
    expect(await beat(target, REGION, RHYTHM)).toMatchObject(missing);
  });

  it('counts such a database, for the alarm that calls a person, and is no failed run', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'nightshift-heartbeat-'));
    const config = { ...base, version: 1, databases: { 'orders-db': target, other: { ...target, heartbeat: false } } };
    await writeFile(join(folder, 'config.json'), JSON.stringify(config));
    process.env.LAMBDA_TASK_ROOT = folder;
    const lines: string[] = [];
    const output = jest.spyOn(process.stdout, 'write').mockImplementation((line) => lines.push(String(line)) > 0);
    try {
      const { handler } = await import('../../../functions/heartbeats/write-heartbeat/handler.ts');
      expect(await handler()).toMatchObject([{ database: 'orders-db', isNotSetUp: true }]);
    } finally {
      output.mockRestore();
      delete process.env.LAMBDA_TASK_ROOT;
      await rm(folder, { recursive: true });
    }
    const told = lines.map((line) => JSON.parse(line) as object);
    expect(told).toContainEqual(expect.objectContaining({ level: 'WARN', database: 'orders-db' }));
    expect(told).toContainEqual(expect.objectContaining({ Deployment: base.name, HeartbeatsNotSetUp: 1 }));
    const answered = { DBInstanceIdentifier: 'orders-db', DatabaseUnanswered: 0 };
    expect(told).toContainEqual(expect.objectContaining(answered));
  });

  it('begins once it is set up, as the documentation says', async () => {
    await asMaster(seeded, HEARTBEAT_GRANTS);
    expect(await beat(target, REGION, { ...RHYTHM, beats: 1 })).toMatchObject({ written: 1 });
    await asMaster(seeded, 'DELETE FROM nightshift.heartbeat');
    const documented = await readFile(join(import.meta.dirname, '../../../docs/backups.md'), 'utf8');
    expect(documented).toContain(HEARTBEAT_GRANTS.trim());
  });

  it('writes a row at each beat, in one session, and forgets what is older than ten minutes', async () => {
    await asMaster(seeded, "INSERT INTO nightshift.heartbeat VALUES (now() - interval '11 minutes')");
    let logins = 0;
    w.instance('orders-db').database.door.watch(({ sql, user }) => {
      if (sql === undefined && user === HEARTBEAT_USER) logins += 1;
      return undefined;
    });
    expect(await beat(target, REGION, RHYTHM)).toEqual({
      ...{ database: 'orders-db', written: 3, isNotSetUp: false, isAnswered: true },
    });
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
    expect(seen).toMatchObject({
      written: 0,
      why: expect.stringContaining('ECONNREFUSED'),
      isNotSetUp: false,
      isAnswered: false,
    });
  });

  // Last: the sessions that it opens leave their slots a moment after they are closed.
  it('never takes the slot that is kept for mending: with all others taken it goes without, and who mends gets in', async () => {
    const { ca, ...application } = seeded.as('orders_app');
    const sessions: pg.Client[] = [];
    const takeAll = async () => {
      for (;;) {
        const client = new pg.Client({ ...application, ssl: { ca, servername: application.host } });
        try {
          await client.connect();
          sessions.push(client);
        } catch (error) {
          expect(error).toMatchObject({ code: '53300' });
          return;
        }
      }
    };
    try {
      // Sessions of before, and those that watch the instance, may still be leaving.
      const seen = await eventually(
        'a heartbeat without a slot',
        () => takeAll().then(() => beat(target, REGION, { ...RHYTHM, beats: 1 })),
        ({ written }) => written === 0,
      );
      // Whoever says that it is full isn't down.
      expect(seen).toMatchObject({ isNotSetUp: false, isAnswered: true, why: expect.stringContaining('53300') });
      const where = { ...target, database: target.databaseName, region: REGION };
      const rescue = await eventually(
        'the slot that is kept',
        () => connect(where, { connectMs: 5_000, statementMs: 5_000, lockMs: 1_000 }).catch(String),
        (got) => typeof got !== 'string',
      );
      if (typeof rescue !== 'string') await rescue.end();
    } finally {
      await Promise.all(sessions.map((session) => session.end()));
    }
  });
});
