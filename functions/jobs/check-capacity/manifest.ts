import { defineJob } from '../manifest.ts';

export const manifest = defineJob({
  name: 'check-capacity',
  summary:
    'The weekly outlook: when storage, CPU, memory and connections of what is protected run out, if they go on growing as in the last 30 days.',
  permissions: [
    {
      actions: ['rds:DescribeDBInstances'],
      resources: ['arn:{partition}:rds:{region}:{account}:db:{database}'],
    },
    {
      actions: ['cloudwatch:GetMetricData'],
      resources: ['*'],
      whyAnyResource:
        'GetMetricData has no resource-level permissions (Service Authorization Reference, "Actions, resources, and condition keys for Amazon CloudWatch").',
    },
  ],
  runsFor: 'checks',
  // Runbook 002, lines 864 to 866, monthly; 004, lines 733 to 783. What has less than a month left must be told within it.
  schedule: { cron: '0 8 ? * MON *', timeZone: 'UTC' },
  flexibleMinutes: 15,
  deadlineSeconds: 1800,
  overdueAfterSeconds: 8 * 86_400,
  effect: 'reads',
  severity: 'P4',
  timeoutSeconds: 120,
  memoryMegabytes: 256,
});
