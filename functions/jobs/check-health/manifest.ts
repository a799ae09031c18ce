import { defineJob } from '../manifest.ts';

export const manifest = defineJob({
  name: 'check-health',
  summary:
    'The morning round: every protected service and database, storage in use, the share of failed requests, and alarms that have been firing for hours.',
  permissions: [
    {
      actions: ['ecs:DescribeServices'],
      resources: ['arn:{partition}:ecs:{region}:{account}:service/{cluster}/{service}'],
    },
    {
      actions: ['rds:DescribeDBInstances'],
      resources: ['arn:{partition}:rds:{region}:{account}:db:{database}'],
    },
    {
      actions: ['cloudwatch:GetMetricData', 'cloudwatch:DescribeAlarms'],
      resources: ['*'],
      whyAnyResource:
        'GetMetricData has no resource-level permissions, and DescribeAlarms without names is granted on all alarms only (Service Authorization Reference, "Actions, resources, and condition keys for Amazon CloudWatch").',
    },
  ],
  runsFor: 'checks',
  // Runbook 000, lines 142 to 160: every morning; by the clock of the people who read it: set jobs.check-health.timeZone.
  schedule: { cron: '0 7 * * ? *', timeZone: 'UTC' },
  flexibleMinutes: 15,
  deadlineSeconds: 1800,
  overdueAfterSeconds: 30 * 3600,
  effect: 'reads',
  severity: 'P4',
  timeoutSeconds: 60,
  memoryMegabytes: 256,
});
