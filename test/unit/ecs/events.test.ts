import { describe, expect, it } from '@jest/globals';
import { deploymentStateChange, serviceAction, taskStateChange } from '../../../local/stand-ins/ecs/events.ts';
import type { ClusterRecord, DeploymentRecord, ServiceRecord, TaskRecord } from '../../../local/stand-ins/ecs/model.ts';

const at = new Date('2026-03-01T12:00:00Z');
const definition = {
  family: 'backend',
  taskDefinitionArn: 'arn:aws:ecs:eu-west-1:000000000000:task-definition/backend:1',
  containerDefinitions: [{ name: 'backend', image: 'backend:1' }],
};
const region = {
  name: 'eu-west-1',
  accountId: '000000000000',
  clusters: new Map(),
  definitions: new Map(),
  definitionTags: new Map(),
};
const cluster: ClusterRecord = {
  name: 'orders',
  arn: 'arn:aws:ecs:eu-west-1:000000000000:cluster/orders',
  region,
  services: new Map(),
  tasks: new Map(),
  containerInsights: false,
  hasCapacity: true,
  tags: [],
};
const deployment: DeploymentRecord = {
  id: 'ecs-svc/123',
  definition,
  createdAt: at,
  updatedAt: at,
  status: 'PRIMARY',
  rolloutState: 'FAILED',
  rolloutStateReason: 'why',
  failedTasks: 3,
  nextStartAtMs: 0,
};
const service: ServiceRecord = {
  name: 'backend',
  arn: 'arn:aws:ecs:eu-west-1:000000000000:service/orders/backend',
  cluster,
  createdAt: at,
  launchType: 'FARGATE',
  deploymentController: 'ECS',
  healthCheckGracePeriodSeconds: 0,
  balancer: { url: 'http://127.0.0.1:1/', close: async () => {} },
  tags: [],
  status: 'ACTIVE',
  desiredCount: 1,
  configuration: {},
  deployments: [deployment],
  events: [],
  steady: false,
};
const task: TaskRecord = {
  id: 'c13b4cb40f1f4fe4a2971f76ae5a47ad',
  arn: 'arn:aws:ecs:eu-west-1:000000000000:task/orders/c13b4cb40f1f4fe4a2971f76ae5a47ad',
  cluster,
  definition,
  service,
  deploymentId: deployment.id,
  group: 'service:backend',
  createdAt: at,
  tags: [],
  status: 'RUNNING',
  desiredStatus: 'RUNNING',
  healthy: true,
  failedChecks: 0,
  version: 4,
  updatedAt: at,
  launchedAt: at,
  startedAt: at,
};

/** Keys of `detail` in the sample of the AWS page "Amazon ECS task state change events". */
const TASK_KEYS =
  'attachments availabilityZone clusterArn containers createdAt launchType cpu memory desiredStatus group lastStatus overrides connectivity connectivityAt pullStartedAt startedAt pullStoppedAt updatedAt taskArn taskDefinitionArn version platformVersion';
const CONTAINER_KEYS = 'containerArn lastStatus name image imageDigest taskArn networkInterfaces cpu';

describe('ECS events', () => {
  it('tell a task’s state with the keys of AWS’s sample, times as ISO strings', () => {
    const event = taskStateChange(task);
    const detail = event.detail as Record<string, unknown>;
    expect(Object.keys(detail)).toEqual(expect.arrayContaining(TASK_KEYS.split(' ')));
    expect(Object.keys((detail.containers as object[])[0] ?? {})).toEqual(
      expect.arrayContaining(CONTAINER_KEYS.split(' ')),
    );
    expect(detail).toMatchObject({ startedAt: '2026-03-01T12:00:00.000Z', version: 4, lastStatus: 'RUNNING' });
    expect(event).toMatchObject({ source: 'aws.ecs', detailType: 'ECS Task State Change', resources: [task.arn] });
  });
  it('tell a deployment’s state exactly as AWS’s sample', () => {
    expect(deploymentStateChange(service, deployment, 'SERVICE_DEPLOYMENT_FAILED')).toMatchObject({
      detailType: 'ECS Deployment State Change',
      resources: [service.arn],
      detail: {
        eventType: 'ERROR',
        eventName: 'SERVICE_DEPLOYMENT_FAILED',
        deploymentId: 'ecs-svc/123',
        updatedAt: '2026-03-01T12:00:00.000Z',
        reason: 'why',
      },
    });
  });
  it('tell a service’s steady state exactly as AWS’s sample', () => {
    expect(serviceAction(service, 'SERVICE_STEADY_STATE', at).detail).toEqual({
      eventType: 'INFO',
      eventName: 'SERVICE_STEADY_STATE',
      clusterArn: cluster.arn,
      createdAt: '2026-03-01T12:00:00.000Z',
    });
  });
});
