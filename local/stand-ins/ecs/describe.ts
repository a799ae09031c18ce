/** The ECS stand-in's records in the shapes of the API (types of the SDK, with dates). */
import { createHash } from 'node:crypto';
import type { Cluster, Deployment, Service, ServiceDeploymentBrief, Task } from '@aws-sdk/client-ecs';
import type { Wire } from '../cloudwatch/wire.ts';
import { toWire } from '../cloudwatch/wire.ts';
import type { ClusterRecord, DeploymentRecord, ServiceRecord, TaskRecord } from './model.ts';
import { isRunning, isStarting, tasksOf } from './model.ts';

/** Replaces every date: awsJson carries seconds, events carry ISO strings (AWS page "Amazon ECS task state change events"). */
function mapDates(value: unknown, encode: (date: Date) => unknown): unknown {
  if (value instanceof Date) return encode(value);
  if (Array.isArray(value)) return value.map((item) => mapDates(item, encode));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapDates(item, encode)]));
}

/** As a reply carries it. */
export const wired = <T>(value: T): Wire<T> => mapDates(value, toWire) as Wire<T>;
/** As an event carries it. */
export const inEvent = (value: unknown): unknown => mapDates(value, (date) => date.toISOString());

/** Stands for the digest that a registry would give: the same for the same image name, different for another. */
const digestOf = (image: string): string => `sha256:${createHash('sha256').update(image).digest('hex')}`;

export function describeTask(task: TaskRecord): Task {
  const { definition } = task;
  return {
    taskArn: task.arn,
    clusterArn: task.cluster.arn,
    taskDefinitionArn: definition.taskDefinitionArn,
    group: task.group,
    ...(task.startedBy && { startedBy: task.startedBy }),
    lastStatus: task.status,
    desiredStatus: task.desiredStatus,
    healthStatus: task.status === 'RUNNING' ? (task.healthy ? 'HEALTHY' : 'UNHEALTHY') : 'UNKNOWN',
    launchType: task.service?.launchType ?? 'FARGATE',
    platformVersion: '1.4.0',
    availabilityZone: `${task.cluster.region.name}a`,
    connectivity: task.status === 'PROVISIONING' ? 'DISCONNECTED' : 'CONNECTED',
    cpu: definition.cpu ?? '256',
    memory: definition.memory ?? '512',
    containers: (definition.containerDefinitions ?? []).map((container) => ({
      containerArn: `${task.cluster.arn.replace(':cluster/', ':container/')}/${task.id}/${container.name}`,
      taskArn: task.arn,
      name: container.name,
      image: container.image,
      imageDigest: digestOf(container.image ?? ''),
      lastStatus: isRunning(task) ? 'RUNNING' : task.status === 'STOPPED' ? 'STOPPED' : 'PENDING',
      healthStatus: 'UNKNOWN',
      ...(task.process?.pid && { runtimeId: `${task.id}-${task.process.pid}` }),
      ...(task.exitCode !== undefined && { exitCode: task.exitCode }),
      networkInterfaces: [],
      cpu: String(container.cpu ?? 0),
    })),
    attachments: [],
    overrides: { containerOverrides: [], inferenceAcceleratorOverrides: [] },
    createdAt: task.createdAt,
    // No image is pulled here: it is there as soon as the process is started.
    ...(task.launchedAt && {
      connectivityAt: task.launchedAt,
      pullStartedAt: task.launchedAt,
      pullStoppedAt: task.launchedAt,
    }),
    ...(task.startedAt && { startedAt: task.startedAt }),
    ...(task.stoppingAt && { stoppingAt: task.stoppingAt }),
    ...(task.stoppedAt && { stoppedAt: task.stoppedAt }),
    ...(task.stopCode && { stopCode: task.stopCode }),
    ...(task.stoppedReason && { stoppedReason: task.stoppedReason }),
    version: task.version,
    tags: task.tags,
  };
}

