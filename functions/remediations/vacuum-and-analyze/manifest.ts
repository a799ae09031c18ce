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
  timeoutSeconds: 30,
  memoryMegabytes: 512,
});
