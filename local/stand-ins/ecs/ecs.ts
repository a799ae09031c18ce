/**
 * ECS with services whose tasks are real HTTP processes (AWS pages "Amazon ECS services", "Amazon ECS task lifecycle",
 * "Amazon ECS events"). What it leaves out is in docs/local-world.md.
 */
import type { AwsEvent, EventSink, MetricSink, StandIn, WorldContext } from '../../world/types.ts';
import { answer } from '../cloudwatch/wire.ts';
import { dimensionsOf, putBalancerMetrics } from './balancer-metrics.ts';
import type { RegionRecord, ServiceRecord, TaskRecord } from './model.ts';
import { isRunning, tasksOf } from './model.ts';
import { createOperations } from './operations.ts';
import type { Runner, RunnerTimes } from './runner.ts';
import { createRunner } from './runner.ts';
import { createScheduler } from './scheduler.ts';
import type { SecretSource } from './secrets.ts';
import { activeService, createServiceOperations, setDesired } from './service-operations.ts';

export interface EcsOptions extends Partial<RunnerTimes> {
  /** How often CPU and memory are read and put (default 5 seconds; AWS: every minute). */
  readonly metricsEveryMs?: number;
  /** How often tasks are checked for health (default 1 second); three failures end a task. */
  readonly healthEveryMs?: number;
}

export interface Ecs extends StandIn {
  start(): void;
  /** Ends all tasks and balancers. */
  stop(): Promise<void>;
  /** Where the service's load balancer listens. @throws AwsFault when there is no such active service. */
  serviceUrl(cluster: string, service: string, region?: string): string;
  /** The processes behind a service's tasks that aren't stopped. @throws AwsFault when there is no such active service. */
  processes(
    cluster: string,
    service: string,
    region?: string,
  ): readonly { taskArn: string; status: string; pid?: number }[];
  /** Looks at the health of a service's tasks as often as it takes to call one unhealthy, without waiting for the clock. */
  checkHealth(cluster: string, service: string, region?: string): Promise<void>;
  /** For Application Auto Scaling. `undefined` when there is no such active service. */
  desiredCount(region: string, cluster: string, service: string): number | undefined;
  /** Whether AWS has room for another task of that cluster; until then ECS says that it can't place any. @throws Error when there is no such cluster. */
  setCapacity(cluster: string, hasCapacity: boolean, region?: string): void;
  setDesiredCount(region: string, cluster: string, service: string, desiredCount: number): void;
}

const DEFAULTS = { startDelayMs: 700, drainMs: 500, killAfterMs: 3_000, metricsEveryMs: 5_000, healthEveryMs: 1_000 };
const CHECKS_BEFORE_UNHEALTHY = 3;

