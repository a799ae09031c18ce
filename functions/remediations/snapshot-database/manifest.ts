import { defineManifest } from '../../engine/manifest.ts';

const SNAPSHOTS = 'nightshift-{deployment}-{database}-*';

export const manifest = defineManifest({
  name: 'snapshot-database',
  summary: 'Takes a snapshot of a DB instance whose backup failed, or whose transaction logs pile up.',
  targetKind: 'rds-instance',
  triggers: [
    // Not ABORTED: a person stopped that job, and may not want another one.
    { source: 'backup', what: ['FAILED', 'EXPIRED'] },
    { namespace: 'AWS/RDS', metricName: 'TransactionLogsDiskUsage', dimensions: ['DBInstanceIdentifier'] },
  ],
  permissions: [
    {
      actions: ['rds:DescribeDBInstances'],
      resources: ['arn:{partition}:rds:{region}:{account}:db:{database}'],
    },
    {
      actions: ['rds:DescribeDBSnapshots'],
      resources: [
        'arn:{partition}:rds:{region}:{account}:db:{database}',
        'arn:{partition}:rds:{region}:{account}:snapshot:*',
      ],
      whyAnyResource:
        'Snapshots of an instance are listed whoever made them, by whatever name; reading them shows names, times and sizes (Service Authorization Reference, Amazon RDS).',
    },
    {
      actions: ['rds:DescribeAccountAttributes'],
      resources: ['*'],
      whyAnyResource:
        'The quotas of the account have no resource (Service Authorization Reference, Actions for Amazon RDS).',
    },
    {
      actions: ['rds:CreateDBSnapshot'],
      resources: [
        'arn:{partition}:rds:{region}:{account}:db:{database}',
        `arn:{partition}:rds:{region}:{account}:snapshot:${SNAPSHOTS}`,
      ],
      whyAnyResource:
        'A snapshot is named by the time of what it answers, which is not known before; the names of no others begin so.',
    },
    {
      actions: ['rds:AddTagsToResource'],
      resources: [`arn:{partition}:rds:{region}:{account}:snapshot:${SNAPSHOTS}`],
      whyAnyResource: 'As for the snapshot itself: the tags that it is made with need a permission on its name.',
    },
  ],
  network: 'none',
  risk: 'low',
  idempotency: 'conditional',
  defaults: { cooldownSeconds: 3_600, perTargetPerHour: 1, perRunbookPerHour: 10, verifyWithinSeconds: 14_400 },
  documentation: {
    refusesWhen: [
      "the instance isn't there, isn't available, or is a member of a cluster",
      'a snapshot was taken since the trouble began, or is being made',
      'the instance has ten of its snapshots already, which only `prune-backups` deletes, after `keepDays`, where `backup` is configured',
      'only the last free snapshots of the account are left',
    ],
    undo: 'Delete the snapshot; the change names it.',
  },
  timeoutSeconds: 30,
  memoryMegabytes: 512,
});
