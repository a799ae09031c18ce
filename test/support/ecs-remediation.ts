/**
 * A remediation of services through the API, as its handler's own code runs it: a real journal and the ECS stand-in with real tasks behind the
 * gateway, whose record tells which calls were made.
 */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  CreateClusterCommand,
  CreateServiceCommand,
  type CreateServiceCommandInput,
  DescribeServicesCommand,
  DescribeTasksCommand,
  RegisterTaskDefinitionCommand,
  type Service,
  UpdateServiceCommand,
  type UpdateServiceCommandInput,
} from '@aws-sdk/client-ecs';
import type { IncidentWithTimeline } from '../../events/journal.ts';
import type { Outcome } from '../../events/outcome.ts';
import type { RunbookLimits, RuntimeConfig, ServiceConfig } from '../../functions/engine/config.ts';
import { handle } from '../../functions/engine/handler.ts';
import { readIncident } from '../../functions/engine/journal-reader.ts';
import type { Remediation } from '../../functions/engine/remediation.ts';
import { Store } from '../../functions/engine/store.ts';
import { startMinistack } from '../../local/emulators/index.ts';
import type { EcsOptions } from '../../local/stand-ins/ecs/ecs.ts';
import type { Fault, RecordedCall } from '../../local/world/types.ts';
import { eventually, openTestWorld, REGION, type TestWorld } from '../emulator/ecs/support.ts';
import { journalTable } from './engine-world.ts';
import { alarmEvent, config as base, service as baseService, limits } from './fixtures.ts';

export interface DeliverOptions<O> {
  readonly limits?: Partial<RunbookLimits>;
  readonly target?: Partial<ServiceConfig>;
  readonly config?: Partial<RuntimeConfig>;
  readonly now?: () => number;
  readonly requestId?: string;
  readonly act?: Remediation<ServiceConfig, O>['act'];
  /** Another remediation than the one under test, such as the next rung. */
  readonly by?: Remediation<ServiceConfig, O>;
}

/** A revision of a task definition: what makes its tasks differ. */
export interface Revision {
  /** One letter, of which the image's digest is made. */
  readonly digest?: string;
  readonly image?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly tags?: Readonly<Record<string, string>>;
  readonly cpu?: string;
  readonly memory?: string;
}

export interface EcsRemediationWorld<O> {
  readonly world: TestWorld;
  readonly store: Store;
  readonly remediation: Remediation<ServiceConfig, O>;
  /** Registers a revision of the family. @returns its ARN. */
  register(family: string, revision?: Revision): Promise<string>;
  /** Makes a service of that revision and waits until it is steady. */
  create(name: string, revision?: Revision, more?: Partial<CreateServiceCommandInput>): Promise<void>;
  update(name: string, change: Partial<UpdateServiceCommandInput>): Promise<void>;
  describe(name: string): Promise<Service | undefined>;
  steady(name: string): Promise<void>;
  /** Makes the service's first task answer its health checks with an error, and waits until ECS knows. */
  sicken(name: string): Promise<void>;
  /** An event of ECS about the service; each call makes another event. */
  event(name: string, detailType: string, detail: object): Record<string, unknown>;
  /** An alarm of the service in namespace `AWS/ECS`, or the one given, of now or the time given. */
  alarm(
    name: string,
    metricName: string,
    state?: 'ALARM' | 'OK',
    namespace?: string,
    atMs?: number,
  ): Record<string, unknown>;
  deliver(name: string, event: unknown, options?: DeliverOptions<O>): Promise<Outcome>;
  fault(operation: string, kind: Fault['kind'], times?: number): void;
  calm(): void;
  /** What was asked of ECS and Application Auto Scaling by the remediation while `work` ran. */
  callsDuring<T>(work: () => Promise<T>): Promise<{ result: T; changing: string[]; calls: readonly RecordedCall[] }>;
  incident(outcome: Outcome): Promise<IncidentWithTimeline | undefined>;
  close(): Promise<void>;
}

const CALLER = 'nightshift-under-test';
const CLUSTER = 'orders';

