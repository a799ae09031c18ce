/** The remediation's own handler code, on a real journal and a real PostgreSQL behind RDS's door, with the least grants. */

import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { CreateDBInstanceReadReplicaCommand, ModifyDBInstanceCommand } from '@aws-sdk/client-rds';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import type { Observation } from '../../../functions/remediations/end-long-queries/decide.ts';
import type { SeededDatabase, SeedUser } from '../../../local/postgres/seed.ts';
import { openSessions, type SessionState, type Sessions } from '../../../local/postgres/sessions.ts';
import type { Statement } from '../../../local/stand-ins/rds/statements.ts';
import { type FireOptions, openRdsRemediation, type RdsRemediationWorld } from '../../support/rds-remediation.ts';
import { itKeepsSqlGuarantees } from '../../support/sql-guarantees.ts';
import { eventually } from '../rds/harness.ts';

jest.setTimeout(60_000);
const LIMIT_SECONDS = 0.3;
let w: RdsRemediationWorld<Observation>;
let seeded: SeededDatabase;
let count = 0;
const opened: Sessions[] = [];

beforeAll(async () => {
  w = await openRdsRemediation(() => import('../../../functions/remediations/end-long-queries/handler.ts'), {
    hasServer: () => true,
  });
  seeded = await w.world.seed();
  setDefaultCACertificates([...getCACertificates('default'), w.world.ca]);
});
afterEach(async () => {
  door().watch(undefined);
  await Promise.all(opened.splice(0).map((sessions) => sessions.close()));
  // A server notices that a client is gone only when it has something to say to it.
  await w.world
    .instance('orders-db')
    .database.query(
      `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid() AND backend_type = 'client backend'`,
    );
});
afterAll(async () => {
  await w?.close();
});

const door = () => w.world.instance('orders-db').database.door;

async function open(user: SeedUser, sessions: number, state: SessionState, application = 'reports'): Promise<Sessions> {
  const kept = await openSessions(seeded.as(user), { count: sessions, state, application });
  opened.push(kept);
  return kept;
}
const grownOld = () => new Promise((done) => setTimeout(done, 1_000 * LIMIT_SECONDS + 200));
/** An alarm of a target of its own for each test, all of them this one database. */
function fire(options: FireOptions & { id?: string; event?: object } = {}) {
  const id = options.id ?? `orders-db-${++count}`;
  const { host, port, user, database: databaseName } = seeded;
  return w.deliver(id, options.event ?? w.alarm(id, 'CPUUtilization'), {
    ...options,
    target: {
      ...{ host, port, user, databaseName, allowUsers: ['batch_allowed'], allowApplications: ['keep-me'] },
      queryLongerThanSeconds: LIMIT_SECONDS,
      ...options.target,
    },
  });
}

async function asOwner(sql: string): Promise<void> {
  const { ca, ...master } = seeded.as('postgres');
  const owner = new pg.Client({ ...master, ssl: { ca, servername: master.host } });
  await owner.connect();
  await owner.query(sql);
  await owner.end();
}

/** A read replica of the database on which nothing is ever cancelled for replay's sake. */
async function openReplica(id: string) {
  const { client } = w.world;
  await client.send(
    new ModifyDBInstanceCommand({
      DBInstanceIdentifier: 'orders-db',
      BackupRetentionPeriod: 1,
      ApplyImmediately: true,
    }),
  );
  await w.untilAvailable('orders-db');
  // A replica doesn't have it from its source.
  const source = {
    SourceDBInstanceIdentifier: 'orders-db',
    DBInstanceIdentifier: id,
    EnableIAMDatabaseAuthentication: true,
  };
  await client.send(new CreateDBInstanceReadReplicaCommand(source));
  await w.untilAvailable(id);
  const { Endpoint } = (await w.describe(id)) ?? {};
  const query = async <Row extends pg.QueryResultRow>(sql: string): Promise<Row[]> => {
    const admin = new pg.Client(w.world.instance(id).adminClientConfig);
    await admin.connect();
    try {
      return (await admin.query<Row>(sql)).rows;
    } finally {
      await admin.end();
    }
  };
  await query('ALTER SYSTEM SET max_standby_streaming_delay = -1');
  await query('SELECT pg_reload_conf()');
  return { host: Endpoint?.Address ?? '', port: Endpoint?.Port ?? 0, query };
}

