/** The remediation's own handler code, through the gateway, on a real journal and on services with real tasks. */
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ApplicationAutoScalingClient,
  DescribeScalableTargetsCommand,
  RegisterScalableTargetCommand,
} from '@aws-sdk/client-application-auto-scaling';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  CreateClusterCommand,
  CreateServiceCommand,
  DescribeServicesCommand,
  ECSClient,
  RegisterTaskDefinitionCommand,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Outcome } from '../../../events/outcome.ts';
import type { RuntimeConfig, ServiceConfig } from '../../../functions/engine/config.ts';
import type { Context } from '../../../functions/engine/context.ts';
import { RetryableError } from '../../../functions/engine/errors.ts';
import { handle } from '../../../functions/engine/handler.ts';
import { readIncident } from '../../../functions/engine/journal-reader.ts';
import type { Remediation } from '../../../functions/engine/remediation.ts';
import { Store } from '../../../functions/engine/store.ts';
import type { Observation } from '../../../functions/remediations/scale-out-service/decide.ts';
import { startMinistack } from '../../../local/emulators/index.ts';
import { type Gateway, startGateway } from '../../../local/gateway/index.ts';
import { createApplicationAutoScaling } from '../../../local/stand-ins/application-auto-scaling/application-auto-scaling.ts';
import { createEcs, type Ecs } from '../../../local/stand-ins/ecs/ecs.ts';
import { type OpenWorld, openWorld } from '../../../local/world/context.ts';
import type { AwsCall, AwsReply } from '../../../local/world/types.ts';
import { journalTable } from '../../support/engine-world.ts';
import { alarmEvent, config as base, service as baseService, limits } from '../../support/fixtures.ts';

const root = mkdtempSync(join(tmpdir(), 'nightshift-scale-out-'));
const settings = { region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };
let world: OpenWorld;
let gateway: Gateway;
let ecs: Ecs;
let store: Store;
let remediation: Remediation<ServiceConfig, Observation>;
let clients: { ecs: ECSClient; scaling: ApplicationAutoScalingClient; dynamodb: DynamoDBClient };
const services: Record<string, ServiceConfig> = {};

beforeAll(async () => {
  world = await openWorld({ name: 'scale-out', timeScale: 1, report: () => {}, root: join(root, 'worlds') });
  gateway = await startGateway(world);
  gateway.upstreamUrl = (await startMinistack(world, { endpointUrl: gateway.url })).url;
  ecs = createEcs(
    world,
    { metrics: { put: () => {} }, events: { publish: async () => ({ id: '' }) } },
    { startDelayMs: 10 },
  );
  gateway.register(ecs);
  gateway.register(createApplicationAutoScaling(world, { ecs }));
  gateway.register({ services: ['monitoring'], handle: async (call) => usage(call) });
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: gateway.url,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_SDK_UA_APP_ID: 'nightshift-scale-out-service',
  });
  ({ remediation } = await import('../../../functions/remediations/scale-out-service/handler.ts'));
  const endpoint = { ...settings, endpoint: gateway.url };
  clients = {
    ecs: new ECSClient(endpoint),
    scaling: new ApplicationAutoScalingClient(endpoint),
    dynamodb: new DynamoDBClient(endpoint),
  };
  await clients.dynamodb.send(journalTable('journal'));
  store = new Store('journal', clients.dynamodb);
  await clients.ecs.send(new CreateClusterCommand({ clusterName: 'orders' }));
  await clients.ecs.send(
    new RegisterTaskDefinitionCommand({ family: 'task', containerDefinitions: [{ name: 'task', image: 'task:1' }] }),
  );
});
afterAll(async () => {
  for (const client of Object.values(clients ?? {})) client.destroy();
  await ecs?.stop();
  await world?.stop();
  await rm(root, { recursive: true, force: true });
});
afterEach(() => {
  for (const fault of gateway.faults.list()) gateway.faults.remove(fault.name);
});

/** CloudWatch with one recent datapoint of 85 % for every metric: what the function reads beside the service. */
async function usage(call: AwsCall): Promise<AwsReply> {
  const { MetricDataQueries = [] } = call.params as { MetricDataQueries?: { Id: string }[] };
  const MetricDataResults = MetricDataQueries.map(({ Id }) => ({
    Id,
    Label: Id,
    Timestamps: [Date.now() / 1000],
    Values: [85],
    StatusCode: 'Complete',
  }));
  return {
    status: 200,
    headers: { 'content-type': 'application/x-amz-json-1.0' },
    body: JSON.stringify({ MetricDataResults }),
  };
}

