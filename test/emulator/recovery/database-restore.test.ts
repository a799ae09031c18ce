/**
 * The plan's own code on a real journal, the RDS stand-in, real tasks of a service, and versions of a real secret. `pair-orders` has a PostgreSQL server behind it, whose restored
 * copy is really read; `orders` has none, and is answered for.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import {
  CreateClusterCommand,
  CreateServiceCommand,
  DescribeServicesCommand,
  ECSClient,
  RegisterTaskDefinitionCommand,
} from '@aws-sdk/client-ecs';
import {
  CreateDBSnapshotCommand,
  DeleteDBInstanceCommand,
  DescribeDBInstancesCommand,
  DescribeDBSnapshotsCommand,
  ModifyDBInstanceCommand,
} from '@aws-sdk/client-rds';
import {
  CreateSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import type { Approval } from '../../../functions/engine/approval.ts';
import { readApproval, VoteRefusedError, vote } from '../../../functions/engine/approvals.ts';
import type { DatabaseConfig, RuntimeConfig } from '../../../functions/engine/config.ts';
import { readTarget } from '../../../functions/engine/context.ts';
import { readIncident } from '../../../functions/engine/journal-reader.ts';
import { requestStop } from '../../../functions/engine/plan-stop.ts';
import { readSwitch, setSwitch } from '../../../functions/engine/switch.ts';
import type { RunItem as JobRun } from '../../../functions/jobs/items.ts';
import type { Reader } from '../../../functions/jobs/verify-backup/by-function.ts';
import { answerOrder } from '../../../functions/jobs/verify-backup/reader/read.ts';
import type { Answer } from '../../../functions/jobs/verify-backup/reading.ts';
import { VERIFY_GRANTS } from '../../../functions/jobs/verify-backup/sql.ts';
import { putRun } from '../../../functions/jobs/writes.ts';
import type { Evidence } from '../../../functions/recovery/data-corruption/decide.ts';
import type { dataCorruption } from '../../../functions/recovery/data-corruption/handler.ts';
import { manifest as corruption } from '../../../functions/recovery/data-corruption/manifest.ts';
import type { databaseRestore } from '../../../functions/recovery/database-restore/handler.ts';
import { manifest } from '../../../functions/recovery/database-restore/manifest.ts';
import { PlanRefusedError } from '../../../functions/recovery/errors.ts';
import { takeOrder } from '../../../functions/recovery/handler.ts';
import { type RunItem, readRun } from '../../../functions/recovery/items.ts';
import type { Observation } from '../../../functions/remediations/snapshot-database/decide.ts';
import { createEcs, type Ecs } from '../../../local/stand-ins/ecs/ecs.ts';
import type { Fault } from '../../../local/world/types.ts';
import { config as base, service as baseService, database } from '../../support/fixtures.ts';
import { playPlan } from '../../support/plan-play.ts';
import { openRdsRemediation, type RdsRemediationWorld } from '../../support/rds-remediation.ts';
import { eventually, REGION } from '../rds/harness.ts';

jest.setTimeout(180_000);
const PLAN = 'database-restore';
const REAL = 'pair-orders';
const PLAIN = 'orders';
const SHOP = { ...baseService, name: 'shop', service: 'shop', minTasks: 1 };
const TARGETS = [`rds-instance/${PLAIN}`, 'ecs-service/orders/shop'];
let w: RdsRemediationWorld<Observation>;
let standIn: Ecs;
let ecs: ECSClient;
let secrets: SecretsManagerClient;
let planWith: typeof databaseRestore;
let corruptionWith: typeof dataCorruption;
/** Of each database. */
const settings: Record<
  string,
  { readonly database: DatabaseConfig; readonly secret: string; readonly version: string; readonly address: string }
> = {};