describe('end-long-queries on a real server', () => {
  it('cancels what runs for too long, leaves sessions, the allowed and the idle alone [2b/long-running-query, 3c/kill-long-queries, D108]', async () => {
    const long = await open('reporting', 3, 'active');
    const allowedUser = await open('batch_allowed', 1, 'active');
    const allowedApplication = await open('orders_app', 1, 'active', 'keep-me');
    const idle = await open('orders_app', 2, 'idle');
    await grownOld();
    const fresh = await open('orders_app', 1, 'active');
    const outcome = await fire();
    expect(outcome).toMatchObject({ kind: 'remediated' });
    await eventually(
      'cancelled',
      () => long.report().cancelledPids.length,
      (n) => n === 3,
    );
    expect(long.report()).toMatchObject({ alive: 3, ended: 0 });
    for (const spared of [allowedUser, allowedApplication, idle, fresh])
      expect(spared.report()).toMatchObject({ ended: 0, cancelledPids: [] });
    const { timeline } = await w.incident(outcome);
    const acted = timeline.find(({ kind }) => kind === 'acted');
    expect(acted?.data).toMatchObject({ cancelled: [{ user: 'reporting' }, {}, {}], terminated: [], stillRunning: 0 });
    expect(JSON.stringify(timeline)).not.toMatch(/SELECT|pg_sleep|password/i);
  });

  it('lets a read replica catch up that a statement of its own holds back [2b/replication-lag]', async () => {
    const { query, ...where } = await openReplica('orders-replica');
    await asOwner('CREATE TABLE held_back AS SELECT generate_series(1, 1000) AS n');
    const long = await openSessions(
      { ...seeded.as('reporting'), ...where },
      {
        ...{ count: 1, state: 'active', application: 'reports' },
      },
    );
    opened.push(long);
    for (const sql of ['DELETE FROM held_back WHERE n > 1', 'VACUUM held_back', 'INSERT INTO held_back VALUES (2)'])
      await asOwner(sql);
    await eventually(
      'replay to wait for the statement',
      () => query<{ wait: string }>("SELECT wait_event AS wait FROM pg_stat_activity WHERE backend_type = 'startup'"),
      ([row]) => /^RecoveryConflict/.test(row?.wait ?? ''),
    );
    await grownOld();
    const id = 'orders-replica';
    expect(await fire({ id, event: w.alarm(id, 'ReplicaLag'), target: where })).toMatchObject({ kind: 'remediated' });
    await eventually(
      'the replica to catch up',
      () => query<{ n: number }>('SELECT n FROM held_back ORDER BY n'),
      (rows) => rows.length === 2,
    );
    expect(long.report()).toMatchObject({ ended: 0, cancelledPids: [expect.any(Number)] });
  });

  it('ends the session only of a statement that goes on when it is cancelled', async () => {
    const stubborn = await open('reporting', 1, 'stubborn');
    const plain = await open('reporting', 1, 'active');
    await grownOld();
    expect(await fire()).toMatchObject({ kind: 'remediated' });
    await eventually(
      'ended',
      () => stubborn.report().ended,
      (n) => n === 1,
    );
    expect(plain.report()).toMatchObject({ ended: 0, cancelledPids: [expect.any(Number)] });
  });

  it('ends no session behind a pooler', async () => {
    const stubborn = await open('reporting', 1, 'stubborn');
    await grownOld();
    const outcome = await fire({ target: { pooler: 'pgbouncer' } });
    expect(stubborn.report().ended).toBe(0);
    const acted = (await w.incident(outcome)).timeline.find(({ kind }) => kind === 'acted');
    expect(acted?.data).toMatchObject({ stillRunning: 1, terminated: [] });
  });

  it('leaves alone what waits for a lock, and ends who holds it', async () => {
    const { ca, ...app } = seeded.as('orders_app');
    const client = () => new pg.Client({ ...app, ssl: { ca, servername: app.host }, application_name: 'locks' });
    const [holder, waiter] = [client(), client()];
    for (const each of [holder, waiter]) {
      each.on('error', () => {});
      await each.connect();
    }
    await holder.query('BEGIN');
    await holder.query('UPDATE orders SET status = status WHERE id = 1');
    const held = holder.query('SELECT pg_sleep(600)').catch((error) => error.code);
    const waited = waiter.query('UPDATE orders SET status = status WHERE id = 1').then(
      () => 'done',
      (error) => error.code,
    );
    await grownOld();
    expect(await fire()).toMatchObject({ kind: 'remediated' });
    expect(await held).toBe('57014');
    expect(await waited).toBe('done');
    await Promise.all([holder.end(), waiter.end()]);
  });

  it('does nothing when nothing runs for too long', async () => {
    const idle = await open('orders_app', 3, 'idle');
    expect(await fire()).toMatchObject({ kind: 'already-fine' });
    expect(idle.report().ended).toBe(0);
  });

  it('says what it would do in observe mode, and sends no statement that changes anything', async () => {
    const long = await open('reporting', 2, 'active');
    await grownOld();
    const statements: Statement[] = [];
    door().watch((statement) => {
      statements.push(statement);
      return undefined;
    });
    expect(await fire({ limits: { mode: 'observe' } })).toMatchObject({ kind: 'would-act' });
    expect(statements.filter(({ sql }) => /pg_(cancel|terminate)_backend/.test(sql ?? ''))).toEqual([]);
    expect(long.report().cancelledPids).toEqual([]);
  });

  it('calls a person when the database is unreachable, its login unknown, or its right taken away', async () => {
    await open('reporting', 1, 'active');
    await grownOld();
    expect(await fire({ target: { port: 1 } })).toMatchObject({ kind: 'escalated' });
    expect(await fire({ target: { user: 'nobody_knows' } })).toMatchObject({ kind: 'escalated' });
    await asOwner('REVOKE pg_signal_backend FROM nightshift');
    try {
      expect(await fire()).toMatchObject({ kind: 'escalated', reason: expect.stringContaining('pg_signal_backend') });
    } finally {
      await asOwner('GRANT pg_signal_backend TO nightshift');
    }
  });

  it('finishes on the next delivery when its connection broke after a cancellation, and hits nobody else', async () => {
    const long = await open('reporting', 2, 'active');
    await grownOld();
    let cut = false;
    door().watch(({ sql }) => {
      if (cut || !/pg_cancel_backend/.test(sql ?? '')) return undefined;
      cut = true;
      return { kind: 'cut-after' };
    });
    const id = 'orders-db-cut';
    const event = w.alarm(id, 'CPUUtilization');
    await expect(fire({ id, event, requestId: 'r' })).rejects.toMatchObject({ retryable: true });
    const other = await open('orders_app', 1, 'active');
    expect(await fire({ id, event, requestId: 'r' })).toMatchObject({ kind: 'remediated' });
    expect(new Set(long.report().cancelledPids)).toEqual(new Set(long.pids()));
    expect(other.report().cancelledPids).toEqual([]);
  });

  it('leaves a statement alone that ended between look and cancellation', async () => {
    const long = await open('reporting', 1, 'active');
    await grownOld();
    const [pid] = long.pids();
    let ended = false;
    door().watch(async ({ sql }) => {
      if (ended || !/pg_cancel_backend/.test(sql ?? '')) return undefined;
      ended = true;
      await w.world.instance('orders-db').database.query('SELECT pg_cancel_backend($1)', [pid]);
      await eventually(
        'over',
        () => long.report().cancelledPids.length,
        (n) => n === 1,
      );
      return undefined;
    });
    const outcome = await fire();
    const acted = (await w.incident(outcome)).timeline.find(({ kind }) => kind === 'acted');
    expect(acted?.data).toMatchObject({ noLongerMatching: 1, cancelled: [], terminated: [] });
    expect(long.report()).toMatchObject({ alive: 1 });
  });

  itKeepsSqlGuarantees({
    isChanging: (sql) => /pg_(cancel|terminate)_backend/.test(sql),
    watch: (watcher) => door().watch(watcher),
    async makeTrouble() {
      const long = await open('reporting', 1, 'active');
      await grownOld();
      return {
        async expectChangedOnce() {
          await eventually(
            'cancelled',
            () => long.report().cancelledPids.length,
            (n) => n === 1,
          );
          expect(long.report()).toMatchObject({ alive: 1, ended: 0 });
        },
        async expectUnchanged() {
          expect(long.report()).toMatchObject({ alive: 1, ended: 0, cancelledPids: [] });
        },
      };
    },
    alarm: (id) => w.alarm(id, 'CPUUtilization'),
    fire,
  });
});