/** @param load imports the handler, once the environment says where AWS is. */
export async function openEcsRemediation<O>(
  load: () => Promise<{ remediation: Remediation<ServiceConfig, O> }>,
  options: EcsOptions = {},
): Promise<EcsRemediationWorld<O>> {
  const times = { startDelayMs: 10, drainMs: 10, killAfterMs: 300, healthEveryMs: 60, metricsEveryMs: 500 };
  const world = await openTestWorld({ ...times, ...options });
  const { gateway, clients } = world;
  gateway.upstreamUrl = (await startMinistack(world.world, { endpointUrl: gateway.url })).url;
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: gateway.url,
    AWS_REGION: REGION,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_SDK_UA_APP_ID: CALLER,
  });
  const { remediation } = await load();
  const dynamodb = new DynamoDBClient({ ...world.config, maxAttempts: 3 });
  await dynamodb.send(journalTable('journal'));
  await clients.ecs.send(new CreateClusterCommand({ clusterName: CLUSTER }));
  const store = new Store('journal', dynamodb);
  const { name: runbook } = remediation.manifest;
  const key = (name: string) => `arn:aws:ecs:${REGION}:000000000000:service/${CLUSTER}/${name}`;
  let ids = 0;

  const describe = async (name: string) =>
    (await clients.ecs.send(new DescribeServicesCommand({ cluster: CLUSTER, services: [name] }))).services?.[0];
  const steady = async (name: string): Promise<void> => {
    await eventually(`${name} is steady`, async () => {
      const found = await describe(name);
      const [only, ...others] = found?.deployments ?? [];
      return only?.rolloutState === 'COMPLETED' && others.length === 0 && found?.runningCount === found?.desiredCount;
    });
  };
  const register: EcsRemediationWorld<O>['register'] = async (family, revision = {}) => {
    const { digest = 'a', image = `${family}@sha256:${digest.repeat(64)}`, environment = {}, tags = {} } = revision;
    const reply = await clients.ecs.send(
      new RegisterTaskDefinitionCommand({
        family,
        cpu: revision.cpu ?? '256',
        memory: revision.memory ?? '512',
        networkMode: 'awsvpc',
        requiresCompatibilities: ['FARGATE'],
        containerDefinitions: [
          {
            ...{ name: family, image, essential: true },
            environment: Object.entries(environment).map(([name, value]) => ({ name, value })),
          },
        ],
        ...(Object.keys(tags).length > 0 && { tags: Object.entries(tags).map(([k, value]) => ({ key: k, value })) }),
      }),
    );
    return reply.taskDefinition?.taskDefinitionArn ?? '';
  };
  const sicken = async (name: string): Promise<void> => {
    const [first] = world.ecs.processes(CLUSTER, name);
    if (!first?.pid) throw new Error(`${name} has no running task`);
    process.kill(first.pid, 'SIGUSR2');
    // The signal may take a moment to be heard.
    await eventually(`a task of ${name} is sick`, async () => {
      await world.ecs.checkHealth(CLUSTER, name);
      const { tasks = [] } = await clients.ecs.send(
        new DescribeTasksCommand({ cluster: CLUSTER, tasks: [first.taskArn] }),
      );
      return tasks[0]?.healthStatus === 'UNHEALTHY';
    });
  };
  return {
    ...{ world, store, remediation, register, describe, steady, sicken },
    async create(name, revision, more = {}) {
      const taskDefinition = await register(name, revision);
      await clients.ecs.send(
        new CreateServiceCommand({
          ...{ cluster: CLUSTER, serviceName: name, taskDefinition, desiredCount: 1, launchType: 'FARGATE' },
          ...more,
        }),
      );
      await steady(name);
    },
    async update(name, change) {
      await clients.ecs.send(new UpdateServiceCommand({ cluster: CLUSTER, service: name, ...change }));
    },
    event: (name, detailType, detail) => ({
      ...{ version: '0', id: `event-${++ids}`, 'detail-type': detailType, source: 'aws.ecs', account: '000000000000' },
      ...{ time: new Date().toISOString(), region: REGION, resources: [key(name)], detail },
    }),
    alarm: (name, metricName, state = 'ALARM', namespace = 'AWS/ECS', atMs = Date.now()) => {
      const dimensions = { ClusterName: CLUSTER, ServiceName: name };
      return alarmEvent({
        id: `event-${++ids}`,
        region: REGION,
        resources: [`arn:aws:cloudwatch:${REGION}:000000000000:alarm:${name}-${metricName}`],
        detail: {
          alarmName: `${name}-${metricName}`,
          state: { value: state, reason: 'Threshold Crossed', timestamp: new Date(atMs).toISOString() },
          configuration: {
            metrics: [{ id: 'm1', metricStat: { metric: { namespace, name: metricName, dimensions } } }],
          },
          alarmTags: { 'nightshift:runbook': runbook },
        },
      });
    },
    deliver: (name, event, told = {}) =>
      handle(event, {
        remediation: told.by ?? (told.act ? { ...remediation, act: told.act } : remediation),
        store,
        config: {
          ...base,
          region: REGION,
          services: { [name]: { ...baseService, minTasks: 1, dependsOn: [], ...told.target, name, service: name } },
          runbooks: { [runbook]: { ...limits, perRunbookPerHour: 500, ...told.limits } },
          fleet: { changesPerHour: 500, removalsPerHour: 500, describesPerSecond: 1000 },
          ...told.config,
        },
        now: told.now ?? Date.now,
        requestId: told.requestId ?? `request-${++ids}`,
        remaining: () => 30_000,
        random: Math.random,
      }),
    fault: (operation, kind, times) =>
      gateway.faults.add({
        name: `${operation}-${kind}`,
        match: { service: 'ecs', operation, caller: CALLER },
        kind,
        ...(times !== undefined && { times }),
        ...(kind === 'timeout-after' && { delayMs: 100 }),
      }),
    calm: () => {
      for (const { name } of gateway.faults.list()) gateway.faults.remove(name);
    },
    async callsDuring(work) {
      const { next } = gateway.callsSince(Number.MAX_SAFE_INTEGER);
      const result = await work();
      const { calls: all } = gateway.callsSince(next);
      const calls = all.filter(({ caller, service }) => caller === CALLER && service !== 'dynamodb');
      return { result, calls, changing: calls.filter(({ changing }) => changing).map(({ operation }) => operation) };
    },
    incident: (outcome) => readIncident(store, 'incidentId' in outcome ? (outcome.incidentId ?? '') : ''),
    async close() {
      dynamodb.destroy();
      await world.close();
    },
  };
}