/** A service of its own for each test, with its entry in the configuration. */
async function service(name: string, desiredCount = 2, configured: Partial<ServiceConfig> = {}): Promise<void> {
  services[name] = { ...baseService, name, service: name, dependsOn: [], ...configured };
  await clients.ecs.send(
    new CreateServiceCommand({
      cluster: 'orders',
      serviceName: name,
      taskDefinition: 'task',
      desiredCount,
      launchType: 'FARGATE',
    }),
  );
  await settled(name, desiredCount);
}

async function describe_(name: string) {
  const reply = await clients.ecs.send(new DescribeServicesCommand({ cluster: 'orders', services: [name] }));
  return reply.services?.[0];
}

async function settled(name: string, count: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const found = await describe_(name);
    if (found?.runningCount === count && found.deployments?.every((each) => each.rolloutState !== 'IN_PROGRESS'))
      return;
    await new Promise((done) => setTimeout(done, 25));
  }
  throw new Error(`${name} did not settle at ${count} tasks`);
}

let ids = 0;
/** Ends of the ARNs of what sends a service its requests. */
const balancerOf = (name: string) => ({
  ...{ loadBalancer: `app/${name}/0123456789abcdef`, targetGroup: `targetgroup/${name}/0123456789abcdef` },
});
/** Its clients wait for too long: the load balancer knows, and names no service. */
const slow = (name: string) => {
  const { loadBalancer: LoadBalancer, targetGroup: TargetGroup } = balancerOf(name);
  return alarmEvent({
    id: `event-${++ids}`,
    resources: [`arn:aws:cloudwatch:us-east-1:000000000000:alarm:${name}-latency`],
    detail: {
      alarmName: `${name}-latency`,
      state: { value: 'ALARM', reason: 'Threshold Crossed', timestamp: new Date().toISOString() },
      configuration: {
        metrics: [
          {
            id: 'm1',
            metricStat: {
              metric: {
                ...{ namespace: 'AWS/ApplicationELB', name: 'TargetResponseTime' },
                dimensions: { LoadBalancer, TargetGroup },
              },
            },
          },
        ],
      },
    },
  });
};
const alarm = (name: string, options: { id?: string; metric?: string; state?: 'ALARM' | 'OK'; atMs?: number } = {}) => {
  const metric = options.metric ?? 'CPUUtilization';
  const dimensions = { ClusterName: 'orders', ServiceName: name };
  const timestamp = new Date(options.atMs ?? Date.now()).toISOString();
  return alarmEvent({
    id: options.id ?? `event-${++ids}`,
    resources: [`arn:aws:cloudwatch:us-east-1:000000000000:alarm:${name}-${metric}`],
    detail: {
      alarmName: `${name}-${metric}`,
      state: { value: options.state ?? 'ALARM', reason: 'Threshold Crossed', timestamp },
      configuration: {
        metrics: [{ id: 'm1', metricStat: { metric: { namespace: 'AWS/ECS', name: metric, dimensions } } }],
      },
    },
  });
};

function deliver(
  event: unknown,
  options: { requestId?: string; change?: Partial<RuntimeConfig>; now?: number; act?: typeof remediation.act } = {},
): Promise<Outcome> {
  const context: Context<ServiceConfig, Observation> = {
    remediation: options.act ? { ...remediation, act: options.act } : remediation,
    store,
    config: {
      ...base,
      services,
      runbooks: { 'scale-out-service': { ...limits, perRunbookPerHour: 500 } },
      fleet: { changesPerHour: 500, removalsPerHour: 500, describesPerSecond: 1000 },
      ...options.change,
    },
    now: () => options.now ?? Date.now(),
    requestId: options.requestId ?? `request-${++ids}`,
    remaining: () => 30_000,
    random: Math.random,
  };
  return handle(event, context);
}

/** Changing calls to ECS and Application Auto Scaling by Nightshift since a moment, as the gateway saw them. */
const changes = (since: number) =>
  gateway
    .calls()
    .filter(
      (call) =>
        call.id > since &&
        call.changing &&
        call.caller === 'nightshift-scale-out-service' &&
        call.service !== 'dynamodb',
    );
const mark = () => gateway.calls().at(-1)?.id ?? 0;

