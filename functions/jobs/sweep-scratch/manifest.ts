import { defineJob } from '../manifest.ts';

export const manifest = defineJob({
  name: 'sweep-scratch',
  summary:
    'Removes instances that a run restored for itself and left behind, once their lease is over; only what name, tags and journal prove to be ours.',
  permissions: [
    {
      actions: ['rds:DescribeDBInstances'],
      resources: ['arn:{partition}:rds:{region}:{account}:db:*'],
      whyAnyResource:
        'What was left behind is looked for among all instances ("DescribeDBInstances" without a name is authorized on db:*, Service Authorization Reference).',
    },
    {
      actions: ['rds:DeleteDBInstance'],
      // As `scratchIdOf` names them: the rest is made from the run.
      resources: ['arn:{partition}:rds:{region}:{account}:db:nightshift-{deployment}-scratch-*'],
      whyAnyResource:
        'A scratch instance is named by a hash of its run, which is not known before; the names of no others begin so.',
    },
  ],
  // Also where nothing is verified any more: what was restored before may still be there.
  runsFor: 'backups',
  schedule: { cron: '45 * * * ? *', timeZone: 'UTC' },
  flexibleMinutes: 0,
  deadlineSeconds: 2400,
  overdueAfterSeconds: 3 * 3600,
  effect: 'removes',
  severity: 'P3',
  timeoutSeconds: 60,
  memoryMegabytes: 256,
});