beforeAll(async () => {
  w = await openRdsRemediation(() => import('../../../functions/remediations/snapshot-database/handler.ts'), {
    keepsLog: (id) => id === REAL,
  });
  // Node reads NODE_EXTRA_CA_CERTS only when it starts; this is the same list.
  setDefaultCACertificates([...getCACertificates('default'), w.world.ca]);
  const { world, gateway } = w.world;
  const quiet = { metrics: { put: () => {} }, events: { publish: async () => ({ id: 'event' }) } };
  standIn = createEcs(world, quiet, {
    startDelayMs: 10,
    drainMs: 10,
    killAfterMs: 300,
    healthEveryMs: 60,
    metricsEveryMs: 60_000,
  });
  gateway.nameCaller('test', PLAN);
  gateway.register(standIn);
  standIn.start();
  const client = {
    endpoint: gateway.url,
    region: REGION,
    credentials: { accessKeyId: 'tester', secretAccessKey: 'test' },
  };
  ecs = new ECSClient(client);
  secrets = new SecretsManagerClient(client);
  ({ databaseRestore: planWith } = await import('../../../functions/recovery/database-restore/handler.ts'));
  ({ dataCorruption: corruptionWith } = await import('../../../functions/recovery/data-corruption/handler.ts'));
  await ecs.send(new CreateClusterCommand({ clusterName: 'orders' }));
  await ecs.send(
    new RegisterTaskDefinitionCommand({
      family: 'shop',
      cpu: '256',
      memory: '512',
      containerDefinitions: [{ name: 'shop', image: 'shop', essential: true }],
    }),
  );
  await ecs.send(
    new CreateServiceCommand({ cluster: 'orders', serviceName: 'shop', taskDefinition: 'shop', desiredCount: 1 }),
  );
  for (const id of [REAL, PLAIN]) await prepare(id);
});
afterEach(async () => {
  w.calm();
  await removeCopies();
  for (const id of [REAL, PLAIN]) await nameOld(id);
});
afterAll(async () => {
  await standIn?.stop();
  ecs?.destroy();
  secrets?.destroy();
  await w?.close();
});

async function prepare(id: string): Promise<void> {
  await w.create(id, {
    EnableIAMDatabaseAuthentication: true,
    BackupRetentionPeriod: 1,
    VpcSecurityGroupIds: ['sg-b', 'sg-a'],
    Tags: [{ Key: 'team', Value: 'shop' }],
  });
  const { host, port } = await addressOf(id);
  const reply = await secrets.send(
    new CreateSecretCommand({
      Name: `${id}-connection`,
      SecretString: JSON.stringify({ host, port, password: 'kept-secret' }),
    }),
  );
  const verify = {
    ...{
      subnetGroup: 'isolated',
      securityGroupId: 'sg-check',
      user: 'nightshift_verify',
      fullReadMib: 100,
      queries: {},
    },
    tables: [
      {
        name: 'public.orders',
        minRows: 1,
        shrinksAtMostShare: 0.1,
        newest: { column: 'placed_at', withinSeconds: 600 },
      },
    ],
  };
  const backup = {
    ...{ recoveryPointSeconds: 86_400, pointInTimeRecovery: false, verify },
    ...{ keepDays: 30, keepWeeks: 8, keepMonths: 12, keepAtLeast: 3 },
  };
  const secret = reply.ARN ?? '';
  settings[id] = {
    database: {
      ...database,
      name: id,
      host,
      port,
      databaseName: 'postgres',
      backup,
      restore: { connectionSecretArn: secret },
    },
    ...{ secret, version: reply.VersionId ?? '', address: `${host}:${port}` },
  };
  if (id === REAL) {
    await query(VERIFY_GRANTS);
    await query(`CREATE TABLE orders (id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, placed_at timestamptz NOT NULL);
                 INSERT INTO orders SELECT n, now() FROM generate_series(1, 100) n`);
  }
  await backUp(id, 'first');
}

async function addressOf(id: string) {
  const { Endpoint } = (await w.describe(id)) ?? {};
  return { host: Endpoint?.Address ?? '', port: Endpoint?.Port ?? 0 };
}

const query = (sql: string): Promise<Record<string, unknown>[]> => queryOn(REAL, sql);

