/** The checks' own calls: secrets and parameters on the emulator, services and databases on the stand-ins. */

import { setTimeout as sleep } from 'node:timers/promises';
import { PutMetricAlarmCommand, SetAlarmStateCommand } from '@aws-sdk/client-cloudwatch';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  CreateClusterCommand,
  CreateServiceCommand,
  ECSClient,
  ListTasksCommand,
  RegisterTaskDefinitionCommand,
  RunTaskCommand,
  StopTaskCommand,
} from '@aws-sdk/client-ecs';
import {
  CreateDBInstanceCommand,
  CreateDBInstanceReadReplicaCommand,
  DescribeDBInstancesCommand,
  RDSClient,
} from '@aws-sdk/client-rds';
import {
  CreateSecretCommand,
  DescribeSecretCommand,
  SecretsManagerClient,
  UpdateSecretCommand,
} from '@aws-sdk/client-secrets-manager';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { RuntimeConfig } from '../../../functions/engine/config.ts';
import type { Json } from '../../../functions/engine/remediation.ts';
import { Store } from '../../../functions/engine/store.ts';
import { readRuns } from '../../../functions/jobs/items.ts';
import type { Job } from '../../../functions/jobs/job.ts';
import { takeTurn } from '../../../functions/jobs/run.ts';
import { startMinistack } from '../../../local/emulators/index.ts';
import { createRds, type Rds } from '../../../local/stand-ins/rds/rds.ts';
import { CACHE_DIR } from '../../../local/world/state.ts';
import { journalTable } from '../../support/engine-world.ts';
import { config as base, database, service } from '../../support/fixtures.ts';
import { eventually, openTestWorld, REGION, type TestWorld } from '../ecs/support.ts';

jest.setTimeout(90_000);
const NAMES = {
  checkSecrets: 'check-secrets',
  checkHealth: 'check-health',
  checkCapacity: 'check-capacity',
  checkStandby: 'check-standby',
} as const;
const NOTHING = { services: {}, databases: {} };
const LIMITS = {
  secrets: { olderThanDays: 90, expiringWithinDays: 7, ignore: ['ignored/*'] },
  health: { storageAbovePercent: 80, errorsAbovePercent: 1, firingForHours: 4 },
  capacity: { withinDays: 30, storagePercent: 90, cpuPercent: 80, memoryFreeMib: 256 },
  database: {
    ...{
      statementsLongerThanSeconds: 300,
      statementsSlowerThanSeconds: 0.1,
      transactionIdsAbove: 500_000_000,
      replicaLagAboveSeconds: 60,
    },
    ...{ retainedLogsAboveMib: 1024, unusedIndexesAboveMib: 1024 },
  },
};
const DAY = 86_400_000;

let w: TestWorld;
let rds: Rds;
let store: Store;
let secrets: SecretsManagerClient;
let ssm: SSMClient;
let jobs: Readonly<Record<keyof typeof NAMES, Job<Json>>>;
let runs = 0;

beforeAll(async () => {
  w = await openTestWorld();
  rds = createRds(w.world, {
    events: { publish: async () => ({ id: 'none' }) },
    metrics: w.cloudwatch,
    cacheDir: CACHE_DIR,
    transitionMs: 50,
    hasServer: () => false,
  });
  await rds.start();
  w.gateway.register(rds);
  w.gateway.upstreamUrl = (await startMinistack(w.world, { endpointUrl: w.gateway.url })).url;
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: w.gateway.url,
    AWS_REGION: REGION,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  });
  const dynamodb = new DynamoDBClient(w.config);
  await dynamodb.send(journalTable('journal'));
  store = new Store('journal', dynamodb);
  secrets = new SecretsManagerClient(w.config);
  ssm = new SSMClient(w.config);
  const [checkSecrets, checkHealth, checkCapacity, checkStandby] = await Promise.all([
    import('../../../functions/jobs/check-secrets/handler.ts'),
    import('../../../functions/jobs/check-health/handler.ts'),
    import('../../../functions/jobs/check-capacity/handler.ts'),
    import('../../../functions/jobs/check-standby/handler.ts'),
  ]);
  const asJob = ({ job }: { job: unknown }) => job as Job<Json>;
  jobs = {
    ...{ checkSecrets: asJob(checkSecrets), checkHealth: asJob(checkHealth), checkCapacity: asJob(checkCapacity) },
    checkStandby: asJob(checkStandby),
  };
});
afterEach(() => {
  for (const { name } of w.gateway.faults.list()) w.gateway.faults.remove(name);
});
afterAll(async () => {
  await w?.close();
});