function describeDeployment(service: ServiceRecord, deployment: DeploymentRecord): Deployment {
  const tasks = tasksOf(service).filter((task) => task.deploymentId === deployment.id);
  return {
    id: deployment.id,
    status: deployment.status,
    taskDefinition: deployment.definition.taskDefinitionArn,
    desiredCount: deployment.status === 'PRIMARY' ? service.desiredCount : 0,
    pendingCount: tasks.filter(isStarting).length,
    runningCount: tasks.filter(isRunning).length,
    failedTasks: deployment.failedTasks,
    createdAt: deployment.createdAt,
    updatedAt: deployment.updatedAt,
    launchType: service.launchType,
    platformVersion: '1.4.0',
    rolloutState: deployment.rolloutState,
    rolloutStateReason: deployment.rolloutStateReason,
  };
}

export function describeService(service: ServiceRecord, withTags: boolean): Service {
  const tasks = tasksOf(service);
  return {
    serviceArn: service.arn,
    serviceName: service.name,
    clusterArn: service.cluster.arn,
    loadBalancers: [],
    serviceRegistries: [],
    status: service.status,
    desiredCount: service.desiredCount,
    runningCount: tasks.filter(isRunning).length,
    pendingCount: tasks.filter(isStarting).length,
    launchType: service.launchType,
    platformVersion: 'LATEST',
    taskDefinition: service.deployments[0]?.definition.taskDefinitionArn,
    deploymentConfiguration: service.configuration,
    deployments: service.deployments
      .filter((deployment) => deployment.status !== 'INACTIVE')
      .map((deployment) => describeDeployment(service, deployment)),
    events: service.events,
    createdAt: service.createdAt,
    schedulingStrategy: 'REPLICA',
    deploymentController: { type: 'ECS' },
    placementConstraints: [],
    placementStrategy: [],
    enableECSManagedTags: false,
    propagateTags: 'NONE',
    ...(withTags && { tags: service.tags }),
  };
}

export const describeCluster = (cluster: ClusterRecord): Cluster => ({
  clusterArn: cluster.arn,
  clusterName: cluster.name,
  status: 'ACTIVE',
  registeredContainerInstancesCount: 0,
  runningTasksCount: [...cluster.tasks.values()].filter(isRunning).length,
  pendingTasksCount: [...cluster.tasks.values()].filter(isStarting).length,
  activeServicesCount: [...cluster.services.values()].filter((service) => service.status === 'ACTIVE').length,
  statistics: [],
  tags: cluster.tags,
  settings: [],
  capacityProviders: [],
  defaultCapacityProviderStrategy: [],
});

const SUFFIX = /^ecs-svc\//;

/** ARN of the service revision that a deployment rolls out; deployment and revision share their number here. */
export const revisionArn = (service: ServiceRecord, deployment: DeploymentRecord): string =>
  `${service.arn.replace(':service/', ':service-revision/')}/${deployment.id.replace(SUFFIX, '')}`;

/** As ListServiceDeployments lists it. */
export function describeServiceDeployment(
  service: ServiceRecord,
  deployment: DeploymentRecord,
): ServiceDeploymentBrief {
  const rolledBack = service.deployments.find((other) => other.rollbackOf === deployment.id);
  const failed = rolledBack
    ? rolledBack.rolloutState === 'COMPLETED'
      ? 'ROLLBACK_SUCCESSFUL'
      : 'ROLLBACK_IN_PROGRESS'
    : 'STOPPED';
  const over = deployment.rolloutState === 'COMPLETED' ? 'SUCCESSFUL' : failed;
  return {
    serviceDeploymentArn: `${service.arn.replace(':service/', ':service-deployment/')}/${deployment.id.replace(SUFFIX, '')}`,
    serviceArn: service.arn,
    clusterArn: service.cluster.arn,
    createdAt: deployment.createdAt,
    startedAt: deployment.createdAt,
    ...(deployment.finishedAt && { finishedAt: deployment.finishedAt }),
    targetServiceRevisionArn: revisionArn(service, deployment),
    status: deployment.rolloutState === 'IN_PROGRESS' && deployment.status === 'PRIMARY' ? 'IN_PROGRESS' : over,
    statusReason: deployment.rolloutStateReason,
  };
}
