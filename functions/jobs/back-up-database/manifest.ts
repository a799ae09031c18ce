import { COPY_PERMISSIONS } from '../../databases/copy-permissions.ts';
import { defineJob } from '../manifest.ts';
import { BACKUP_WITHIN_SECONDS } from '../schedule.ts';

/** As `snapshotIdOf` names them: the rest is the time of the run. */
const SNAPSHOTS = 'nightshift-{deployment}-{database}-*';
const WHY = 'A snapshot is named by the time of its run, which is not known before; the names of no others begin so.';

export const manifest = defineJob({
  name: 'back-up-database',
  summary:
    'Takes a snapshot of each database, copies it to the standby region where that is wanted, checks what came of it, and that its transaction logs meet the recovery point objective.',
  permissions: [
    {
      actions: ['rds:DescribeDBInstances'],
      resources: ['arn:{partition}:rds:{region}:{account}:db:{database}'],
    },
    {
      actions: ['rds:DescribeDBSnapshots'],
      resources: [`arn:{partition}:rds:{region}:{account}:snapshot:${SNAPSHOTS}`],
      whyAnyResource: WHY,
    },
    {
      actions: ['rds:CreateDBSnapshot'],
      resources: [
        'arn:{partition}:rds:{region}:{account}:db:{database}',
        `arn:{partition}:rds:{region}:{account}:snapshot:${SNAPSHOTS}`,
      ],
      whyAnyResource: WHY,
    },
    {
      actions: ['rds:AddTagsToResource'],
      resources: [`arn:{partition}:rds:{region}:{account}:snapshot:${SNAPSHOTS}`],
      whyAnyResource: WHY,
    },
    ...COPY_PERMISSIONS,
  ],
  runsFor: 'database',
  // Runbook 001, line 608: daily at 02:00 UTC.
  schedule: { cron: '0 2 * * ? *', timeZone: 'UTC' },
  flexibleMinutes: 15,
  deadlineSeconds: BACKUP_WITHIN_SECONDS,
  overdueAfterSeconds: 30 * 3600,
  effect: 'adds',
  severity: 'P2',
  // Four reads and one order, each with its retries.
  timeoutSeconds: 60,
  memoryMegabytes: 256,
});
