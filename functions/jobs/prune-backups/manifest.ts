import { defineJob } from '../manifest.ts';

export const manifest = defineJob({
  name: 'prune-backups',
  summary:
    'Removes backups that nobody needs any more; never the last verified one, nor any that no newer verified one follows.',
  permissions: [
    {
      actions: ['rds:DescribeDBInstances'],
      resources: ['arn:{partition}:rds:{region}:{account}:db:{verifiedDatabase}'],
    },
    {
      actions: ['rds:DescribeDBSnapshots'],
      resources: [
        'arn:{partition}:rds:{region}:{account}:snapshot:*',
        'arn:{partition}:rds:{region}:{account}:db:{verifiedDatabase}',
      ],
      whyAnyResource:
        'The backups of an instance are asked for by the instance, whose names are not known before (Service Authorization Reference, Amazon RDS).',
    },
    {
      actions: ['rds:DeleteDBSnapshot'],
      // As `snapshotIdOf` names them: the rest is the time of the run.
      resources: ['arn:{partition}:rds:{region}:{account}:snapshot:nightshift-{deployment}-{verifiedDatabase}-*'],
      whyAnyResource:
        'A snapshot is named by the time of its run, which is not known before; the names of no others begin so.',
    },
    {
      actions: ['rds:DescribeDBSnapshots'],
      resources: [
        'arn:{partition}:rds:{standbyRegion}:{account}:snapshot:{provedCopies}',
        'arn:{partition}:rds:{standbyRegion}:{account}:db:{provedCopiedDatabase}',
      ],
      whyAnyResource: 'As above, for copies in the standby region.',
    },
    {
      actions: ['rds:DeleteDBSnapshot'],
      resources: [
        'arn:{partition}:rds:{standbyRegion}:{account}:snapshot:nightshift-{deployment}-{provedCopiedDatabase}-*',
      ],
      whyAnyResource: 'As above, for copies in the standby region: they have the names of their originals.',
    },
  ],
  readsRuns: true,
  runsFor: 'verified-database',
  // After the newest backup was verified (verify-backup).
  schedule: { cron: '0 12 * * ? *', timeZone: 'UTC' },
  flexibleMinutes: 15,
  deadlineSeconds: 3600,
  overdueAfterSeconds: 36 * 3600,
  effect: 'removes',
  severity: 'P3',
  timeoutSeconds: 60,
  memoryMegabytes: 256,
});
