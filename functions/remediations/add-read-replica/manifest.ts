import { defineManifest } from '../../engine/manifest.ts';

const SOURCE = 'arn:{partition}:rds:{region}:{account}:db:{database}';
/** Only names that it gives itself. */
const REPLICAS = 'arn:{partition}:rds:{region}:{account}:db:{database}-nightshift-*';

export const manifest = defineManifest({
  name: 'add-read-replica',
  summary:
    'Adds a read replica to a DB instance that is busy with reads, up to a limit, once somebody has approved it.',
  targetKind: 'rds-instance',
  triggers: [
    { namespace: 'AWS/RDS', metricName: 'ReadIOPS', dimensions: ['DBInstanceIdentifier'] },
    { namespace: 'AWS/RDS', metricName: 'ReadThroughput', dimensions: ['DBInstanceIdentifier'] },
    { namespace: 'AWS/RDS', metricName: 'DBLoad', dimensions: ['DBInstanceIdentifier'] },
  ],
  permissions: [
    {
      actions: ['rds:DescribeDBInstances'],
      resources: [SOURCE, REPLICAS],
      whyAnyResource:
        'Of the replicas that are looked for only the beginning of the name is known beforehand (it ends in their number).',
    },
    {
      actions: ['rds:CreateDBInstanceReadReplica'],
      resources: [
        SOURCE,
        REPLICAS,
        'arn:{partition}:rds:{region}:{account}:og:*',
        'arn:{partition}:rds:{region}:{account}:pg:*',
        'arn:{partition}:rds:{region}:{account}:subgrp:*',
      ],
      whyAnyResource:
        'It is authorized on both instances and on the option, parameter and subnet group that the replica inherits, whose names are not known here (Service Authorization Reference, Amazon RDS).',
    },
    {
      actions: ['rds:AddTagsToResource', 'rds:DeleteDBInstance'],
      resources: [REPLICAS],
      whyAnyResource:
        'Only replicas of its own making, of whose names only the beginning is known beforehand (they end in their number).',
    },
  ],
  network: 'none',
  risk: 'medium',
  // The name is fixed before: a second request for it is refused.
  idempotency: 'conditional',
  defaults: { cooldownSeconds: 3600, perTargetPerHour: 1, perRunbookPerHour: 2, verifyWithinSeconds: 14_400 },
  documentation: {
    refusesWhen: [
      "the instance isn't there, isn't available, is a member of a cluster, or is a read replica itself",
      '`maxReadReplicas` is not set, or it has that many, whoever made them',
      'it has no automated backups, without which RDS makes no read replica',
      'one of its own is being made',
      'somebody else added or deleted one since the look',
      'nobody has approved it, unless `costApprovals` is 0',
    ],
    undo: 'Delete the replica once nobody reads from it. One that RDS could not make is deleted by itself.',
  },
  timeoutSeconds: 30,
  memoryMegabytes: 512,
});