/** An instance without a server, once it is available. */
async function createInstance(id: string, BackupRetentionPeriod = 0): Promise<void> {
  const client = new RDSClient(w.config);
  await client.send(
    new CreateDBInstanceCommand({
      DBInstanceIdentifier: id,
      BackupRetentionPeriod,
      Engine: 'postgres',
      DBInstanceClass: 'db.t4g.micro',
      AllocatedStorage: 100,
      MasterUsername: 'postgres',
      MasterUserPassword: 'for-tests-only',
    }),
  );
  await eventually('the instance', async () => {
    const { DBInstances } = await client.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: id }));
    return DBInstances?.[0]?.DBInstanceStatus === 'available';
  });
  client.destroy();
}

/** Turn by turn until it has ended, as the state machine does without its waits. @param now the function's clock. */
async function run(name: keyof typeof NAMES, protecting: Partial<RuntimeConfig> = NOTHING, now = Date.now()) {
  const order = {
    job: NAMES[name],
    subject: 'all',
    scheduledAt: `2026-11-21T06:00:${String(++runs).padStart(2, '0')}Z`,
  };
  const around = {
    store,
    config: { ...base, checks: LIMITS, ...protecting },
    now: () => now,
    random: Math.random,
    remaining: () => 60_000,
  };
  for (let turns = 0; turns < 20; turns++) {
    const turn = await takeTurn(around, jobs[name], order);
    if (turn.kind === 'ended') {
      const [latest] = await readRuns(store, order);
      return { ...turn, check: latest?.verdict?.check, report: latest?.verdict?.report };
    }
  }
  throw new Error(`${order.job} never ended`);
}

describe('check-secrets', () => {
  const LISTING = { service: 'secretsmanager', operation: 'ListSecrets' };
  const PLANTED = 'planted-value-that-nobody-may-see';

  it('[5c/secret-age-check, 8/secret-age, 2c/secret-too-old, D57] names what is old and what ends, by date alone', async () => {
    await secrets.send(new CreateSecretCommand({ Name: 'orders/login', SecretString: PLANTED }));
    await secrets.send(
      new CreateSecretCommand({
        Name: 'partner/key',
        SecretString: PLANTED,
        Tags: [{ Key: 'nightshift:expires-at', Value: new Date(Date.now() + 5 * DAY).toISOString() }],
      }),
    );
    await secrets.send(new CreateSecretCommand({ Name: 'ignored/old', SecretString: PLANTED }));
    await ssm.send(new PutParameterCommand({ Name: '/orders/token', Type: 'SecureString', Value: PLANTED }));
    await ssm.send(new PutParameterCommand({ Name: '/orders/colour', Type: 'String', Value: 'red' }));

    const young = await run('checkSecrets');
    expect(young).toMatchObject({ verdict: 'failed', check: 'secret-end', report: { passed: 3, notPassed: 1 } });
    expect(young.summary).toMatch(/^1 of 4 checks did not pass: partner\/key: it ends in 4 days/);

    const old = await run('checkSecrets', NOTHING, Date.now() + 100 * DAY);
    expect(old.report?.findings).toEqual(
      ['orders/login', 'partner/key', 'partner/key', '/orders/token'].map((subject) =>
        expect.objectContaining({ subject, result: 'failed' }),
      ),
    );
    expect(JSON.stringify([young, old])).not.toContain(PLANTED);
    const asked = w.gateway.callsSince(0).calls.map(({ operation }) => operation);
    expect(asked).toContain('ListSecretVersionIds');
    expect(asked.filter((each) => /^Get(Secret|Param)/.test(each))).toEqual([]);
  });

  it('goes by the value in use, not by the last change of anything else [D65]', async () => {
    const SecretId = 'orders/described';
    await secrets.send(new CreateSecretCommand({ Name: SecretId, SecretString: PLANTED }));
    const setAt = (await secrets.send(new DescribeSecretCommand({ SecretId }))).LastChangedDate?.getTime() ?? 0;
    // AWS tells these dates in whole seconds.
    await sleep(2_500);
    await secrets.send(new UpdateSecretCommand({ SecretId, Description: 'another' }));
    const changedAt = (await secrets.send(new DescribeSecretCommand({ SecretId }))).LastChangedDate?.getTime() ?? 0;
    expect(changedAt).toBeGreaterThan(setAt + 1_500);
    // Its value is 91 days old for a moment, while the secret as a whole still is 90 days old.
    const { report } = await run('checkSecrets', NOTHING, setAt + 91 * DAY + 1_000);
    expect(report?.findings).toContainEqual(expect.objectContaining({ subject: SecretId, check: 'secret-age' }));
  });

  it('fails when it may not look, and repeats what is only throttled [D107]', async () => {
    w.gateway.faults.add({ name: 'twice', match: LISTING, kind: 'throttled', times: 2 });
    expect((await run('checkSecrets')).check).toBe('secret-end');
    w.gateway.faults.add({ name: 'refused', match: LISTING, kind: 'refused' });
    const refused = await run('checkSecrets');
    expect(refused).toMatchObject({ verdict: 'failed', check: 'refused' });
    expect(refused.summary).toContain('list the secrets');
  });
});

