/** What the ECS stand-in keeps. Descriptions in AWS's shapes are made from it in `describe.ts`. */
import type { ChildProcess } from 'node:child_process';
import type {
  DeploymentConfiguration,
  NetworkConfiguration,
  RegisterTaskDefinitionRequest,
  ServiceEvent,
  Tag,
  TaskDefinition,
} from '@aws-sdk/client-ecs';
import type { Balancer } from './balancer.ts';

/** AWS page "Amazon ECS task lifecycle". ACTIVATING is not seen: tasks are registered with the balancer in no time. */
export type TaskStatus =
  | 'PROVISIONING'
  | 'PENDING'
  | 'RUNNING'
  | 'DEACTIVATING'
  | 'STOPPING'
  | 'DEPROVISIONING'
  | 'STOPPED';

export interface TaskRecord {
  readonly id: string;
  readonly arn: string;
  readonly cluster: ClusterRecord;
  readonly definition: TaskDefinition;
  /** Absent for a task that was run by itself. */
  readonly service?: ServiceRecord;
  readonly deploymentId?: string;
  /** Where its network interface is: one of its deployment's. */
  readonly subnet?: string;
  readonly group: string;
  readonly startedBy?: string;
  readonly createdAt: Date;
  readonly tags: Tag[];
  status: TaskStatus;
  desiredStatus: 'RUNNING' | 'STOPPED';
  healthy: boolean;
  failedChecks: number;
  /** Goes up with every change of state (AWS page "Amazon ECS events"). */
  version: number;
  updatedAt: Date;
  /** When its process was started. */
  launchedAt?: Date;
  startedAt?: Date;
  stoppingAt?: Date;
  stoppedAt?: Date;
  stopCode?: 'TaskFailedToStart' | 'EssentialContainerExited' | 'UserInitiated' | 'ServiceSchedulerInitiated';
  stoppedReason?: string;
  exitCode?: number;
  /** Why its container ended, as DescribeTasks tells it of a container. */
  containerReason?: string;
  process?: ChildProcess;
  port?: number;
}

export interface DeploymentRecord {
  readonly id: string;
  readonly definition: TaskDefinition;
  readonly network?: NetworkConfiguration;
  readonly createdAt: Date;
  /** Set for a deployment that the circuit breaker made: the one that failed, and the one whose revision it brings back. */
  readonly rollbackOf?: string;
  readonly bringsBack?: string;
  updatedAt: Date;
  finishedAt?: Date;
  status: 'PRIMARY' | 'ACTIVE' | 'INACTIVE';
  rolloutState: 'IN_PROGRESS' | 'COMPLETED' | 'FAILED';
  rolloutStateReason: string;
  failedTasks: number;
  /** No task is started before; grows while tasks fail to start. */
  nextStartAtMs: number;
}

export interface ServiceRecord {
  readonly name: string;
  readonly arn: string;
  readonly cluster: ClusterRecord;
  readonly createdAt: Date;
  readonly launchType: 'FARGATE' | 'EC2' | 'EXTERNAL' | 'MANAGED_INSTANCES';
  readonly deploymentController: 'ECS' | 'CODE_DEPLOY' | 'EXTERNAL';
  readonly balancer: Balancer;
  readonly tags: Tag[];
  status: 'ACTIVE' | 'DRAINING' | 'INACTIVE';
  desiredCount: number;
  configuration: DeploymentConfiguration;
  /** Absent for a service that was made without one. */
  network?: NetworkConfiguration;
  /** How long after its start a task's failed health checks are ignored. */
  healthCheckGracePeriodSeconds: number;
  /** Newest first; the first one is PRIMARY. Deployments that are over stay, as INACTIVE, for ListServiceDeployments. */
  deployments: DeploymentRecord[];
  /** Newest first, 100 at most, as on AWS. */
  events: ServiceEvent[];
  steady: boolean;
}

export interface ClusterRecord {
  readonly name: string;
  readonly arn: string;
  readonly region: RegionRecord;
  readonly services: Map<string, ServiceRecord>;
  readonly tasks: Map<string, TaskRecord>;
  readonly tags: Tag[];
  /** Its setting `containerInsights` is on, so that its services are counted in namespace ECS/ContainerInsights. */
  readonly containerInsights: boolean;
  /** Whether AWS has room for another task of it. */
  hasCapacity: boolean;
}

export interface RegionRecord {
  readonly name: string;
  readonly accountId: string;
  readonly clusters: Map<string, ClusterRecord>;
  /** By family; the position is the revision minus one. */
  readonly definitions: Map<string, TaskDefinition[]>;
  /** Tags of task definitions, by ARN. */
  readonly definitionTags: Map<string, Tag[]>;
}

export type DefinitionRequest = RegisterTaskDefinitionRequest;

/** Subnets of a deployment of task networking mode `awsvpc`. */
export const subnetsOf = ({ network }: Pick<DeploymentRecord, 'network'>): readonly string[] =>
  network?.awsvpcConfiguration?.subnets ?? [];

/** There is no EC2 here that would know a subnet's zone: the last letter of its id is the zone's, another last character means zone `a`. */
export const zoneOf = (region: string, subnet = ''): string => `${region}${/[a-f]$/.exec(subnet)?.[0] ?? 'a'}`;

/** Tasks of a service that aren't stopped. */
export const tasksOf = (service: ServiceRecord): TaskRecord[] =>
  [...service.cluster.tasks.values()].filter((task) => task.service === service && task.status !== 'STOPPED');

export const isStarting = (task: TaskRecord): boolean => task.status === 'PROVISIONING' || task.status === 'PENDING';
export const isRunning = (task: TaskRecord): boolean => task.status === 'RUNNING';
/** Running and healthy: what a deployment counts ("How the Amazon ECS deployment circuit breaker detects failures", stage 2). */
export const isServing = (task: TaskRecord): boolean => isRunning(task) && task.healthy;
