import { defineManifest } from '../../engine/manifest.ts';

export const manifest = defineManifest({
  name: 'scale-up-database',
  summary:
    'Gives a DB instance that is too small the next larger class of its configured ladder, once somebody has approved it.',
  targetKind: 'rds-instance',
  triggers: [
    { namespace: 'AWS/RDS', metricName: 'CPUUtilization', dimensions: ['DBInstanceIdentifier'] },
    { namespace: 'AWS/RDS', metricName: 'DBLoad', dimensions: ['DBInstanceIdentifier'] },
    { namespace: 'AWS/RDS', metricName: 'FreeableMemory', dimensions: ['DBInstanceIdentifier'] },
    { namespace: 'AWS/RDS', metricName: 'DatabaseConnections', dimensions: ['DBInstanceIdentifier'] },
  ],
  permissions: [
    {
      actions: ['rds:DescribeDBInstances', 'rds:ModifyDBInstance'],
      resources: ['arn:{partition}:rds:{region}:{account}:db:{database}'],
    },
    {
      actions: ['rds:DescribeEvents'],
      resources: ['*'],
      whyAnyResource:
        "DescribeEvents isn't authorized on DB instances: it lists the account's events, narrowed by its parameters (Service Authorization Reference, Amazon RDS).",
    },
  ],
  network: 'none',
  // Every connection drops, and it costs more by the hour until somebody takes it back.
  risk: 'high',
  removesCapacity: true,
  idempotency: 'absolute',
  defaults: { cooldownSeconds: 21_600, perTargetPerHour: 1, perRunbookPerHour: 2, verifyWithinSeconds: 3_600 },
  documentation: {
    refusesWhen: [
      "the instance isn't there, isn't available, or is a member of a cluster",
      '`instanceClasses` is not set, does not list its class, or ends with it',
      'changes wait for its maintenance window or for a restart: they would come into force, too',
      'it got a new class a few minutes ago and is settling',
      'nobody has approved it, unless `costApprovals` is 0',
    ],
    undo: 'Set the class back in a quiet hour, which restarts the instance once more.',
  },
  timeoutSeconds: 30,
  memoryMegabytes: 512,
});
