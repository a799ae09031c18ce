import { defineManifest } from '../../engine/manifest.ts';

export const manifest = defineManifest({
  name: 'vacuum-and-analyze',
  summary:
    'Vacuums the PostgreSQL tables with too many dead rows or too old transactions, and renews stale statistics.',
  targetKind: 'rds-instance',
  triggers: [
    { namespace: 'AWS/RDS', metricName: 'MaximumUsedTransactionIDs', dimensions: ['DBInstanceIdentifier'] },
    { namespace: 'AWS/RDS', metricName: 'ReadIOPS', dimensions: ['DBInstanceIdentifier'] },
    { namespace: 'AWS/RDS', metricName: 'ReadLatency', dimensions: ['DBInstanceIdentifier'] },
  ],
  permissions: [
    {
      actions: ['rds-db:connect'],
      resources: ['arn:{partition}:rds-db:{region}:{account}:dbuser:{databaseResourceId}/{databaseUser}'],
    },
  ],
  network: 'database-vpc',
  risk: 'low',
  // Each table is looked at again directly before it is vacuumed: what isn't due any more is left.
  idempotency: 'conditional',
  defaults: { cooldownSeconds: 1800, perTargetPerHour: 2, perRunbookPerHour: 10 },
  documentation: {
    refusesWhen: [
      'the database cannot be reached, or the instance is a read replica',
      'no table (with its TOAST table) or system catalogue has too many dead rows, too old transactions or stale statistics',
      "the tables that are due are being vacuumed, larger than `vacuumTablesUpToMib`, or not the login's to maintain",
    ],
    undo: 'There is nothing to put back: no row that can be read is changed.',
  },
  timeoutSeconds: 30,
  memoryMegabytes: 512,
});