describe('check-health', () => {
  const targetGroup = 'targetgroup/orders/0123456789abcdef';
  const loadBalancer = 'app/shop/0123456789abcdef';
  const orders = { ...service, name: 'orders', cluster: 'shop', service: 'orders', minTasks: 1 };
  const withRequests = { ...orders, balancedBy: { loadBalancer, targetGroup } };
  const db = { ...database, name: 'described-db' };
  const GIB = 1024 ** 3;

  /** Of the last minutes: only one that has been over for a while counts. */
  function freeStorage(gib: number): void {
    for (const minutesAgo of [1, 2, 3])
      w.cloudwatch.put({
        region: REGION,
        namespace: 'AWS/RDS',
        name: 'FreeStorageSpace',
        dimensions: { DBInstanceIdentifier: db.name },
        value: gib * GIB,
        at: new Date(Math.floor(Date.now() / 60_000 - minutesAgo) * 60_000),
      });
  }

  beforeAll(async () => {
    await w.clients.ecs.send(new CreateClusterCommand({ clusterName: 'shop' }));
    await w.clients.ecs.send(
      new RegisterTaskDefinitionCommand({
        family: 'orders',
        containerDefinitions: [{ name: 'app', image: 'orders:1', memory: 64 }],
      }),
    );
    await w.clients.ecs.send(
      new CreateServiceCommand({ cluster: 'shop', serviceName: 'orders', taskDefinition: 'orders', desiredCount: 0 }),
    );
    await createInstance(db.name);
  });

  it('[D2] counts the tasks of a service that run: one that ended beside it is none that failed', async () => {
    const { ecs } = w.clients;
    const { tasks = [] } = await ecs.send(new RunTaskCommand({ cluster: 'shop', taskDefinition: 'orders' }));
    await ecs.send(new StopTaskCommand({ cluster: 'shop', task: tasks[0]?.taskArn }));
    const stopped = async () =>
      (await ecs.send(new ListTasksCommand({ cluster: 'shop', desiredStatus: 'STOPPED' }))).taskArns ?? [];
    expect(await stopped()).toEqual([tasks[0]?.taskArn]);
    const well = { services: { orders: { ...orders, minTasks: 0 } }, databases: {} };
    expect(await run('checkHealth', well)).toMatchObject({ verdict: 'passed', summary: '1 of 1 checks passed' });
  });

  it('[5b/daily-health-check, 3d/check-health, 5b/service-status, D7] passes over what is well and names what is not, with figures', async () => {
    freeStorage(50);
    const well = { services: { orders: { ...orders, minTasks: 0 } }, databases: { [db.name]: db } };
    expect(await run('checkHealth', well)).toMatchObject({ verdict: 'passed', summary: '3 of 3 checks passed' });

    freeStorage(10);
    const later = Date.now() + 5 * 3_600_000;
    await w.clients.cloudwatch.send(
      new PutMetricAlarmCommand({
        AlarmName: 'stuck',
        Namespace: 'Own',
        MetricName: 'Queue',
        Statistic: 'Sum',
        Period: 60,
        EvaluationPeriods: 1,
        Threshold: 1,
        ComparisonOperator: 'GreaterThanThreshold',
      }),
    );
    await w.clients.cloudwatch.send(
      new SetAlarmStateCommand({ AlarmName: 'stuck', StateValue: 'ALARM', StateReason: 'by hand' }),
    );
    const ill = { services: { orders }, databases: { [db.name]: db } };
    const { verdict, report } = await run('checkHealth', ill);
    expect(verdict).toBe('failed');
    expect(report?.findings).toEqual([
      expect.objectContaining({ check: 'service', says: '0 of 0 tasks run; at least 1 must' }),
      expect.objectContaining({ check: 'storage', says: '90 % of 100 GiB are in use; the limit is 80 %' }),
    ]);
    const { report: afterHours } = await run('checkHealth', NOTHING, later);
    expect(afterHours?.findings).toEqual([expect.objectContaining({ check: 'alarm', subject: 'stuck' })]);
  });

  it('tells the share of failed requests of a day, and that none is told of', async () => {
    const services = { orders: { ...withRequests, minTasks: 0 } };
    const silent = await run('checkHealth', { services, databases: {} });
    expect(silent.report?.findings).toEqual([expect.objectContaining({ check: 'errors', result: 'unknown' })]);
    const sums: [string, number][] = [
      ['RequestCount', 1000],
      ['HTTPCode_Target_5XX_Count', 25],
    ];
    for (const [name, value] of sums)
      w.cloudwatch.put({
        region: REGION,
        namespace: 'AWS/ApplicationELB',
        name,
        dimensions: { LoadBalancer: loadBalancer, TargetGroup: targetGroup },
        value,
        at: new Date(Date.now() - 7_200_000),
      });
    const failing = await run('checkHealth', { services, databases: {} });
    expect(failing.report?.findings).toEqual([
      expect.objectContaining({ says: '2.50 % of 1000 requests failed in 24 hours; the limit is 1 %' }),
    ]);
  });

  it('[5b/service-status] names what is gone instead of passing over it', async () => {
    const gone = {
      services: { x: { ...orders, name: 'x', cluster: 'no-such' } },
      databases: { y: { ...db, name: 'y' } },
    };
    const { report } = await run('checkHealth', gone);
    expect(report?.findings).toEqual([
      expect.objectContaining({ subject: 'x', says: 'ECS cluster no-such does not exist' }),
      expect.objectContaining({ subject: 'y', says: 'DB instance y does not exist' }),
    ]);
  });
});

