/**
 * The service scheduler: keeps each service at its desired count, rolls deployments out within their limits, gives up on those that fail
 * (AWS pages "Deploy Amazon ECS services by replacing tasks", "How the Amazon ECS deployment circuit breaker detects failures").
 */
import type { TaskDefinition } from '@aws-sdk/client-ecs';
import type { AwsEvent } from '../../world/types.ts';
import { balancerOf } from './balancer-metrics.ts';
import { deploymentStateChange, serviceAction, taskStateChange } from './events.ts';
import type { ClusterRecord, DeploymentRecord, ServiceRecord, TaskRecord } from './model.ts';
import { isRunning, isServing, isStarting, subnetsOf, tasksOf } from './model.ts';
import { planService } from './plan.ts';
import type { Runner } from './runner.ts';

export interface Scheduler {
  /** Begins a deployment of `definition`; it becomes PRIMARY. */
  deploy(
    service: ServiceRecord,
    definition: TaskDefinition,
    rollback?: { readonly of: string; readonly to: string },
  ): DeploymentRecord;
  /** Starts a task by itself (RunTask) or for a service. */
  startTask(
    cluster: ClusterRecord,
    definition: TaskDefinition,
    for_?: { service?: ServiceRecord; deployment?: DeploymentRecord; group?: string; startedBy?: string },
  ): TaskRecord;
  /** Brings a service nearer to what it should be; call it after every change. */
  reconcile(service: ServiceRecord): void;
  /** Call it for every change of a task's state. */
  taskChanged(task: TaskRecord): void;
  /** Call it for a task that is going to be stopped because its health checks fail. */
  taskUnhealthy(task: TaskRecord): void;
}

/** Stopped tasks stay describable (AWS: for an hour); so many of a cluster are kept. */
const STOPPED_KEPT = 200;
const EVENTS_KEPT = 100;
/** "Why can't I run tasks on Fargate": in these words. */
const NO_CAPACITY = 'Capacity is unavailable at this time. Please try again later or in a different availability zone';
const PLACED_AGAIN_AFTER_MS = 2_000;
/** Deployments that are over (AWS: of the last 90 days). */
const DEPLOYMENTS_KEPT = 50;
/** Wait after the n-th failed start: 1, 2, 4 ... seconds, 15 at most ("Amazon ECS service throttle logic"). */
const backoffMs = (failures: number): number => Math.min(15_000, 1_000 * 2 ** Math.max(0, failures - 1));
/** "How the Amazon ECS deployment circuit breaker detects failures": half the desired count, at least 3, at most 200. */
const breakerThreshold = (desiredCount: number): number => Math.min(200, Math.max(3, Math.ceil(desiredCount / 2)));

const hex = (length: number): string => {
  const bytes = crypto.getRandomValues(new Uint8Array(length / 2));
  return Buffer.from(bytes).toString('hex');
};
const digits = (length: number): string => {
  const bytes = crypto.getRandomValues(new Uint8Array(length));
  return [...bytes].map((byte, i) => (i === 0 ? 1 + (byte % 9) : byte % 10)).join('');
};

/** Tasks are spread over the zones of their subnets as evenly as can be ("How Amazon ECS places tasks on container instances", and on Fargate). */
const leastUsed = (subnets: readonly string[], tasks: readonly TaskRecord[]): string | undefined => {
  const used = (subnet: string): number => tasks.filter((task) => task.subnet === subnet).length;
  return [...subnets].sort((a, b) => used(a) - used(b))[0];
};

