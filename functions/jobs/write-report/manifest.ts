import { NOTIFICATION_SOURCE } from '../../../events/published/notification.ts';
import { REPORT_DETAIL_TYPE } from '../../../events/published/report.ts';
import { defineJob } from '../manifest.ts';

export const manifest = defineJob({
  name: 'write-report',
  summary:
    'Writes the reports of a day, a week or a month from the journal and CloudWatch to S3, and has them told to their channel.',
  permissions: [
    {
      actions: ['cloudwatch:GetMetricData'],
      resources: ['*'],
      whyAnyResource:
        'GetMetricData has no resource-level permissions (Service Authorization Reference, "Actions, resources, and condition keys for Amazon CloudWatch").',
    },
    // It may add, and neither read nor replace: its writes are refused when the key is there.
    {
      actions: ['s3:PutObject'],
      resources: ['arn:{partition}:s3:::nightshift-{deployment}-{account}-{region}/reports/*'],
      whyAnyResource: 'The key of a report holds its name and time, of which no policy can know all beforehand.',
    },
    {
      actions: ['events:PutEvents'],
      resources: ['arn:{partition}:events:{region}:{account}:event-bus/nightshift-{deployment}'],
      // Events of other kinds, made up, would be told as incidents.
      onlyEach: { 'events:source': [NOTIFICATION_SOURCE], 'events:detail-type': [REPORT_DETAIL_TYPE] },
    },
  ],
  runsFor: 'reports',
  readsRuns: true,
  readsIncidents: true,
  // Each report has its own times (functions/reports/names.ts); these are never used.
  schedule: { cron: '30 7 * * ? *', timeZone: 'UTC' },
  flexibleMinutes: 15,
  deadlineSeconds: 3600,
  overdueAfterSeconds: 30 * 3600,
  effect: 'reads',
  severity: 'P4',
  timeoutSeconds: 120,
  memoryMegabytes: 512,
});
