/** The remediation's own handler code, on a real journal and a real PostgreSQL behind RDS's door, with the least grants. */
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import type { Outcome } from '../../../events/outcome.ts';
import type { DatabaseConfig, RunbookLimits } from '../../../functions/engine/config.ts';
import type { Context } from '../../../functions/engine/context.ts';
import { handle } from '../../../functions/engine/handler.ts';
import { readIncident } from '../../../functions/engine/journal-reader.ts';
import type { Remediation } from '../../../functions/engine/remediation.ts';
import { Store } from '../../../functions/engine/store.ts';
import { alarmActionsDisabled } from '../../../functions/engine/writes.ts';
import type { Observation } from '../../../functions/remediations/release-idle-connections/decide.ts';
import { startMinistack } from '../../../local/emulators/index.ts';
import type { SeededDatabase, SeedUser } from '../../../local/postgres/seed.ts';
import { churn, openSessions, type SessionState, type Sessions } from '../../../local/postgres/sessions.ts';
import { journalTable } from '../../support/engine-world.ts';
import { alarmEvent, config as base, database as databaseFixture, limits } from '../../support/fixtures.ts';
import { itKeepsSqlGuarantees } from '../../support/sql-guarantees.ts';
import { eventually, openTestWorld, REGION, type TestWorld } from '../rds/harness.ts';

jest.setTimeout(60_000);
const MAX = 40;
let world: TestWorld;
let seeded: SeededDatabase;
let store: Store;
let dynamodb: DynamoDBClient;
let remediation: Remediation<DatabaseConfig, Observation>;
let database: DatabaseConfig;
const opened: Sessions[] = [];

beforeAll(async () => {
  world = await openTestWorld();
  world.gateway.upstreamUrl = (await startMinistack(world.world, { endpointUrl: world.gateway.url })).url;
  seeded = await world.seed({ maxConnections: MAX });
  // Node reads NODE_EXTRA_CA_CERTS only when it starts; this is the same list.
  setDefaultCACertificates([...getCACertificates('default'), world.ca]);
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: world.gateway.url,
    AWS_REGION: REGION,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  });
  ({ remediation } = await import('../../../functions/remediations/release-idle-connections/handler.ts'));
  dynamodb = new DynamoDBClient({
    endpoint: world.gateway.url,
    region: REGION,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  await dynamodb.send(journalTable('journal'));
  store = new Store('journal', dynamodb);
  const { host, port, user } = seeded;
  database = {
    ...databaseFixture,
    severity: 'P2',
    host,
    port,
    user,
    databaseName: seeded.database,
    maxConnections: MAX,
    connectionsAboveShare: 0.8,
    releaseToShare: 0.5,
    idleForSeconds: 0.5,
    includeIdleInTransaction: false,
    allowUsers: ['batch_allowed'],
    allowApplications: ['keep-me'],
    pooler: 'none',
    recheckAfterSeconds: 60,
  };
});
afterEach(async () => {
  world.instance('orders-db').database.door.watch(undefined);
  await Promise.all(opened.splice(0).map((sessions) => sessions.close()));
});
afterAll(async () => {
  dynamodb?.destroy();
  await world?.close();
});

async function open(user: SeedUser, count: number, state: SessionState, application = 'orders-web'): Promise<Sessions> {
  const sessions = await openSessions(seeded.as(user), { count, state, application });
  opened.push(sessions);
  return sessions;
}

let ids = 0;
/** An alarm of a target of its own for each test, all of them this one database, so that cooldowns don't meet. */
async function fire(
  options: {
    name?: string;
    change?: Partial<DatabaseConfig>;
    limits?: Partial<RunbookLimits>;
    event?: object;
    requestId?: string;
  } = {},
): Promise<Outcome> {
  const name = options.name ?? `orders-db-${++ids}`;
  const context: Context<DatabaseConfig, Observation> = {
    remediation,
    store,
    config: {
      ...base,
      databases: { [name]: { ...database, ...options.change, name } },
      runbooks: { 'release-idle-connections': { ...limits, perRunbookPerHour: 500, ...options.limits } },
      fleet: { changesPerHour: 500, removalsPerHour: 500, describesPerSecond: 1000 },
    },
    now: Date.now,
    requestId: options.requestId ?? `request-${++ids}`,
    remaining: () => 30_000,
    random: Math.random,
  };
  return handle(options.event ?? shortOf(name), context);
}

/** Each call makes another event. */
function shortOf(name: string): object {
  const dimensions = { DBInstanceIdentifier: name };
  return alarmEvent({
    id: `event-${++ids}`,
    resources: [`arn:aws:cloudwatch:us-east-1:000000000000:alarm:${name}-connections`],
    detail: {
      alarmName: `${name}-connections`,
      state: { value: 'ALARM', reason: 'Threshold Crossed', timestamp: new Date().toISOString() },
      configuration: {
        metrics: [
          { id: 'm1', metricStat: { metric: { namespace: 'AWS/RDS', name: 'DatabaseConnections', dimensions } } },
        ],
      },
      alarmTags: { 'nightshift:runbook': 'release-idle-connections' },
    },
  });
}

