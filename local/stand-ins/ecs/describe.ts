/** The ECS stand-in's records in the shapes of the API (types of the SDK, with dates). */
import { createHash } from 'node:crypto';
import type {
  Cluster,
  Deployment,
  HealthStatus,
  Service,
  ServiceDeployment,
  ServiceDeploymentStatus,
  ServiceRevision,
  Task,
} from '@aws-sdk/client-ecs';
import type { Wire } from '../cloudwatch/wire.ts';
import { toWire } from '../cloudwatch/wire.ts';
import type { ClusterRecord, DeploymentRecord, ServiceRecord, TaskRecord } from './model.ts';
import { isRunning, isStarting, tasksOf, zoneOf } from './model.ts';

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
const digestOf = (image: string): string =>
  /@(sha256:[0-9a-f]{64})$/.exec(image)?.[1] ?? `sha256:${createHash('sha256').update(image).digest('hex')}`;

const healthOf = (task: TaskRecord): HealthStatus =>
  task.status === 'RUNNING' ? (task.healthy ? 'HEALTHY' : 'UNHEALTHY') : 'UNKNOWN';

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
    healthStatus: healthOf(task),
    launchType: task.service?.launchType ?? 'FARGATE',
    platformVersion: '1.4.0',
    availabilityZone: zoneOf(task.cluster.region.name, task.subnet),
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
      healthStatus: healthOf(task),
      ...(task.process?.pid && { runtimeId: `${task.id}-${task.process.pid}` }),
      ...(task.exitCode !== undefined && { exitCode: task.exitCode }),
      ...(task.containerReason && { reason: task.containerReason }),
      networkInterfaces: [],
      cpu: String(container.cpu ?? 0),
    })),
    // API page "Attachment": the network interface says in `subnetId` where it is.
    attachments: task.subnet
      ? [
          {
            id: task.id,
            type: 'ElasticNetworkInterface',
            status: 'ATTACHED',
            details: [{ name: 'subnetId', value: task.subnet }],
          },
        ]
      : [],
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
    ...(deployment.network && { networkConfiguration: deployment.network }),
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
    ...(service.network && { networkConfiguration: service.network }),
    deployments: service.deployments
      .filter((deployment) => deployment.status !== 'INACTIVE')
      .map((deployment) => describeDeployment(service, deployment)),
    events: service.events,
    createdAt: service.createdAt,
    schedulingStrategy: 'REPLICA',
    deploymentController: { type: service.deploymentController },
    healthCheckGracePeriodSeconds: service.healthCheckGracePeriodSeconds,
    currentServiceRevisions: service.deployments
      .filter((deployment) => deployment.status !== 'INACTIVE')
      .map((deployment) => ({
        arn: revisionArn(service, deployment),
        requestedTaskCount: deployment.status === 'PRIMARY' ? service.desiredCount : 0,
        runningTaskCount: tasks.filter((task) => task.deploymentId === deployment.id && isRunning(task)).length,
        pendingTaskCount: tasks.filter((task) => task.deploymentId === deployment.id && isStarting(task)).length,
      })),
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

/** ARN of the service revision that a deployment rolls out; they share their number here, but a rollback brings an earlier revision back. */
export const revisionArn = (service: ServiceRecord, { id, bringsBack }: DeploymentRecord): string =>
  `${service.arn.replace(':service/', ':service-revision/')}/${(bringsBack ?? id).replace(SUFFIX, '')}`;

const serviceDeploymentArn = (service: ServiceRecord, { id }: DeploymentRecord): string =>
  `${service.arn.replace(':service/', ':service-deployment/')}/${id.replace(SUFFIX, '')}`;

/** API page "ServiceDeployment": a rollback belongs to the deployment that failed and isn't one of its own. */
export const serviceDeployments = (service: ServiceRecord): DeploymentRecord[] =>
  service.deployments.filter((deployment) => deployment.rollbackOf === undefined);

/** As DescribeServiceDeployments tells it; ListServiceDeployments tells a part of it. */
export function describeServiceDeployment(service: ServiceRecord, deployment: DeploymentRecord): ServiceDeployment {
  const rollback = service.deployments.find((other) => other.rollbackOf === deployment.id);
  const finishedAt = rollback ? rollback.finishedAt : deployment.finishedAt;
  return {
    serviceDeploymentArn: serviceDeploymentArn(service, deployment),
    serviceArn: service.arn,
    clusterArn: service.cluster.arn,
    createdAt: deployment.createdAt,
    startedAt: deployment.createdAt,
    updatedAt: deployment.updatedAt,
    ...(finishedAt && { finishedAt }),
    targetServiceRevision: { arn: revisionArn(service, deployment) },
    status: statusOf(deployment, rollback),
    statusReason: deployment.rolloutStateReason,
    deploymentConfiguration: service.configuration,
    deploymentCircuitBreaker: {
      status: deployment.rolloutState === 'FAILED' ? 'TRIGGERED' : 'MONITORING',
      failureCount: deployment.failedTasks,
    },
    ...(rollback && {
      rollback: {
        reason: rollback.rolloutStateReason,
        startedAt: rollback.createdAt,
        serviceRevisionArn: revisionArn(service, rollback),
      },
    }),
  };
}

function statusOf(deployment: DeploymentRecord, rollback: DeploymentRecord | undefined): ServiceDeploymentStatus {
  if (rollback) return rollback.rolloutState === 'COMPLETED' ? 'ROLLBACK_SUCCESSFUL' : 'ROLLBACK_IN_PROGRESS';
  if (deployment.rolloutState === 'COMPLETED') return 'SUCCESSFUL';
  // One that another deployment replaced before it was complete has stopped.
  return deployment.rolloutState === 'IN_PROGRESS' && deployment.status === 'PRIMARY' ? 'IN_PROGRESS' : 'STOPPED';
}

/** API page "ServiceRevision", as far as tasks here have one: what was rolled out, with the digest that each image was resolved to. */
export const describeRevision = (service: ServiceRecord, deployment: DeploymentRecord): ServiceRevision => ({
  serviceRevisionArn: revisionArn(service, deployment),
  serviceArn: service.arn,
  clusterArn: service.cluster.arn,
  taskDefinition: deployment.definition.taskDefinitionArn,
  launchType: service.launchType,
  createdAt: deployment.createdAt,
  containerImages: (deployment.definition.containerDefinitions ?? []).map(({ name, image = '' }) => ({
    containerName: name,
    image,
    imageDigest: digestOf(image),
  })),
});
