import { SCHEDULE_SOURCE } from '../../../events/sources/schedule/schema.ts';
import { defineJob } from '../manifest.ts';

export const manifest = defineJob({
  name: 'check-certificates',
  summary: 'Looks how many days each certificate has left, and has the renewal of those looked at that have too few.',
  permissions: [
    { actions: ['acm:DescribeCertificate'], resources: ['{certificate}'] },
    {
      actions: ['events:PutEvents'],
      resources: ['arn:{partition}:events:{region}:{account}:event-bus/default'],
      // Events of other kinds, made up, could start any remediation.
      onlyEach: { 'events:source': [SCHEDULE_SOURCE] },
    },
  ],
  runsFor: 'certificate',
  // Runbook 002, lines 799 to 801: daily.
  schedule: { cron: '30 7 * * ? *', timeZone: 'UTC' },
  flexibleMinutes: 15,
  deadlineSeconds: 3600,
  overdueAfterSeconds: 50 * 3600,
  effect: 'reads',
  severity: 'P3',
  timeoutSeconds: 30,
  memoryMegabytes: 256,
});