/** One time series of a Metrics Insights alarm on all databases ("Alarm events and EventBridge"). */
const seriesOf = (name: string, alarmArn: string) => ({
  ...alarmEvent({ id: `event-${++ids}`, 'detail-type': 'CloudWatch Alarm Contributor State Change' }),
  resources: [alarmArn],
  detail: {
    alarmName: 'full-databases',
    alarmContributor: { id: '6d442278dba546f6', attributes: { DBInstanceIdentifier: name } },
    state: { value: 'ALARM', reason: 'Threshold Crossed', timestamp: new Date().toISOString() },
    configuration: {
      metrics: [
        { id: 'q1', expression: 'SELECT MAX(DatabaseConnections) FROM "AWS/RDS" GROUP BY DBInstanceIdentifier' },
      ],
    },
    alarmTags: { 'nightshift:runbook': 'release-idle-connections' },
  },
});

const timeline = async (outcome: Outcome) => {
  const incident = 'incidentId' in outcome ? await readIncident(store, outcome.incidentId) : undefined;
  if (!incident) throw new Error(`${outcome.kind}: no incident`);
  return incident.timeline;
};

/** Idle long enough to be a candidate. */
const grownOld = () => new Promise((done) => setTimeout(done, 700));

/** @param which all but the one that asks, or those that have nothing to do and aren't an administrator's. */
async function counted(which: 'all' | 'idle' = 'all'): Promise<number> {
  const admin = new pg.Client(world.instance('orders-db').adminClientConfig);
  await admin.connect();
  try {
    const { rows } = await admin.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM pg_stat_activity
        WHERE backend_type = 'client backend' AND ${which === 'all' ? 'pid <> pg_backend_pid()' : "state = 'idle' AND usename <> current_user"}`,
    );
    return rows[0]?.n ?? -1;
  } finally {
    await admin.end();
  }
}

describe('release-idle-connections on a real server', () => {
  it('ends the oldest idle sessions down to its goal, and nobody else [2b/database-connections-exhausted, 3c/kill-idle-connections, D21, D22, D115]', async () => {
    const idle = await open('orders_app', 24, 'idle');
    const active = await open('orders_app', 4, 'active');
    const allowedUser = await open('batch_allowed', 3, 'idle');
    const allowedApplication = await open('orders_app', 2, 'idle', 'keep-me');
    const inTransaction = await open('orders_app', 1, 'idle in transaction');
    await grownOld();
    const before = await counted();
    const outcome = await fire();
    expect(outcome).toMatchObject({ kind: 'remediated' });
    await eventually(
      'sessions at the goal',
      () => counted(),
      (count) => count === MAX / 2,
    );
    expect(idle.report().ended).toBe(before - MAX / 2);
    for (const spared of [active, allowedUser, allowedApplication, inTransaction])
      expect(spared.report().ended).toBe(0);
  });

  it('reports who was ended, and never a query', async () => {
    await open('orders_app', 34, 'idle');
    await grownOld();
    const entries = await timeline(await fire());
    const acted = entries.find((entry) => entry.kind === 'acted');
    const ended = acted?.data.ended as object[];
    expect(ended.length).toBeGreaterThan(10);
    expect(ended[0]).toEqual({
      pid: expect.any(Number),
      user: 'orders_app',
      application: 'orders-web',
      idleSeconds: expect.any(Number),
    });
    expect(JSON.stringify(entries)).not.toMatch(/SELECT|BEGIN|password/i);
  });

  it('answers one time series of an alarm on all databases: not while its actions are disabled, then for that database, and for none that is well', async () => {
    const alarmArn = 'arn:aws:cloudwatch:us-east-1:000000000000:alarm:full-databases';
    const [full, well] = ['full', 'well'];
    const idle = await open('orders_app', 34, 'idle');
    await grownOld();
    await store.transact([alarmActionsDisabled('journal', alarmArn, Date.now() + 3_600_000)]);
    const held = { kind: 'held', reason: 'actions-disabled' };
    expect(await fire({ name: full, event: seriesOf(full, alarmArn) })).toMatchObject(held);
    expect(idle.report().ended).toBe(0);
    await store.transact([alarmActionsDisabled('journal', alarmArn, 0)]);
    const outcome = await fire({ name: full, event: seriesOf(full, alarmArn) });
    expect(outcome).toMatchObject({ kind: 'remediated' });
    expect(JSON.stringify(await timeline(outcome))).toContain('alarm full-databases, full: Threshold Crossed');
    expect(await fire({ name: well, event: seriesOf(well, alarmArn) })).toMatchObject({ kind: 'already-fine' });
  });

  it('still gets in when every ordinary slot is taken [4/relieve-connection-pool]', async () => {
    const idle = await open('orders_app', MAX, 'idle');
    expect(idle.report().refused).toEqual({ '53300': expect.any(Number) });
    await grownOld();
    expect(await fire()).toMatchObject({ kind: 'remediated' });
    expect((await open('orders_app', 1, 'idle')).report().alive).toBe(1);
  });

  it('interrupts no statement of a load that keeps turning idle sessions active', async () => {
    const cutOff: string[] = [];
    // The server names the statement that a session was running when it was ended.
    const stopListening = world.instance('orders-db').database.server.onLogLine((line) => {
      if (line.includes('STATEMENT:')) cutOff.push(line);
    });
    const load = await churn(seeded.as('orders_app'), {
      sessions: 33,
      application: 'orders-web',
      idleMs: [10, 80],
      busyMs: [5, 40],
      parkedShare: 0.1,
      parkedMs: [2_000, 4_000],
    });
    opened.push(load);
    const outcomes: Outcome[] = [];
    for (let round = 0; round < 20; round++) {
      await new Promise((done) => setTimeout(done, 100));
      outcomes.push(await fire({ change: { connectionsAboveShare: 0.5, releaseToShare: 0.2 } }));
    }
    expect(outcomes.filter((outcome) => outcome.kind === 'remediated').length).toBeGreaterThan(3);
    expect(load.report().ended).toBeGreaterThan(5);
    stopListening();
    expect(cutOff).toEqual([]);
  });

  // Few enough that five deliveries find a slot at the same time: one that finds none calls a person, and its event is dealt with.
  const TOO_MANY = { connectionsAboveShare: 0.5, releaseToShare: 0.25 };
  const GOAL = MAX / 4;
  itKeepsSqlGuarantees({
    isChanging: (sql) => sql.includes('pg_terminate_backend'),
    watch: (watcher) => world.instance('orders-db').database.door.watch(watcher),
    async makeTrouble() {
      // A server takes a moment to let go of sessions that were closed; of those cut off in a statement it doesn't hear before that ends.
      await eventually(
        'nobody is left of the test before',
        () => counted('idle'),
        (count) => count === 0,
      );
      const idle = await open('orders_app', 24, 'idle');
      const { alive } = idle.report();
      await grownOld();
      const before = await counted();
      return {
        async expectChangedOnce() {
          await eventually(
            'sessions at the goal',
            () => counted(),
            (count) => count <= GOAL,
          );
          const { ended } = idle.report();
          expect(ended).toBeGreaterThanOrEqual(before - GOAL);
          // Four other deliveries may have been looking, and sessions of ours count, too.
          expect(ended).toBeLessThanOrEqual(before - GOAL + 4);
        },
        async expectUnchanged() {
          expect(idle.report()).toMatchObject({ alive, ended: 0 });
        },
      };
    },
    alarm: shortOf,
    fire: ({ id, ...rest }) => fire({ name: id, change: TOO_MANY, ...rest }),
  });

  it('does nothing below the threshold', async () => {
    const idle = await open('orders_app', 20, 'idle');
    await grownOld();
    expect(await fire()).toMatchObject({ kind: 'already-fine' });
    expect(idle.report().ended).toBe(0);
  });

  it('ends nothing in observe mode', async () => {
    const idle = await open('orders_app', 34, 'idle');
    await grownOld();
    expect(await fire({ limits: { mode: 'observe' } })).toMatchObject({
      kind: 'would-act',
      change: expect.stringMatching(/end 1\d idle sessions/),
    });
    expect(idle.report().ended).toBe(0);
  });

  it('only advises behind a pooler', async () => {
    const idle = await open('orders_app', 34, 'idle');
    await grownOld();
    expect(await fire({ change: { pooler: 'pgbouncer' } })).toMatchObject({
      kind: 'escalated',
      reason: expect.stringContaining('PgBouncer'),
    });
    expect(idle.report().ended).toBe(0);
  });

  it('calls a person when all that is left may not be ended, and says who holds them [3c/inspect-connections]', async () => {
    await open('orders_app', 34, 'active');
    expect(await fire()).toMatchObject({
      kind: 'escalated',
      reason: expect.stringMatching(/none may be ended \(active 3\d.*\); most belong to orders-web 3\d/),
    });
  });

  it('calls a person when the database cannot be reached', async () => {
    expect(await fire({ change: { port: 1 } })).toMatchObject({
      kind: 'escalated',
      reason: expect.stringContaining('could not look into'),
    });
  });

  it('calls a person when its login is refused', async () => {
    expect(await fire({ change: { user: 'nobody_knows' } })).toMatchObject({ kind: 'escalated' });
  });

  it('needs its reserved slot: a login without one is told what to reserve', async () => {
    const { ca, ...master } = seeded.as('postgres');
    const owner = new pg.Client({ ...master, ssl: { ca, servername: master.host } });
    await owner.connect();
    await owner.query('REVOKE pg_use_reserved_connections FROM nightshift');
    try {
      await open('orders_app', MAX, 'idle');
      expect(await fire()).toMatchObject({
        kind: 'escalated',
        reason: expect.stringContaining('reserved_connections'),
      });
    } finally {
      await owner.query('GRANT pg_use_reserved_connections TO nightshift');
      await owner.end();
    }
  });
});