describe('check-capacity', () => {
  const orders = { ...service, name: 'orders', cluster: 'outlook', service: 'orders', cpuAbovePercent: 70 };
  const db = { ...database, name: 'outlook-db', maxConnections: 100, connectionsAboveShare: 0.8 };
  const GIB = 1024 ** 3;
  const HOUR = 3_600_000;
  const ofService = { ClusterName: 'outlook', ServiceName: 'orders' };
  const ofDatabase = { DBInstanceIdentifier: db.name };

  /** Hour by hour for 30 days, the newest first: the stand-in drops what is older than what comes. @param value by the days since it began. */
  function month(namespace: string, name: string, dimensions: Record<string, string>, value: (day: number) => number) {
    const thisHour = Math.floor(Date.now() / HOUR) * HOUR;
    for (let hour = 1; hour <= 30 * 24; hour++)
      w.cloudwatch.put({
        ...{ region: REGION, namespace, name, dimensions },
        ...{ value: value(30 - hour / 24), at: new Date(thisHour - hour * HOUR + 60_000) },
      });
  }

  beforeAll(async () => {
    await createInstance(db.name);
    month('AWS/ECS', 'CPUUtilization', ofService, (day) => 20 + day);
    month('AWS/ECS', 'MemoryUtilization', ofService, () => 40);
    month('AWS/RDS', 'CPUUtilization', ofDatabase, () => 30);
    month('AWS/RDS', 'FreeableMemory', ofDatabase, () => GIB);
    month('AWS/RDS', 'FreeStorageSpace', ofDatabase, (day) => (60 - 2 * day) * GIB);
  });

  it('[5d/capacity-report, 9/report-capacity, D136, D137] fits thirty days of CloudWatch and names what runs out, with the days left', async () => {
    const seen = await run('checkCapacity', { services: { orders }, databases: { [db.name]: db } });
    expect(seen).toMatchObject({ verdict: 'failed', check: 'cpu', report: { passed: 4, notPassed: 2 } });
    expect(seen.report?.findings).toMatchObject([
      { check: 'cpu', subject: 'orders', daysLeft: 20 },
      {
        check: 'storage',
        subject: db.name,
        result: 'failed',
        says: expect.stringMatching(/^storage: 99.* of 100 GiB/),
      },
    ]);
    expect(seen.report?.outlook).toHaveLength(6);
    // What nothing is told of has no outlook, and fails nothing.
    expect(seen.report?.outlook).toContainEqual({
      ...{ subject: db.name, result: 'passed' },
      says: expect.stringMatching(/^connections: CloudWatch tells of too few hours/),
    });
  });

  it('names a database that is gone, and fails when it may not look', async () => {
    const gone = await run('checkCapacity', { services: {}, databases: { x: { ...db, name: 'x' } } });
    expect(gone.summary).toContain('x: DB instance x does not exist');
    w.gateway.faults.add({ name: 'no', match: { service: 'monitoring', operation: 'GetMetricData' }, kind: 'refused' });
    const refused = await run('checkCapacity', { services: { orders }, databases: {} });
    expect(refused).toMatchObject({ check: 'refused', summary: expect.stringContaining('read 30 days of orders') });
  });
});