async function queryOn(id: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(w.world.instance(id).adminClientConfig);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

/** Takes a backup, and says in the journal that it was proved. */
/** Nobody has proved it. @returns its name. */
async function snapshotOf(id: string, name: string): Promise<string> {
  const DBSnapshotIdentifier = `nightshift-test-${id}-${name}`;
  const Tags = [{ Key: 'nightshift:deployment', Value: 'test' }];
  await w.world.client.send(new CreateDBSnapshotCommand({ DBSnapshotIdentifier, DBInstanceIdentifier: id, Tags }));
  await eventually(
    `${name} available`,
    async () => (await w.world.client.send(new DescribeDBSnapshotsCommand({ DBSnapshotIdentifier }))).DBSnapshots?.[0],
    (seen) => seen?.Status === 'available',
  );
  await w.untilAvailable(id);
  return DBSnapshotIdentifier;
}

async function backUp(id: string, name: string): Promise<void> {
  const snapshotId = await snapshotOf(id, name);
  const at = Date.now();
  const report = { snapshotId, findings: [] };
  const run: JobRun = {
    ...{
      job: 'verify-backup',
      subject: id,
      scheduledAt: new Date(at).toISOString(),
      version: 0,
      phase: 'ended',
      state: null,
    },
    ...{ startedAt: at, deadlineAt: at, endedAt: at, verdict: { kind: 'passed', summary: 'proved', report } },
  };
  await w.store.transact([putRun(w.store.table, run)]);
}

/** What the reader would say of a whole copy of `orders`. */
const whole: Reader = async ({ ask }) => {
  const overview = {
    systemId: '7',
    majorVersion: 18,
    nextXid: '100',
    checksums: true,
    amcheck: false,
    heartbeatAt: null,
  };
  const answers: Record<string, Answer> = {
    overview: { kind: 'overview', ...overview, invalidConstraints: [], invalidIndexes: [] },
    count: { kind: 'count', table: 'public.orders', rows: 100, newestAt: Date.now() },
  };
  return answers[ask.kind] ?? { kind: 'no-connection', passing: false, why: 'not asked for here' };
};

interface Ended {
  readonly how: string;
  readonly item: RunItem;
}

let runs = 0;
async function recover(
  id: string,
  {
    read = whole,
    rehearse = false,
    at = undefined as string | undefined,
    plan = PLAN as string,
    before = async (_step: string, _run: string): Promise<unknown> => undefined,
    waits = async (): Promise<unknown> => 0,
  } = {},
): Promise<Ended> {
  let skewMs = 0;
  let requests = 0;
  const run = `${plan}-${++runs}`;
  const set = settings[id];
  if (!set) throw new Error(`${id} isn't prepared`);
  const config: RuntimeConfig = {
    ...base,
    databases: { [id]: set.database },
    services: { shop: { ...SHOP, dependsOn: [id] } },
  };
  const reader: Reader = read === whole && id === REAL ? (order) => answerOrder(order, config, Date.now) : read;
  const code = plan === PLAN ? planWith(reader) : corruptionWith(reader);
  const around = () => ({
    ...{ code, config, store: w.store, now: () => Date.now() + skewMs, random: Math.random, remaining: () => 290_000 },
    requestId: `request-${requests++}`,
  });
  const playing = {
    take: (order: Parameters<typeof takeOrder>[1]) => takeOrder(around(), order),
    wait: async (seconds: number) => {
      // Longer than between two looks: nobody looks before a change that was begun is surely over.
      if (seconds > 5) skewMs += seconds * 1000;
      // What a test says of time that passed.
      skewMs += Number((await waits()) ?? 0) * 1000;
      await sleep(100);
    },
  };
  const input = { database: id, ...(rehearse && { rehearse }), ...(at !== undefined && { at }) };
  const how = await playPlan(playing, code.manifest, run, input, async (step) => void (await before(step, run)));
  const item = await readRun(w.store, plan, run);
  if (!item) throw new Error(`${run} is not in the journal`);
  return { how, item };
}

const textOf = async (id: string): Promise<string> =>
  (await secrets.send(new GetSecretValueCommand({ SecretId: settings[id]?.secret ?? '' }))).SecretString ?? '';
const pointsAt = async (id: string): Promise<string> => {
  const { host, port, password } = JSON.parse(await textOf(id)) as { host: string; port: number; password: string };
  return `${host}:${port} ${password}`;
};
const made = async (): Promise<string[]> =>
  ((await w.world.client.send(new DescribeDBInstancesCommand({}))).DBInstances ?? [])
    .map(({ DBInstanceIdentifier: id = '' }) => id)
    .filter((id) => id !== REAL && id !== PLAIN);
const deploymentOf = async (): Promise<string | undefined> =>
  (await ecs.send(new DescribeServicesCommand({ cluster: 'orders', services: ['shop'] }))).services?.[0]
    ?.deployments?.[0]?.id;
/** What a run switched, for the next test. */
const nameOld = async (id: string): Promise<void> => {
  const { secret = '', database: { host, port } = database } = settings[id] ?? {};
  if ((await pointsAt(id)).startsWith(`${host}:${port} `)) return;
  const { VersionIdsToStages: stages = {} } = await secrets.send(new DescribeSecretCommand({ SecretId: secret }));
  const current = Object.entries(stages).find(([, labels]) => labels.includes('AWSCURRENT'))?.[0];
  // The version that is older than the backups.
  await secrets.send(
    new UpdateSecretVersionStageCommand({
      ...{ SecretId: secret, VersionStage: 'AWSCURRENT', RemoveFromVersionId: current },
      MoveToVersionId: settings[id]?.version,
    }),
  );
};
/** Kept copies are a person's to remove. */
const removeCopies = async (): Promise<void> => {
  for (const DBInstanceIdentifier of await made())
    await w.world.client.send(new DeleteDBInstanceCommand({ DBInstanceIdentifier, SkipFinalSnapshot: true }));
  await eventually('no copies', made, (left) => left.length === 0);
};
const fault = (service: string, operation: string, kind: Fault['kind'], times?: number): void =>
  w.world.gateway.faults.add({
    name: `${operation} ${kind}`,
    match: { service, operation, caller: PLAN },
    kind,
    ...(times !== undefined && { times }),
    ...(kind.startsWith('timeout') && { delayMs: 20 }),
  });

/** As it began: nobody has its targets in hand, and the secret names the old instance. */
async function expectAsBefore(id: string): Promise<void> {
  expect(await pointsAt(id)).toBe(`${settings[id]?.address} kept-secret`);
  for (const target of TARGETS) expect(await readTarget(w.store, target)).not.toHaveProperty('leaseHolder');
}

describe('database-restore', () => {
  it('restores the newest proved backup, reads it, points the services at it, rolls them, and keeps the old instance [4/restore-database, 4/recover-database, D8, D14, D35, D36, D84]', async () => {
    await query('INSERT INTO orders SELECT n, now() FROM generate_series(101, 150) n');
    const before = await deploymentOf();
    const { how, item } = await recover(REAL);
    expect([how, item.verdict, item.why]).toEqual(['done', 'recovered', undefined]);
    const [copy = ''] = await made();
    const { host, port } = await addressOf(copy);
    expect(await pointsAt(REAL)).toBe(`${host}:${port} kept-secret`);
    expect(await deploymentOf()).not.toBe(before);
    const seen = await w.describe(copy);
    expect(seen?.VpcSecurityGroups?.map((each) => each.VpcSecurityGroupId).sort()).toEqual(['sg-a', 'sg-b']);
    expect(seen?.TagList).toEqual(
      expect.arrayContaining([
        { Key: 'team', Value: 'shop' },
        { Key: 'nightshift:run', Value: `test/${item.run}` },
      ]),
    );
    expect((await w.describe(REAL))?.DBInstanceStatus).toBe('available');
    // The rows that came after the backup: they are still in the old one.
    expect(await query('SELECT count(*)::int AS rows FROM orders')).toEqual([{ rows: 150 }]);
    expect(item.summary).toMatch(/its newest row is from .* until the services were rolled \(.*\), \d+ s at most/);
    const incident = await readIncident(w.store, item.incidentId);
    expect(incident?.timeline.at(-1)?.data).toMatchObject({
      // Its own targets, not those of a service.
      recovery: { dataLossMs: expect.any(Number), targetDataLossMs: 86_400_000, targetRecoveryTimeMs: 14_400_000 },
    });
    expect(JSON.stringify([item, incident])).not.toContain('kept-secret');
  });

  it('restores a moment: what was committed by then and nothing later, and says what is lost [D151]', async () => {
    await query('INSERT INTO orders SELECT n, now() FROM generate_series(201, 220) n');
    const [{ at } = {}] = await query('SELECT clock_timestamp() AS at, pg_sleep(0.01)');
    // A Date has whole milliseconds, the commit's time microseconds: rounded down, it would be before the commit.
    const moment = new Date((at as Date).getTime() + 1);
    const damaged = await query("UPDATE orders SET placed_at = '1970-01-01' RETURNING id");
    await eventually(
      'restorable to it',
      () => w.describe(REAL),
      (seen) => (seen?.LatestRestorableTime?.getTime() ?? 0) > moment.getTime(),
    );
    const { item } = await recover(REAL, { at: moment.toISOString() });
    expect([item.verdict, item.why]).toEqual(['recovered', undefined]);
    const [copy = ''] = await made();
    const rows =
      "SELECT count(*)::int AS rows, count(*) FILTER (WHERE placed_at < '2000-01-01')::int AS damaged FROM orders";
    expect(await queryOn(copy, rows)).toEqual([{ rows: damaged.length, damaged: 0 }]);
    expect(await query(rows)).toEqual([{ rows: damaged.length, damaged: damaged.length }]);
    expect(item.summary).toMatch(/its newest row is from .* until the services were rolled/);
    const { host, port } = await addressOf(copy);
    expect(await pointsAt(REAL)).toBe(`${host}:${port} kept-secret`);
    await query('UPDATE orders SET placed_at = now()');
  });

  it('is backed out before anything is made when RDS can’t restore the moment', async () => {
    const { how, item } = await recover(REAL, { at: new Date(Date.now() + 3_600_000).toISOString() });
    expect([how, item.why]).toEqual([
      'backed-out',
      expect.stringMatching(/^choose: at: .* can't be restored; RDS can restore pair-orders to any moment from/),
    ]);
    expect(await made()).toEqual([]);
    await expectAsBefore(REAL);
  });

  it('rehearses with a copy of its own, which it removes, and switches nothing [D15, D92]', async () => {
    const before = [await textOf(PLAIN), await deploymentOf()];
    let copies: string[] = [];
    const { how, item } = await recover(PLAIN, {
      rehearse: true,
      before: async (step) => {
        if (step === 'prove') copies = await made();
      },
    });
    expect([how, item.verdict, item.targets]).toEqual(['done', 'rehearsed', []]);
    expect(copies).toEqual([expect.stringMatching(/^nightshift-test-rehearsal-/)]);
    expect(await made()).toEqual([]);
    expect([await textOf(PLAIN), await deploymentOf()]).toEqual(before);
  });

  it.each([
    ['rds', 'RestoreDBInstanceFromDBSnapshot', 'restore'],
    ['rds', 'ModifyDBInstance', 'admit'],
  ])('is backed out, and leaves nothing, when %s %s is refused', async (service, operation, step) => {
    fault(service, operation, 'refused');
    const { how, item } = await recover(PLAIN);
    expect([how, item.verdict]).toEqual(['backed-out', 'backed-out']);
    expect(item.why).toMatch(new RegExp(`^${step}: .*AccessDenied`));
    expect(await made()).toEqual([]);
    await expectAsBefore(PLAIN);
  });

  it.each([false, true])(
    'is backed out when what it restored is not whole, and removes it; a rehearsal, too: %s',
    async (rehearse) => {
      const empty: Reader = (order, deployment) =>
        order.ask.kind === 'count'
          ? Promise.resolve({ kind: 'count', table: 'public.orders', rows: 0, newestAt: null })
          : whole(order, deployment);
      const { how, item } = await recover(PLAIN, { read: empty, rehearse });
      expect([how, item.why]).toEqual(['backed-out', 'check: rows: public.orders has 0 rows, at least 1 are expected']);
      expect(await made()).toEqual([]);
      await expectAsBefore(PLAIN);
    },
  );

  it('changes nothing when the secret names another instance', async () => {
    const set = settings[PLAIN];
    if (!set) throw new Error('not prepared');
    settings.other = {
      ...set,
      secret: settings[REAL]?.secret ?? '',
      database: { ...set.database, restore: { connectionSecretArn: settings[REAL]?.secret ?? '' } },
    };
    settings[PLAIN] = settings.other;
    try {
      const { how, item } = await recover(PLAIN);
      expect([how, item.why]).toEqual([
        'backed-out',
        expect.stringMatching(/^choose: the current version of the secret doesn't name/),
      ]);
      expect(await made()).toEqual([]);
    } finally {
      settings[PLAIN] = set;
    }
  });

  it('points the services back and rolls them when their roll is refused, and keeps what they may have written', async () => {
    fault('ecs', 'UpdateService', 'refused', 1);
    const { how, item } = await recover(PLAIN);
    expect([how, item.verdict]).toEqual(['needs-person', 'needs-person']);
    expect(item.why).toMatch(/^roll: .*AccessDenied/);
    const [kept] = await made();
    expect(item.summary).toContain(
      `${kept} is kept, because services were pointed at it: copy what services wrote to it before you delete it`,
    );
    await expectAsBefore(PLAIN);
  });

  it.each([false, true])(
    'protects the new instance as the old one is, and stays recovered when it can’t be: %s',
    async (isRefused) => {
      const protect = (id: string, on: boolean) =>
        w.world.client.send(new ModifyDBInstanceCommand({ DBInstanceIdentifier: id, DeletionProtection: on }));
      await protect(PLAIN, true);
      const { item } = await recover(PLAIN, {
        before: async (step) => {
          if (step === 'finish' && isRefused) fault('rds', 'ModifyDBInstance', 'refused');
        },
      });
      const [copy = ''] = await made();
      const isProtected = (await w.describe(copy))?.DeletionProtection;
      for (const id of [PLAIN, copy]) await protect(id, false);
      expect([item.verdict, isProtected]).toEqual(['recovered', !isRefused]);
      expect(/protect it from deletion/.test(item.summary ?? '')).toBe(isRefused);
    },
  );

  it('keeps the new instance when services can reach it, and the switch is refused', async () => {
    fault('secretsmanager', 'PutSecretValue', 'refused');
    const { how, item } = await recover(PLAIN);
    expect([how, item.why]).toEqual(['needs-person', expect.stringMatching(/^switch: .*AccessDenied/)]);
    expect(await made()).toHaveLength(1);
    await expectAsBefore(PLAIN);
  });

  it('keeps the new instance when a person pointed the services at it by hand', async () => {
    let [wanted, copy] = ['', ''];
    const { how, item } = await recover(PLAIN, {
      before: async (step) => {
        // Before anybody is admitted: the secret alone says it.
        if (step !== 'admit') return;
        [copy = ''] = await made();
        wanted = JSON.stringify({ ...(await addressOf(copy)), password: 'kept-secret' });
        await secrets.send(
          new PutSecretValueCommand({ SecretId: settings[PLAIN]?.secret ?? '', SecretString: wanted }),
        );
        fault('rds', 'ModifyDBInstance', 'refused');
      },
    });
    expect([how, item.verdict]).toEqual(['needs-person', 'needs-person']);
    expect(item.summary).toContain(`${copy} is kept, because the secret names it`);
    expect([await made(), await textOf(PLAIN)]).toEqual([[copy], wanted]);
  });

  it('rolls the services when a person has put the secret back already', async () => {
    let rolled: string | undefined;
    const { item } = await recover(PLAIN, {
      before: async (step, run) => {
        if (step !== 'prove') return;
        rolled = await deploymentOf();
        const SecretId = settings[PLAIN]?.secret ?? '';
        const { VersionIdsToStages: stages = {} } = await secrets.send(new DescribeSecretCommand({ SecretId }));
        const at = (label: string) => Object.entries(stages).find(([, labels]) => labels.includes(label))?.[0];
        const [RemoveFromVersionId, MoveToVersionId] = [at('AWSCURRENT'), at('AWSPREVIOUS')];
        const move = { SecretId, VersionStage: 'AWSCURRENT', RemoveFromVersionId, MoveToVersionId };
        await secrets.send(new UpdateSecretVersionStageCommand(move));
        const stop = { by: 'person:jane', at: Date.now(), reason: 'the old one is well again' };
        await w.store.transact([requestStop(w.store.table, { plan: PLAN, run }, stop)]);
      },
    });
    expect(item.steps.switch?.undo?.report?.summary).toMatch(/replaces the tasks of orders\/shop/);
    expect(await deploymentOf()).not.toBe(rolled);
    await expectAsBefore(PLAIN);
  });

  it('points the services back when a person stops it after the switch', async () => {
    const stop = { by: 'person:jane', at: Date.now(), reason: 'the old one is well again' };
    const before = await deploymentOf();
    const { how, item } = await recover(PLAIN, {
      before: async (step, run) => {
        if (step === 'prove') await w.store.transact([requestStop(w.store.table, { plan: PLAN, run }, stop)]);
      },
    });
    expect([how, item.summary]).toEqual(['needs-person', expect.stringMatching(/copy what services wrote to it/)]);
    expect(await deploymentOf()).not.toBe(before);
    await expectAsBefore(PLAIN);
  });

  it('makes one instance, one version and one deployment when the answers to all of them were lost', async () => {
    fault('rds', 'RestoreDBInstanceFromDBSnapshot', 'timeout-after', 2);
    fault('secretsmanager', 'UpdateSecretVersionStage', 'timeout-after', 2);
    fault('ecs', 'UpdateService', 'timeout-after', 1);
    const before = w.world.gateway.callsSince(Number.MAX_SAFE_INTEGER).next;
    const { item } = await recover(PLAIN);
    expect([item.verdict, item.why]).toEqual(['recovered', undefined]);
    expect(await made()).toHaveLength(1);
    const rolls = w.world.gateway.callsSince(before).calls.filter(({ operation }) => operation === 'UpdateService');
    expect(rolls).toHaveLength(1);
  });

  it('is refused while another run is under way', async () => {
    let second: unknown;
    const { item } = await recover(PLAIN, {
      before: async (step) => {
        if (step === 'check') second = await recover(PLAIN).catch((error: Error) => error);
      },
    });
    expect(second).toBeInstanceOf(PlanRefusedError);
    expect(item.verdict).toBe('recovered');
    expect(await made()).toHaveLength(1);
  });

  it('waits before the switch while Nightshift is frozen, and goes on', async () => {
    const seen: string[] = [];
    const { item } = await recover(PLAIN, {
      before: async (step) => {
        if (step === 'switch') await setSwitch(w.store, 'freeze', 'person:jane', 'looking');
      },
      waits: async () => {
        if ((await readSwitch(w.store)) !== 'freeze') return;
        seen.push(await pointsAt(PLAIN));
        if (seen.length === 3) await setSwitch(w.store, 'run', 'person:jane', 'seen');
      },
    });
    expect(seen).toEqual(Array(3).fill(`${settings[PLAIN]?.address} kept-secret`));
    expect(item.verdict).toBe('recovered');
    expect(item.frozenMs).toBeGreaterThan(0);
  });

  it('is backed out when the new instance lets nobody in within the budget of its check', async () => {
    const closed: Reader = async () => ({ kind: 'no-connection', passing: true, why: 'it is starting' });
    let [late, skipped] = [false, 0];
    const { how, item } = await recover(PLAIN, {
      read: closed,
      before: async (step) => {
        late = step === 'check';
      },
      // Two looks, then all of the budget is over.
      waits: async () => (late && ++skipped === 2 ? 2_400 : 0),
    });
    expect(how).toBe('backed-out');
    expect(item.why).toMatch(
      /^check: not done within its time budget of 2400 s; it waited for this: it lets nobody in yet/,
    );
    expect(await made()).toEqual([]);
    await expectAsBefore(PLAIN);
  });

  it('asks AWS for no more and no less than its role allows', () => {
    // With the tags of a request for an instance; of a key; of the reader, which is called directly here; of services with a load balancer.
    const unseen = [
      'rds:AddTagsToResource',
      'kms:Decrypt',
      'kms:GenerateDataKey',
      'lambda:InvokeFunction',
      'cloudwatch:GetMetricData',
    ];
    const asked = w.world.gateway
      .calls()
      .filter(({ service, caller }) => caller === PLAN && service !== 'dynamodb')
      .map(({ service, operation }) => `${service}:${operation}`);
    const allowed = manifest.permissions.flatMap(({ actions }) => actions);
    expect([...new Set([...asked, ...unseen])].sort()).toEqual([...new Set<string>(allowed)].sort());
  });
});

describe('data-corruption', () => {
  const NAME = corruption.name;
  beforeAll(() => w.world.gateway.nameCaller('test', NAME));

  const sizeOf = async (): Promise<number | undefined> =>
    (await ecs.send(new DescribeServicesCommand({ cluster: 'orders', services: ['shop'] }))).services?.[0]
      ?.desiredCount;
  const snapshot = async (DBSnapshotIdentifier: string) =>
    (await w.world.client.send(new DescribeDBSnapshotsCommand({ DBSnapshotIdentifier }))).DBSnapshots?.[0];
  const evidenceOf = (item: RunItem) =>
    ((item.steps['keep-evidence']?.forward?.result ?? {}) as Partial<Evidence>).snapshotId ?? '';
  /** Somebody answers as soon as the run asks. */
  const answers = (decision: 'approve' | 'deny') => {
    const asked: Approval[] = [];
    return {
      asked,
      waits: async () => {
        const approval = await readApproval(w.store, `apr-${NAME}-${runs}`);
        // Steps that run side by side wait at the same time.
        if (approval?.status !== 'waiting' || asked.length > 0) return;
        asked.push(approval);
        await vote(w.store, approval.approvalId, { decision, by: 'person:jane', reason: 'seen' });
      },
    };
  };
  /** Of copies that differ by one row, which is in the damaged one alone. */
  const differing = (): Reader => {
    let asked = 0;
    const table = 'public.orders';
    return async (order, deployment) => {
      const { ask } = order;
      // Of two questions asked together the first is about the damaged one.
      const isDamaged = (ask.kind === 'digest' || ask.kind === 'rows') && asked++ % 2 === 0;
      if (ask.kind === 'digest')
        return { kind: 'digest', table, key: ['id'], buckets: isDamaged ? [{ bucket: 7, rows: 1, hash: '1' }] : [] };
      if (ask.kind === 'rows') return { kind: 'rows', table, rows: isDamaged ? [{ key: '[7]', hash: '1' }] : [] };
      return ask.kind === 'indexes'
        ? { kind: 'unreadable', damaged: false, why: 'amcheck is not installed' }
        : whole(order, deployment);
    };
  };

  it('stops who writes, keeps the evidence, counts what differs, asks, and has the services write to the restored database [2c/data-corruption, 4/recover-corruption, D94, D122, D148, D150, D152]', async () => {
    await backUp(REAL, 'good');
    const [{ rows: good } = {}] = await query('SELECT count(*)::int AS rows FROM orders');
    await query(`DELETE FROM orders WHERE id <= 10;
                 UPDATE orders SET placed_at = placed_at - interval '1 hour' WHERE id BETWEEN 11 AND 15;
                 INSERT INTO orders SELECT n, now() FROM generate_series(901, 905) n`);
    // A newer one, of the damage, which nobody has proved.
    await snapshotOf(REAL, 'unproved');
    const jane = answers('approve');
    const sizes: (number | undefined)[] = [];
    const { how, item } = await recover(REAL, {
      plan: NAME,
      waits: jane.waits,
      before: async (step) => {
        if (step === 'compare') sizes.push(await sizeOf());
      },
    });
    expect(sizes).toEqual([0]);
    expect([how, item.verdict, item.why]).toEqual(['done', 'recovered', undefined]);
    expect(item.steps.compare?.forward?.result).toMatchObject({
      damage: [],
      tables: [
        {
          table: 'public.orders',
          rows: { damaged: Number(good) - 5, restored: good },
          ...{ onlyDamaged: 5, onlyRestored: 10, changed: 5, notCompared: 0 },
          keys: { onlyDamaged: expect.arrayContaining(['[901]', '[905]']), changed: expect.arrayContaining(['[11]']) },
        },
      ],
    });
    expect(jane.asked.map(({ change }) => change.summary)).toEqual([
      expect.stringMatching(
        /^give up 10 rows of pair-orders .*5 rows are only in the damaged one.*5 rows get their earlier values.*; compared were public\.orders: whatever else is in it goes back to /,
      ),
    ]);
    const [copy = '', ...others] = await made();
    expect(others).toEqual([]);
    expect(await queryOn(copy, 'SELECT count(*)::int AS rows FROM orders')).toEqual([{ rows: good }]);
    expect(await query('SELECT count(*)::int AS rows FROM orders')).toEqual([{ rows: Number(good) - 5 }]);
    const { host, port } = await addressOf(copy);
    expect(await pointsAt(REAL)).toBe(`${host}:${port} kept-secret`);
    expect(await sizeOf()).toBe(1);
    const evidence = await snapshot(evidenceOf(item));
    expect(evidence?.Status).toBe('available');
    expect(evidence?.TagList?.map(({ Key }) => Key)).not.toContain('nightshift:deployment');
    const incident = await readIncident(w.store, item.incidentId);
    expect(incident?.timeline.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(['escalated', 'approval-requested', 'approved', 'resolved']),
    );
    expect(JSON.stringify([item, incident])).not.toContain('kept-secret');
  });

  it('gives nothing up when somebody denies it: the services write to the old database again, at their former size, and the evidence stays', async () => {
    const sizes: (number | undefined)[] = [];
    const jane = answers('deny');
    const { how, item } = await recover(PLAIN, {
      plan: NAME,
      read: differing(),
      waits: jane.waits,
      before: async (step) => {
        if (step === 'compare') sizes.push(await sizeOf());
      },
    });
    expect([how, item.why, sizes]).toEqual(['backed-out', 'agree: jane denied it: seen', [0]]);
    expect([await sizeOf(), await made()]).toEqual([1, []]);
    expect((await snapshot(evidenceOf(item)))?.Status).toBe('available');
    await expectAsBefore(PLAIN);
  });

  it('takes everything back when nobody answers, and takes no answer after that', async () => {
    let isAsked = false;
    const { how, item } = await recover(PLAIN, {
      plan: NAME,
      read: differing(),
      waits: async () => {
        if (isAsked || !(await readApproval(w.store, `apr-${NAME}-${runs}`))) return 0;
        isAsked = true;
        return 3_500;
      },
    });
    expect([how, item.why]).toEqual(['backed-out', expect.stringMatching(/^agree: nobody agreed before/)]);
    expect([await sizeOf(), await made()]).toEqual([1, []]);
    const late = vote(w.store, `apr-${item.run}`, { decision: 'approve', by: 'person:jane' });
    await expect(late).rejects.toBeInstanceOf(VoteRefusedError);
    await expectAsBefore(PLAIN);
  });

  it('rehearses the restore, and stops nobody', async () => {
    const before = await sizeOf();
    const sizes: (number | undefined)[] = [];
    const { how, item } = await recover(PLAIN, {
      plan: NAME,
      rehearse: true,
      before: async () => void sizes.push(await sizeOf()),
    });
    expect([how, item.verdict]).toEqual(['done', 'rehearsed']);
    expect(new Set(sizes)).toEqual(new Set([before]));
    expect(await made()).toEqual([]);
    await expectAsBefore(PLAIN);
  });

  it('asks AWS for no more than its role allows', () => {
    const asked = w.world.gateway
      .calls()
      .filter(({ service, caller }) => caller === NAME && service !== 'dynamodb')
      .map(({ service, operation }) => `${service}:${operation}`);
    const allowed: readonly string[] = corruption.permissions.flatMap(({ actions }) => actions);
    expect([...new Set(asked)].filter((each) => !allowed.includes(each))).toEqual([]);
    expect(asked).toContain('rds:CreateDBSnapshot');
  });
});
