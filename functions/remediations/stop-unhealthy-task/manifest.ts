import { defineManifest } from '../../engine/manifest.ts';

export const manifest = defineManifest({
  name: 'stop-unhealthy-task',
  summary:
    'Stops one task of an ECS service that is unhealthy or hangs while it starts, so that ECS puts another in its place.',
  targetKind: 'ecs-service',
  triggers: [
    { namespace: 'AWS/ApplicationELB', metricName: 'UnHealthyHostCount', dimensions: ['LoadBalancer', 'TargetGroup'] },
    {
      namespace: 'ECS/ContainerInsights',
      metricName: 'UnHealthyContainerHealthStatus',
      dimensions: ['ClusterName', 'ServiceName'],
    },
    { namespace: 'ECS/ContainerInsights', metricName: 'RunningTaskCount', dimensions: ['ClusterName', 'ServiceName'] },
  ],
  permissions: [
    {
      actions: ['ecs:DescribeServices'],
      resources: ['arn:{partition}:ecs:{region}:{account}:service/{cluster}/{service}'],
    },
    {
      actions: ['ecs:ListTasks'],
      resources: ['*'],
      whyAnyResource:
        'ListTasks has no resource type but container instances (Service Authorization Reference, Actions for Amazon ECS).',
    },
    {
      actions: ['ecs:DescribeTasks', 'ecs:StopTask'],
      resources: ['arn:{partition}:ecs:{region}:{account}:task/{cluster}/*'],
      whyAnyResource:
        'The id of a task is made by AWS and not known before it exists (Service Authorization Reference, Actions for Amazon ECS).',
    },
    {
      actions: ['cloudwatch:GetMetricData'],
      resources: ['*'],
      whyAnyResource:
        'GetMetricData has no resource types (Service Authorization Reference, Actions for Amazon CloudWatch).',
    },
  ],
  network: 'none',
  removesCapacity: true,
  risk: 'low',
  idempotency: 'absolute',
  defaults: { cooldownSeconds: 300, perTargetPerHour: 3, perRunbookPerHour: 20 },
  documentation: {
    refusesWhen: [
      "the service isn't there, or is scaled to zero tasks",
      'a deployment is under way, which replaces its tasks itself',
      'no task has been sick for `taskUnhealthyForSeconds`',
      'none of its tasks is well, or more than half are sick: the cause is not in one of them',
    ],
    undo: 'A task that was stopped does not come back: ECS starts another in its place.',
  },
  timeoutSeconds: 30,
  memoryMegabytes: 512,
});
