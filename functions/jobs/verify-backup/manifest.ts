import { defineJob } from '../manifest.ts';

/** As `snapshotIdOf` and `scratchIdOf` name them: the rest is the time of a run, or made from it. */
const SNAPSHOTS = 'arn:{partition}:rds:{region}:{account}:snapshot:nightshift-{deployment}-{verifiedDatabase}-*';
const SCRATCH = 'arn:{partition}:rds:{region}:{account}:db:nightshift-{deployment}-scratch-*';
const WHY_SNAPSHOT =
  'A snapshot is named by the time of its run, which is not known before; the names of no others begin so.';
const WHY_SCRATCH =
  'A scratch instance is named by a hash of its run, which is not known before; the names of no others begin so.';

export const READER = 'read-backup';

export const manifest = defineJob({
  name: 'verify-backup',
  summary:
    'Proves the newest backup of each database: restores it aside, reads it, compares it with the one before, removes it again.',
  permissions: [
    {
      actions: ['rds:DescribeDBInstances'],
      resources: ['arn:{partition}:rds:{region}:{account}:db:{verifiedDatabase}'],
    },
    {
      actions: ['rds:DescribeDBSnapshots'],
      // Asked for by the instance, it is authorized on all snapshots and on that instance ("Actions defined by Amazon RDS").
      resources: [
        'arn:{partition}:rds:{region}:{account}:snapshot:*',
        'arn:{partition}:rds:{region}:{account}:db:{verifiedDatabase}',
      ],
      whyAnyResource:
        'The newest backup of an instance is looked for, whose name is not known before (Service Authorization Reference, Amazon RDS).',
    },
    {
      actions: ['rds:RestoreDBInstanceFromDBSnapshot'],
      resources: [SNAPSHOTS],
      whyAnyResource: WHY_SNAPSHOT,
    },
    {
      actions: ['rds:RestoreDBInstanceFromDBSnapshot'],
      resources: [
        SCRATCH,
        'arn:{partition}:rds:{region}:{account}:subgrp:{verifySubnetGroup}',
        'arn:{partition}:rds:{region}:{account}:og:default:postgres-*',
        'arn:{partition}:rds:{region}:{account}:pg:default.postgres*',
      ],
      whyAnyResource: `${WHY_SCRATCH} The default groups are named by the engine's version, which follows from the snapshot.`,
    },
    {
      actions: ['rds:AddTagsToResource', 'rds:DescribeDBInstances', 'rds:DeleteDBInstance'],
      resources: [SCRATCH],
      whyAnyResource: WHY_SCRATCH,
    },
    {
      actions: ['lambda:InvokeFunction'],
      resources: [`arn:{partition}:lambda:{region}:{account}:function:nightshift-{deployment}-${READER}`],
    },
  ],
  readsRuns: true,
  reader: {
    name: READER,
    summary: 'Reads restored backups for verify-backup; reaches nothing but them.',
    permissions: [
      {
        actions: ['rds-db:connect'],
        resources: ['arn:{partition}:rds-db:{region}:{account}:dbuser:*/{verifyUser}'],
        whyAnyResource:
          'The resource id of a restored instance is not known before; the login only reads, and only restored instances can be reached from its network.',
      },
    ],
    timeoutSeconds: 240,
    memoryMegabytes: 256,
  },
  runsFor: 'verified-database',
  // Two hours after the backup (back-up-database). Runbook 000, line 170, tests a restore monthly; 002, line 836, weekly.
  schedule: { cron: '0 4 * * ? *', timeZone: 'UTC' },
  flexibleMinutes: 15,
  deadlineSeconds: 6 * 3600,
  overdueAfterSeconds: 36 * 3600,
  effect: 'adds',
  severity: 'P2',
  // One question to the reader, and the calls around it.
  timeoutSeconds: 290,
  memoryMegabytes: 256,
});