export function createScheduler(runner: () => Runner, publish: (event: AwsEvent) => void): Scheduler {
  function note(service: ServiceRecord, words: string): void {
    const message = `(service ${service.name}) ${words}`;
    service.events = [{ id: crypto.randomUUID(), createdAt: new Date(), message }, ...service.events].slice(
      0,
      EVENTS_KEPT,
    );
  }

  function roll(
    service: ServiceRecord,
    deployment: DeploymentRecord,
    state: DeploymentRecord['rolloutState'],
    reason: string,
  ): void {
    deployment.rolloutState = state;
    deployment.rolloutStateReason = reason;
    deployment.updatedAt = new Date();
    if (state !== 'IN_PROGRESS') deployment.finishedAt = deployment.updatedAt;
    publish(deploymentStateChange(service, deployment, `SERVICE_DEPLOYMENT_${state}`));
  }

  const deploy: Scheduler['deploy'] = (service, definition, rollback) => {
    const at = new Date();
    const id = `ecs-svc/${digits(19)}`;
    const back = rollback && service.deployments.find((each) => each.id === rollback.to);
    // A revision has its network, too: what comes back comes back with it.
    const network = back ? back.network : service.network;
    if (network) service.network = network;
    const deployment: DeploymentRecord = {
      id,
      definition,
      ...(network && { network }),
      createdAt: at,
      updatedAt: at,
      ...(rollback && { rollbackOf: rollback.of, bringsBack: rollback.to }),
      status: 'PRIMARY',
      rolloutState: 'IN_PROGRESS',
      rolloutStateReason: '',
      failedTasks: 0,
      nextStartAtMs: 0,
    };
    for (const other of service.deployments) if (other.status === 'PRIMARY') other.status = 'ACTIVE';
    const over = service.deployments.filter((other) => other.status === 'INACTIVE').slice(DEPLOYMENTS_KEPT);
    service.deployments = [deployment, ...service.deployments.filter((other) => !over.includes(other))];
    service.steady = false;
    const reason = rollback
      ? `ECS deployment circuit breaker: rolling back to deploymentId ${id}.`
      : `ECS deployment ${id} in progress.`;
    roll(service, deployment, 'IN_PROGRESS', reason);
    return deployment;
  };

  const startTask: Scheduler['startTask'] = (cluster, definition, for_ = {}) => {
    const { service, deployment } = for_;
    const id = hex(32);
    const at = new Date();
    const startedBy = deployment?.id ?? for_.startedBy;
    const subnet = service && deployment && leastUsed(subnetsOf(deployment), tasksOf(service));
    const task: TaskRecord = {
      id,
      arn: `${cluster.arn.replace(':cluster/', ':task/')}/${id}`,
      cluster,
      definition,
      ...(service && { service }),
      ...(deployment && { deploymentId: deployment.id }),
      ...(subnet && { subnet }),
      group: service ? `service:${service.name}` : (for_.group ?? `family:${definition.family}`),
      ...(startedBy && { startedBy }),
      createdAt: at,
      tags: [],
      status: 'PROVISIONING',
      desiredStatus: 'RUNNING',
      healthy: false,
      failedChecks: 0,
      version: 1,
      updatedAt: at,
    };
    cluster.tasks.set(id, task);
    runner().start(task);
    return task;
  };

  function reconcile(service: ServiceRecord): void {
    const [primary] = service.deployments;
    if (!primary || service.status === 'INACTIVE') return;
    const live = tasksOf(service).filter((task) => isStarting(task) || isRunning(task));
    const order = new Map([...service.cluster.tasks.keys()].map((id, position) => [id, position]));
    const plan = planService({
      desiredCount: service.desiredCount,
      minimumHealthyPercent: service.configuration.minimumHealthyPercent ?? 100,
      maximumPercent: service.configuration.maximumPercent ?? 200,
      primaryId: primary.id,
      mayStart: primary.rolloutState !== 'FAILED' && Date.now() >= primary.nextStartAtMs,
      tasks: live.map((task) => ({
        id: task.id,
        deploymentId: task.deploymentId ?? '',
        phase: isServing(task) ? 'running' : 'starting',
        order: order.get(task.id) ?? 0,
      })),
    });
    if (plan.start + plan.stop.length > 0) service.steady = false;
    const stopping = live.filter((task) => plan.stop.includes(task.id));
    if (stopping.length > 0)
      note(
        service,
        `has stopped ${stopping.length} running tasks: ${stopping.map((t) => `(task ${t.id})`).join(' ')}.`,
      );
    for (const task of stopping)
      runner().stop(task, 'ServiceSchedulerInitiated', `Scaling activity initiated by (deployment ${primary.id})`);
    const for_ = { service, deployment: primary };
    if (plan.start > 0 && !service.cluster.hasCapacity) notPlaced(service, primary);
    const mayStart = service.cluster.hasCapacity ? plan.start : 0;
    const started = Array.from({ length: mayStart }, () => startTask(service.cluster, primary.definition, for_));
    if (started.length > 0)
      note(service, `has started ${started.length} tasks: ${started.map((task) => `(task ${task.id})`).join(' ')}.`);
    settle(service, primary);
  }

  /** Said at each of its tries; a task that was never placed isn't counted as a failed one. */
  function notPlaced(service: ServiceRecord, deployment: DeploymentRecord): void {
    deployment.nextStartAtMs = Date.now() + PLACED_AGAIN_AFTER_MS;
    note(service, `was unable to place a task. Reason: ${NO_CAPACITY}.`);
    publish(serviceAction(service, 'SERVICE_TASK_PLACEMENT_FAILURE', new Date(), 'RESOURCE:FARGATE'));
  }

  /** What is over: old deployments without tasks, a rollout that is complete, a service that is gone. */
  function settle(service: ServiceRecord, primary: DeploymentRecord): void {
    const tasks = tasksOf(service);
    for (const old of service.deployments)
      if (old.status === 'ACTIVE' && !tasks.some((task) => task.deploymentId === old.id)) old.status = 'INACTIVE';
    if (service.status === 'DRAINING') {
      if (tasks.length === 0) service.status = 'INACTIVE';
      return;
    }
    const running = tasks.filter((task) => task.deploymentId === primary.id && isServing(task));
    const alone =
      tasks.length === running.length && service.deployments.every((d) => d === primary || d.status === 'INACTIVE');
    if (!alone || running.length !== service.desiredCount || primary.rolloutState === 'FAILED') return;
    if (primary.rolloutState === 'IN_PROGRESS') {
      note(service, `(deployment ${primary.id}) deployment completed.`);
      roll(service, primary, 'COMPLETED', `ECS deployment ${primary.id} completed.`);
    }
    if (service.steady) return;
    service.steady = true;
    note(service, 'has reached a steady state.');
    publish(serviceAction(service, 'SERVICE_STEADY_STATE', new Date()));
  }

  /**
   * A task of a deployment didn't get as far as running, or failed its health checks: what the circuit breaker counts, in its two stages
   * ("How the Amazon ECS deployment circuit breaker detects failures"). A task that ran and then ended by itself isn't counted.
   */
  function failedTask(service: ServiceRecord, task: TaskRecord): void {
    const deployment = service.deployments.find((d) => d.id === task.deploymentId);
    if (!deployment) return;
    deployment.failedTasks += 1;
    deployment.nextStartAtMs = Date.now() + backoffMs(deployment.failedTasks);
    if (deployment.failedTasks === 3) {
      note(service, 'is unable to consistently start tasks successfully.');
      publish(serviceAction(service, 'SERVICE_TASK_START_IMPAIRED', new Date()));
    }
    const breaker = service.configuration.deploymentCircuitBreaker;
    const tripped = deployment.failedTasks >= breakerThreshold(service.desiredCount);
    if (!breaker?.enable || !tripped || deployment.rolloutState !== 'IN_PROGRESS' || deployment.status !== 'PRIMARY')
      return;
    roll(service, deployment, 'FAILED', 'ECS deployment circuit breaker: tasks failed to start.');
    const good = service.deployments.find((d) => d.rolloutState === 'COMPLETED');
    if (breaker.rollback && good)
      deploy(service, good.definition, { of: deployment.id, to: good.bringsBack ?? good.id });
  }

  return {
    deploy,
    startTask,
    reconcile,
    taskUnhealthy(task) {
      if (!task.service) return;
      // "Amazon ECS service unhealthy event messages", of a task on Fargate.
      const where = `(task ${task.id}) (port ${task.port}) is unhealthy in (target-group ${balancerOf(task.service.name).targetGroup})`;
      note(task.service, `${where} due to (reason Health checks failed)`);
      failedTask(task.service, task);
    },
    taskChanged(task) {
      publish(taskStateChange(task));
      const { service, cluster } = task;
      if (task.status === 'STOPPED') {
        if (service && task.stopCode === 'TaskFailedToStart') failedTask(service, task);
        const stopped = [...cluster.tasks.values()].filter((other) => other.status === 'STOPPED');
        for (const old of stopped.slice(0, -STOPPED_KEPT)) cluster.tasks.delete(old.id);
      }
      if (service && ['RUNNING', 'DEACTIVATING', 'STOPPED'].includes(task.status))
        queueMicrotask(() => reconcile(service));
    },
  };
}
