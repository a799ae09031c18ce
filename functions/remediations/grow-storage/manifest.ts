import { defineManifest } from '../../engine/manifest.ts';

export const manifest = defineManifest({
  name: 'grow-storage',
  summary: 'Gives a DB instance that runs out of storage a fifth more, up to its configured limit.',
  targetKind: 'rds-instance',
  triggers: [{ namespace: 'AWS/RDS', metricName: 'FreeStorageSpace', dimensions: ['DBInstanceIdentifier'] }],
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
  // Storage of an instance never shrinks again: it can't be undone.
  risk: 'high',
  idempotency: 'absolute',
  defaults: { cooldownSeconds: 21_600, perTargetPerHour: 1, perRunbookPerHour: 5 },
  documentation: {
    refusesWhen: [
      "the instance isn't there, is busy, or is a member of a cluster",
      '`maxStorageGib` is not set, or too near for a change that RDS accepts',
      'changes wait for its maintenance window: they would come into force, too',
      'RDS grows it by itself, or its storage was changed within the last six hours',
    ],
    undo: 'It cannot be undone: the storage of a DB instance only grows.',
  },
  timeoutSeconds: 30,
  memoryMegabytes: 512,
});
