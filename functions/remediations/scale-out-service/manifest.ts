import { defineManifest } from '../../engine/manifest.ts';

export const manifest = defineManifest({
  name: 'scale-out-service',
  summary:
    'Adds half as many tasks again to an ECS service whose CPU or memory is above its threshold, and hands them back afterwards.',
  targetKind: 'ecs-service',
  triggers: [
    { namespace: 'AWS/ECS', metricName: 'CPUUtilization', dimensions: ['ClusterName', 'ServiceName'] },
    { namespace: 'AWS/ECS', metricName: 'MemoryUtilization', dimensions: ['ClusterName', 'ServiceName'] },
    { namespace: 'AWS/ApplicationELB', metricName: 'TargetResponseTime', dimensions: ['LoadBalancer', 'TargetGroup'] },
  ],
  permissions: [
    {
      actions: ['ecs:DescribeServices', 'ecs:UpdateService'],
      resources: ['arn:{partition}:ecs:{region}:{account}:service/{cluster}/{service}'],
    },
    {
      actions: ['application-autoscaling:DescribeScalableTargets'],
      resources: ['*'],
      whyAnyResource:
        'DescribeScalableTargets has no resource types (Service Authorization Reference, Actions for AWS Application Auto Scaling).',
    },
    {
      actions: ['application-autoscaling:RegisterScalableTarget'],
      resources: ['arn:{partition}:application-autoscaling:{region}:{account}:scalable-target/*'],
      onlyWhere: {
        'application-autoscaling:service-namespace': 'ecs',
        'application-autoscaling:scalable-dimension': 'ecs:service:DesiredCount',
      },
      whyAnyResource:
        'The id of a scalable target is made by AWS and not known before it exists (Service Authorization Reference, Actions for AWS Application Auto Scaling).',
    },
    {
      actions: ['cloudwatch:GetMetricData'],
      resources: ['*'],
      whyAnyResource:
        'GetMetricData has no resource types (Service Authorization Reference, Actions for Amazon CloudWatch).',
    },
  ],
  network: 'none',
  holds: ['desiredCount', 'minCapacity'],
  risk: 'low',
  idempotency: 'absolute',
  defaults: { cooldownSeconds: 300, perTargetPerHour: 3, perRunbookPerHour: 20 },
  documentation: {
    refusesWhen: [
      "the service isn't there, or is scaled to zero tasks: somebody switched it off",
      'the number of tasks is no longer what Nightshift set: somebody else is at work',
      'a deployment is under way, or tasks are still starting',
      'it has as many tasks as `maxTasks` or its scalable target allow',
      'more tasks would open more connections than a database that it depends on can bear, or nobody knows how many that has',
      'a database that it depends on is in trouble',
    ],
    undo: 'The earlier number is handed back by itself once the alarm has been OK for `stabiliseForSeconds` and the load would fit.',
  },
  timeoutSeconds: 30,
  memoryMegabytes: 512,
});
