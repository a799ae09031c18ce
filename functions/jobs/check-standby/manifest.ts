import { defineJob } from '../manifest.ts';

const WHY_LISTED =
  'DescribeTaskDefinition has no resource types, ListTasks only container instances, DescribeScalableTargets none (Service Authorization Reference, Actions for Amazon ECS, for AWS Application Auto Scaling).';
const WHY_TASK =
  'The id of a task is made by AWS and not known before it exists (Service Authorization Reference, Actions for Amazon ECS).';

export const manifest = defineJob({
  name: 'check-standby',
  summary:
    'Looks whether the standby region could take over: the same images, room for as many tasks, database replicas of the same version that keep up, a young copy of each backup.',
  permissions: [
    {
      actions: ['ecs:DescribeServices'],
      resources: [
        'arn:{partition}:ecs:{region}:{account}:service/{guardedCluster}/{guardedService}',
        'arn:{partition}:ecs:{standbyRegion}:{account}:service/{standbyCluster}/{standbyService}',
      ],
    },
    {
      actions: ['ecs:DescribeTasks'],
      resources: [
        'arn:{partition}:ecs:{region}:{account}:task/{guardedCluster}/*',
        'arn:{partition}:ecs:{standbyRegion}:{account}:task/{standbyCluster}/*',
      ],
      whyAnyResource: WHY_TASK,
    },
    {
      actions: ['ecs:DescribeTaskDefinition', 'ecs:ListTasks', 'application-autoscaling:DescribeScalableTargets'],
      resources: ['{standbyServices}'],
      whyAnyResource: WHY_LISTED,
    },
    {
      actions: ['rds:DescribeDBInstances'],
      resources: [
        'arn:{partition}:rds:{region}:{account}:db:{guardedDatabase}',
        'arn:{partition}:rds:{standbyRegion}:{account}:db:{standbyReplica}',
      ],
    },
    {
      actions: ['cloudwatch:GetMetricData'],
      resources: ['{standbyReplicas}'],
      whyAnyResource:
        'GetMetricData has no resource-level permissions (Service Authorization Reference, "Actions, resources, and condition keys for Amazon CloudWatch").',
    },
    {
      actions: ['rds:DescribeDBSnapshots'],
      resources: [
        'arn:{partition}:rds:{standbyRegion}:{account}:snapshot:{copies}',
        'arn:{partition}:rds:{standbyRegion}:{account}:db:{copiedDatabase}',
      ],
      whyAnyResource:
        'The copies of an instance are asked for by the instance, whose names are not known before (Service Authorization Reference, Amazon RDS).',
    },
  ],
  runsFor: 'standby',
  // Runbook 003, lines 171 to 180: every morning.
  schedule: { cron: '30 7 * * ? *', timeZone: 'UTC' },
  flexibleMinutes: 15,
  deadlineSeconds: 1800,
  overdueAfterSeconds: 30 * 3600,
  effect: 'reads',
  severity: 'P3',
  timeoutSeconds: 300,
  memoryMegabytes: 256,
});
