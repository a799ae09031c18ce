import { defineManifest } from '../../engine/manifest.ts';

export const manifest = defineManifest({
  name: 'restart-service',
  summary:
    'Replaces all tasks of an ECS service by new ones of the same revision, a few at a time, so that it goes on serving.',
  targetKind: 'ecs-service',
  triggers: [
    { namespace: 'AWS/ECS', metricName: 'MemoryUtilization', dimensions: ['ClusterName', 'ServiceName'] },
    { namespace: 'ECS/ContainerInsights', metricName: 'RunningTaskCount', dimensions: ['ClusterName', 'ServiceName'] },
    {
      namespace: 'ECS/ContainerInsights',
      metricName: 'UnHealthyContainerHealthStatus',
      dimensions: ['ClusterName', 'ServiceName'],
    },
  ],
  permissions: [
    {
      actions: ['ecs:DescribeServices', 'ecs:UpdateService'],
      resources: ['arn:{partition}:ecs:{region}:{account}:service/{cluster}/{service}'],
    },
    {
      actions: ['cloudwatch:GetMetricData'],
      resources: ['*'],
      whyAnyResource:
        'GetMetricData has no resource types (Service Authorization Reference, Actions for Amazon CloudWatch).',
    },
  ],
  network: 'none',
  risk: 'medium',
  idempotency: 'evidence',
  defaults: { cooldownSeconds: 1800, perTargetPerHour: 1, perRunbookPerHour: 5 },
  documentation: {
    refusesWhen: [
      "the service isn't there, is scaled to zero tasks, or has another deployment controller than ECS",
      'a deployment is under way, or tasks are still starting',
      'all its tasks were replaced since the trouble began',
      'its deployment limits would let all tasks be gone at once, or leave no room for a new one beside the others',
    ],
    undo: 'There is nothing to put back: the new tasks run the same revision.',
  },
  timeoutSeconds: 30,
  memoryMegabytes: 512,
});