describe('scale-out-service on a real service', () => {
  it('raises the desired count by half and by one call [2b/high-cpu, 3a/scale-out-service, D26, M28]', async () => {
    await service('happy');
    const since = mark();
    expect(await deliver(alarm('happy'))).toMatchObject({ kind: 'remediated' });
    await settled('happy', 3);
    expect(changes(since).map((call) => call.operation)).toEqual(['UpdateService']);
  });

  it('makes at most four round trips before its change, parallel reads counted once', async () => {
    await service('trips');
    const since = mark();
    await deliver(alarm('trips'));
    const calls = gateway
      .calls()
      .filter(
        (call) =>
          (call.id > since && call.caller === 'nightshift-scale-out-service') ||
          (call.service === 'dynamodb' && call.id > since),
      );
    const change = calls.findIndex((call) => call.operation === 'UpdateService');
    // BatchGetItem + Query together; DescribeServices + DescribeScalableTargets + GetMetricData together; TransactWriteItems; DescribeServices with the
    // switch (GetItem), so that a freeze still stops it.
    expect(
      calls
        .slice(0, change)
        .map((call) => call.operation)
        .sort(),
    ).toEqual([
      'BatchGetItem',
      'DescribeScalableTargets',
      'DescribeServices',
      'DescribeServices',
      'GetItem',
      'GetMetricData',
      'Query',
      'TransactWriteItems',
    ]);
  });

  it('changes the service once when the same event comes 10 times at once', async () => {
    await service('tenfold');
    const since = mark();
    await Promise.allSettled(Array.from({ length: 10 }, () => deliver(alarm('tenfold', { id: 'the-same' }))));
    expect(changes(since)).toHaveLength(1);
    expect((await describe_('tenfold'))?.desiredCount).toBe(3);
  });

  it('changes the service once when CPU and memory fire at once', async () => {
    await service('both');
    const since = mark();
    const outcomes = await Promise.all([
      deliver(alarm('both')),
      deliver(alarm('both', { metric: 'MemoryUtilization' })),
    ]);
    expect(changes(since)).toHaveLength(1);
    expect(outcomes.map((each) => each.kind).sort()[1]).toBe('remediated');
  });

  it('raises the desired count of a service that is short of memory alone [2b/high-memory]', async () => {
    await service('memory');
    const since = mark();
    expect(await deliver(alarm('memory', { metric: 'MemoryUtilization' }))).toMatchObject({ kind: 'remediated' });
    await settled('memory', 3);
    expect(changes(since).map((call) => call.operation)).toEqual(['UpdateService']);
  });

  it('raises the minimum where auto scaling owns the count, and leaves the count to it [D11]', async () => {
    await service('scaled');
    await clients.scaling.send(
      new RegisterScalableTargetCommand({
        ServiceNamespace: 'ecs',
        ScalableDimension: 'ecs:service:DesiredCount',
        ResourceId: 'service/orders/scaled',
        MinCapacity: 2,
        MaxCapacity: 8,
      }),
    );
    const since = mark();
    expect(await deliver(alarm('scaled'))).toMatchObject({ kind: 'remediated' });
    expect(changes(since).map((call) => call.operation)).toEqual(['RegisterScalableTarget']);
    await settled('scaled', 3);
    const { ScalableTargets } = await clients.scaling.send(
      new DescribeScalableTargetsCommand({ ServiceNamespace: 'ecs', ResourceIds: ['service/orders/scaled'] }),
    );
    expect(ScalableTargets).toMatchObject([{ MinCapacity: 3, MaxCapacity: 8 }]);
  });

  it('calls a person at the maximum and changes nothing [M6]', async () => {
    await service('full', 2, { maxTasks: 2 });
    const since = mark();
    expect(await deliver(alarm('full'))).toMatchObject({ kind: 'escalated', reason: expect.stringContaining('2') });
    expect(changes(since)).toEqual([]);
  });

  it('calls a person when the service or its cluster is missing', async () => {
    services.ghost = { ...baseService, name: 'ghost', service: 'ghost', dependsOn: [] };
    expect(await deliver(alarm('ghost'))).toMatchObject({
      kind: 'escalated',
      reason: expect.stringContaining('MISSING'),
    });
  });

  it('calls a person when reading or changing is refused', async () => {
    await service('refused');
    gateway.faults.add({ name: 'f', match: { service: 'ecs', operation: 'UpdateService' }, kind: 'refused' });
    const outcome = await deliver(alarm('refused'));
    expect(outcome).toMatchObject({ kind: 'escalated', reason: expect.stringContaining('AccessDenied') });
    expect((await describe_('refused'))?.desiredCount).toBe(2);
    gateway.faults.add({ name: 'f', match: { service: 'ecs', operation: 'DescribeServices' }, kind: 'refused' });
    await service_('unreadable');
    expect(await deliver(alarm('unreadable'))).toMatchObject({ kind: 'escalated' });
  });

  it('keeps the intent when throttled three times, and finishes it on the next delivery', async () => {
    await service('throttled');
    gateway.faults.add({
      name: 'f',
      match: { service: 'ecs', operation: 'UpdateService' },
      kind: 'throttled',
      times: 3,
    });
    const event = alarm('throttled');
    await expect(deliver(event, { requestId: 'r' })).rejects.toBeInstanceOf(RetryableError);
    expect(await deliver(event, { requestId: 'r' })).toMatchObject({ kind: 'remediated' });
    expect((await describe_('throttled'))?.desiredCount).toBe(3);
  });

  it('does not scale twice when the answer to its change was lost', async () => {
    await service('lost');
    gateway.faults.add({
      name: 'f',
      match: { service: 'ecs', operation: 'UpdateService' },
      kind: 'timeout-after',
      delayMs: 100,
      times: 2,
    });
    const event = alarm('lost');
    await expect(deliver(event, { requestId: 'r' })).rejects.toBeInstanceOf(RetryableError);
    expect(await deliver(event, { requestId: 'r' })).toMatchObject({ kind: 'remediated' });
    expect((await describe_('lost'))?.desiredCount).toBe(3);
  });

  it('leaves a count alone that a person changed between look and write', async () => {
    await service('touched');
    const interfere: typeof remediation.act = async (...args) => {
      await clients.ecs.send(new UpdateServiceCommand({ cluster: 'orders', service: 'touched', desiredCount: 4 }));
      return remediation.act(...args);
    };
    expect(await deliver(alarm('touched'), { act: interfere })).toMatchObject({ kind: 'held', reason: 'hands-off' });
    expect((await describe_('touched'))?.desiredCount).toBe(4);
  });

  it('finds all well, without a change, when its alarm was OK before it could be told', async () => {
    await service('recovered');
    const event = alarm('recovered');
    const over = alarm('recovered', { state: 'OK', atMs: Date.now() + 1_000 });
    const since = mark();
    await deliver(over);
    expect(await deliver(event)).toMatchObject({ kind: 'already-fine' });
    expect(changes(since)).toEqual([]);
    expect((await describe_('recovered'))?.desiredCount).toBe(2);
  });

  it('makes no changing call in observe mode', async () => {
    await service('observed');
    const since = mark();
    const observe = { runbooks: { 'scale-out-service': { ...limits, mode: 'observe' as const } } };
    expect(await deliver(alarm('observed'), { change: observe })).toMatchObject({ kind: 'would-act' });
    expect(changes(since)).toEqual([]);
  });

  it('joins the incident of the database that it depends on, and changes nothing', async () => {
    await service('dependent', 2, { dependsOn: ['orders-db'] });
    await troubled('orders-db', 'inc-x');
    const outcome = await deliver(alarm('dependent'));
    expect(outcome).toMatchObject({ kind: 'joined', incidentId: 'inc-x' });
    expect((await describe_('dependent'))?.desiredCount).toBe(2);
  });

  it('gives a service more tasks whose clients wait too long, and none to one whose database is the cause [2b/high-latency, 4/mitigate-latency, D142]', async () => {
    await service('slow', 2, { balancedBy: balancerOf('slow') });
    await service('waiting', 2, { balancedBy: balancerOf('waiting'), dependsOn: ['orders-db'] });
    const since = mark();
    expect(await deliver(slow('slow'))).toMatchObject({ kind: 'remediated' });
    await settled('slow', 3);
    await troubled('orders-db', 'inc-slow-db');
    expect(await deliver(slow('waiting'))).toMatchObject({ kind: 'joined', incidentId: 'inc-slow-db' });
    expect((await describe_('waiting'))?.desiredCount).toBe(2);
    expect(changes(since).map((call) => call.operation)).toEqual(['UpdateService']);
  });

  it('takes an event of 1 MB with fields that nobody knows, and keeps little of it', async () => {
    await service('huge');
    const event = { ...alarm('huge'), unknown: { deep: 'x'.repeat(1_000_000) } };
    const outcome = await deliver(event);
    expect(outcome).toMatchObject({ kind: 'remediated' });
    const incident = await readIncident(store, (outcome as { incidentId: string }).incidentId);
    expect(JSON.stringify(incident).length).toBeLessThan(10_000);
  });
});

/** A database that has an incident. */
async function troubled(database: string, incident: string): Promise<void> {
  const Item = {
    ...{ pk: { S: `TARGET#rds-instance/${database}` }, sk: { S: 'TARGET' } },
    ...{ version: { N: '1' }, openIncidentId: { S: incident } },
  };
  await store.transact([{ label: 't', item: { Put: { TableName: 'journal', Item } } }]);
}

async function service_(name: string): Promise<void> {
  services[name] = { ...baseService, name, service: name, dependsOn: [] };
}
