/** ECS's events for EventBridge (AWS page "Amazon ECS events" and the pages below it). Pure. */
import type { AwsEvent } from '../../world/types.ts';
import { describeTask, inEvent } from './describe.ts';
import type { DeploymentRecord, ServiceRecord, TaskRecord } from './model.ts';

export const taskStateChange = (task: TaskRecord): AwsEvent => {
  const { healthStatus: _, tags: __, ...detail } = describeTask(task);
  return {
    source: 'aws.ecs',
    detailType: 'ECS Task State Change',
    resources: [task.arn],
    region: task.cluster.region.name,
    time: task.updatedAt,
    detail: inEvent({ ...detail, updatedAt: task.updatedAt }),
  };
};

export type DeploymentEventName =
  | 'SERVICE_DEPLOYMENT_IN_PROGRESS'
  | 'SERVICE_DEPLOYMENT_COMPLETED'
  | 'SERVICE_DEPLOYMENT_FAILED';

export const deploymentStateChange = (
  service: ServiceRecord,
  deployment: DeploymentRecord,
  eventName: DeploymentEventName,
): AwsEvent => ({
  source: 'aws.ecs',
  detailType: 'ECS Deployment State Change',
  resources: [service.arn],
  region: service.cluster.region.name,
  time: deployment.updatedAt,
  detail: {
    eventType: eventName === 'SERVICE_DEPLOYMENT_FAILED' ? 'ERROR' : 'INFO',
    eventName,
    deploymentId: deployment.id,
    updatedAt: deployment.updatedAt.toISOString(),
    reason: deployment.rolloutStateReason,
  },
});

export type ServiceActionName =
  | 'SERVICE_STEADY_STATE'
  | 'SERVICE_TASK_START_IMPAIRED'
  | 'SERVICE_TASK_PLACEMENT_FAILURE';

const LEVEL: Readonly<Record<ServiceActionName, 'INFO' | 'WARN' | 'ERROR'>> = {
  SERVICE_STEADY_STATE: 'INFO',
  SERVICE_TASK_START_IMPAIRED: 'WARN',
  SERVICE_TASK_PLACEMENT_FAILURE: 'ERROR',
};

export const serviceAction = (
  service: ServiceRecord,
  eventName: ServiceActionName,
  at: Date,
  reason?: string,
): AwsEvent => ({
  source: 'aws.ecs',
  detailType: 'ECS Service Action',
  resources: [service.arn],
  region: service.cluster.region.name,
  time: at,
  detail: {
    eventType: LEVEL[eventName],
    eventName,
    clusterArn: service.cluster.arn,
    ...(reason !== undefined && { reason }),
    createdAt: at.toISOString(),
  },
});
