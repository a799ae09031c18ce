import { DRILL_JOB } from '../../engine/drills.ts';
import { defineJob } from '../manifest.ts';

export const manifest = defineJob({
  name: DRILL_JOB,
  summary:
    'Rehearses a recovery plan on schedule while nothing is red (or runs one that is a chore, such as a rotation of secrets), and holds how long it took and what it would have lost against the targets and against earlier times.',
  permissions: [
    {
      actions: ['states:StartExecution'],
      resources: ['arn:{partition}:states:{region}:{account}:stateMachine:nightshift-{deployment}-{drilledPlan}'],
    },
    {
      actions: ['states:DescribeExecution'],
      resources: ['arn:{partition}:states:{region}:{account}:execution:nightshift-{deployment}-{drilledPlan}:drill-*'],
      whyAnyResource: 'An execution is named by a hash of its run, which is not known before.',
    },
    {
      actions: ['cloudwatch:DescribeAlarms'],
      resources: ['*'],
      whyAnyResource:
        'DescribeAlarms without names is granted on all alarms only (Service Authorization Reference, "Actions, resources, and condition keys for Amazon CloudWatch").',
    },
  ],
  runsFor: 'drills',
  readsRuns: true,
  readsIncidents: true,
  stopsPlans: true,
  // Each drill has its own times (infra/config/drills.ts); these are never used.
  schedule: { cron: '0 10 ? * 3#1 *', timeZone: 'UTC' },
  flexibleMinutes: 30,
  // Twelve hours for a time without trouble, and as long for the rehearsal.
  deadlineSeconds: 86_400,
  overdueAfterSeconds: 37 * 86_400,
  // What a rehearsal makes and removes is the plan's; a paused Nightshift is waited for as for trouble.
  effect: 'reads',
  severity: 'P4',
  timeoutSeconds: 60,
  memoryMegabytes: 256,
});