/** ECS for one world. Services work without `start()`, which begins metrics, health checks and retries. */
export function createEcs(
  world: WorldContext,
  deps: { readonly metrics: MetricSink; readonly events: EventSink; readonly secrets?: SecretSource },
  options: EcsOptions = {},
): Ecs {
  const times = { ...DEFAULTS, ...options };
  const regions = new Map<string, RegionRecord>();
  const timers = new Set<NodeJS.Timeout>();
  const checking = new Map<TaskRecord, Promise<void>>();

  const publish = (event: AwsEvent): void => {
    // ECS sends its events on a best-effort basis; what the bus doesn't take is in the log.
    deps.events.publish(event).catch((error: unknown) => world.log('ecs', `event not accepted: ${String(error)}`));
  };
  const scheduler = createScheduler(() => runner, publish);
  const runner: Runner = createRunner(world, times, scheduler.taskChanged, deps.secrets);

  function region(name: string): RegionRecord {
    const known = regions.get(name);
    if (known) return known;
    const made: RegionRecord = {
      name,
      accountId: world.accountId,
      clusters: new Map(),
      definitions: new Map(),
      definitionTags: new Map(),
    };
    regions.set(name, made);
    return made;
  }

  const services = (): ServiceRecord[] =>
    [...regions.values()].flatMap((r) => [...r.clusters.values()].flatMap((cluster) => [...cluster.services.values()]));

  /** One datapoint for each task, so that average, maximum and sample count are as AWS's (AWS page "Amazon ECS service utilization metrics"). */
  async function putMetrics(service: ServiceRecord, task: TaskRecord): Promise<void> {
    const metrics = await runner.metrics(task);
    const dimensions = { ClusterName: service.cluster.name, ServiceName: service.name };
    const base = {
      region: service.cluster.region.name,
      namespace: 'AWS/ECS',
      dimensions,
      unit: 'Percent',
      at: new Date(),
    };
    deps.metrics.put({ ...base, name: 'CPUUtilization', value: metrics.cpuPercent });
    deps.metrics.put({ ...base, name: 'MemoryUtilization', value: metrics.memoryPercent });
    putBalancerMetrics(service, metrics, (name, value, unit) =>
      deps.metrics.put({
        ...base,
        namespace: 'AWS/ApplicationELB',
        dimensions: dimensionsOf(service.name),
        name,
        value,
        unit,
      }),
    );
  }

  /** What is told of a service as a whole, whether or not any task of it runs. */
  function putCounts(service: ServiceRecord): void {
    const { cluster, name, desiredCount } = service;
    const base = { region: cluster.region.name, unit: 'Count', at: new Date() };
    const tasks = tasksOf(service);
    if (cluster.containerInsights) {
      const dimensions = { ClusterName: cluster.name, ServiceName: name };
      const told = { ...base, namespace: 'ECS/ContainerInsights', dimensions };
      deps.metrics.put({ ...told, name: 'RunningTaskCount', value: tasks.filter(isRunning).length });
      deps.metrics.put({ ...told, name: 'DesiredTaskCount', value: desiredCount });
    }
    const unhealthy = tasks.filter((task) => isRunning(task) && task.failedChecks >= CHECKS_BEFORE_UNHEALTHY).length;
    const told = { ...base, namespace: 'AWS/ApplicationELB', dimensions: dimensionsOf(name) };
    deps.metrics.put({ ...told, name: 'UnHealthyHostCount', value: unhealthy });
  }

  /** One at a time for each task: an answer to an older question never replaces a newer one. */
  function check(task: TaskRecord): Promise<void> {
    const underWay = checking.get(task) ?? checkOnce(task).finally(() => checking.delete(task));
    checking.set(task, underWay);
    return underWay;
  }

  async function checkOnce(task: TaskRecord): Promise<void> {
    const healthy = await runner.isHealthy(task).catch(() => false); // No answer is the finding that is looked for.
    task.failedChecks = healthy ? 0 : task.failedChecks + 1;
    if (healthy && isRunning(task)) task.healthy = true;
    if (!isRunning(task) || task.failedChecks < CHECKS_BEFORE_UNHEALTHY) return;
    task.healthy = false;
    // "Amazon ECS service definition parameters", healthCheckGracePeriodSeconds: until then the scheduler ignores what the checks say.
    const graceMs = (task.service?.healthCheckGracePeriodSeconds ?? 0) * 1000;
    if (Date.now() < (task.startedAt?.getTime() ?? 0) + graceMs) return;
    scheduler.taskUnhealthy(task);
    runner.stop(task, 'ServiceSchedulerInitiated', 'Task failed ELB health checks');
  }

  function forEachRunning(what: string, run: (service: ServiceRecord, task: TaskRecord) => Promise<void>): void {
    for (const service of services())
      for (const task of tasksOf(service).filter(isRunning))
        run(service, task).catch((error: unknown) => world.log('ecs', `${what} of task ${task.id}: ${String(error)}`));
  }

  async function stop(): Promise<void> {
    for (const timer of timers) clearInterval(timer);
    timers.clear();
    runner.killAll();
    await Promise.all(services().map((service) => service.balancer.close()));
  }

  const context = { region, scheduler, runner };
  const operations = { ...createOperations(context), ...createServiceOperations(context) };
  return {
    services: ['ecs'],
    handle: (call) => answer(call, operations),
    start() {
      if (timers.size > 0) return;
      timers.add(
        setInterval(() => {
          forEachRunning('metrics', putMetrics);
          for (const service of services()) if (service.status === 'ACTIVE') putCounts(service);
        }, times.metricsEveryMs),
      );
      timers.add(setInterval(() => forEachRunning('health', (_, task) => check(task)), times.healthEveryMs));
      // Starts that wait after failures have no event of their own.
      timers.add(
        setInterval(() => {
          for (const service of services()) scheduler.reconcile(service);
        }, times.healthEveryMs),
      );
    },
    stop,
    serviceUrl: (cluster, service, name = world.region) => activeService(region(name), cluster, service).balancer.url,
    processes: (cluster, service, name = world.region) =>
      tasksOf(activeService(region(name), cluster, service)).map((task) => ({
        taskArn: task.arn,
        status: task.status,
        ...(task.process?.pid !== undefined && { pid: task.process.pid }),
      })),
    async checkHealth(cluster, service, name = world.region) {
      const found = activeService(region(name), cluster, service);
      // The first may have been under way already.
      for (let looks = 0; looks <= CHECKS_BEFORE_UNHEALTHY; looks++)
        await Promise.all(tasksOf(found).filter(isRunning).map(check));
    },
    setCapacity(cluster, hasCapacity, name = world.region) {
      const found = region(name).clusters.get(cluster);
      if (!found) throw new Error(`there is no cluster ${cluster} in ${name}`);
      found.hasCapacity = hasCapacity;
    },
    desiredCount: (name, cluster, service) => {
      const found = region(name).clusters.get(cluster)?.services.get(service);
      return found?.status === 'ACTIVE' ? found.desiredCount : undefined;
    },
    setDesiredCount(name, cluster, service, desiredCount) {
      const found = activeService(region(name), cluster, service);
      setDesired(found, desiredCount);
      scheduler.reconcile(found);
    },
  };
}
