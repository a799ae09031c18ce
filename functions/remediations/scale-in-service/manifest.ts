import { defineManifest } from '../../engine/manifest.ts';

export const manifest = defineManifest({
  name: 'scale-in-service',
  summary:
    'Takes tasks away from an ECS service that has had more than its load needs for long, never below its minimum and never while anything about it is in alarm.',
  targetKind: 'ecs-service',
  triggers: [
    { namespace: 'AWS/ECS', metricName: 'CPUUtilization', dimensions: ['ClusterName', 'ServiceName'] },
    { namespace: 'ECS/ContainerInsights', metricName: 'RunningTaskCount', dimensions: ['ClusterName', 'ServiceName'] },
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
      actions: ['cloudwatch:GetMetricData', 'cloudwatch:DescribeAlarms'],
      resources: ['*'],
      whyAnyResource:
        'GetMetricData has no resource types, and which alarms watch a service is known only by looking at all that are in alarm (Service Authorization Reference, Actions for Amazon CloudWatch).',
    },
  ],
  network: 'none',
  holds: ['desiredCount', 'minCapacity'],
  handsNothingBack: true,
  removesCapacity: true,
  risk: 'medium',
  idempotency: 'absolute',
  defaults: { cooldownSeconds: 300, perTargetPerHour: 6, perRunbookPerHour: 20 },
  documentation: {
    refusesWhen: [
      "the service isn't there, or is scaled to zero tasks: somebody switched it off",
      'it has `minTasks` or fewer, or one: nothing is taken from it',
      'Application Auto Scaling owns its number of tasks, or Nightshift itself has raised it for a while',
      'any alarm on it, its target group or a database that it depends on is firing, or that cannot be told',
      'a deployment is under way, or tasks are still starting or stopping',
      'with a task less CPU would reach `cpuBelowPercent`, or memory would come near its alarm, now or at its busiest within `idleForSeconds`; or there is no recent datapoint to judge by',
      'more than half of its tasks would go at once: then half go',
    ],
    undo: 'The earlier number is set again by itself when an alarm of the service or its target group fires before the change is proved, or its clients fare worse. Later, set the desired count back; the change names it.',
  },
  timeoutSeconds: 30,
  memoryMegabytes: 512,
});