describe('check-standby', () => {
  const WEST = base.standbyRegion;
  const shop = { ...service, name: 'shop', cluster: 'shop-east', service: 'shop' };
  const db = { ...database, name: 'shop-db' };
  const standby = {
    services: { shop: { cluster: 'shop-west', minTasks: 0 } },
    databases: { [db.name]: { replica: 'shop-db-west' } },
    replicaLagAboveSeconds: 60,
  };
  const look = () =>
    run('checkStandby', { services: { shop }, databases: { [db.name]: db }, checks: { ...LIMITS, standby } });
  const ofCheck = ({ report }: Awaited<ReturnType<typeof run>>) =>
    ((report?.findings ?? []) as { check: string; result: string }[]).map(({ check, result }) => `${check} ${result}`);

  async function serve(region: string, cluster: string, image: string): Promise<void> {
    const ecs = new ECSClient({ ...w.config, region });
    await ecs.send(new CreateClusterCommand({ clusterName: cluster }));
    const containerDefinitions = [{ name: 'app', image, memory: 64 }];
    await ecs.send(new RegisterTaskDefinitionCommand({ family: 'shop', containerDefinitions }));
    await ecs.send(new CreateServiceCommand({ cluster, serviceName: 'shop', taskDefinition: 'shop', desiredCount: 0 }));
    ecs.destroy();
  }

  it('[5b/standby-health, 5c/standby-image-check, 5e/standby-config-review, D85] names what is missing there, what differs, and what is not known', async () => {
    const image = (region: string, digit: string) =>
      `123456789012.dkr.ecr.${region}.amazonaws.com/shop@sha256:${digit.repeat(64)}`;
    await serve(REGION, shop.cluster, image(REGION, 'a'));
    // A read replica's source has automated backups.
    await createInstance(db.name, 1);
    expect(ofCheck(await look())).toEqual(['standby-service failed', 'standby-replica failed']);
    // Another release, from the registry of the region that may be lost.
    await serve(WEST, 'shop-west', image(REGION, 'b'));
    const there = new RDSClient({ ...w.config, region: WEST });
    const SourceDBInstanceIdentifier = `arn:aws:rds:${REGION}:${w.world.accountId}:db:${db.name}`;
    const names = { DBInstanceIdentifier: 'shop-db-west', SourceDBInstanceIdentifier };
    await there.send(new CreateDBInstanceReadReplicaCommand({ ...names, DBInstanceClass: 'db.t4g.small' }));
    await eventually('the replica', async () => {
      const { DBInstances } = await there.send(
        new DescribeDBInstancesCommand({ DBInstanceIdentifier: 'shop-db-west' }),
      );
      return DBInstances?.[0]?.DBInstanceStatus === 'available';
    });
    expect(ofCheck(await look())).toEqual([
      ...['standby-registry failed', 'standby-images failed', 'standby-class failed', 'standby-lag unknown'],
    ]);
    for (const minutesAgo of [1, 2, 3])
      w.cloudwatch.put({
        ...{ region: WEST, namespace: 'AWS/RDS', name: 'ReplicaLag', value: 61 },
        dimensions: { DBInstanceIdentifier: 'shop-db-west' },
        at: new Date(Math.floor(Date.now() / 60_000 - minutesAgo) * 60_000),
      });
    const behind = await look();
    expect(ofCheck(behind)).toContain('standby-lag failed');
    expect(behind.summary).toContain('61 s behind; the limit is 60 s');
    there.destroy();
  });
});
