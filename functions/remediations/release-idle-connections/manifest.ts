import { defineManifest } from '../../engine/manifest.ts';

export const manifest = defineManifest({
  name: 'release-idle-connections',
  summary: 'Ends the oldest idle PostgreSQL sessions, no more than needed, when connections run short.',
  targetKind: 'rds-instance',
  triggers: [{ namespace: 'AWS/RDS', metricName: 'DatabaseConnections', dimensions: ['DBInstanceIdentifier'] }],
  permissions: [
    {
      actions: ['rds-db:connect'],
      resources: ['arn:{partition}:rds-db:{region}:{account}:dbuser:{databaseResourceId}/{databaseUser}'],
    },
  ],
  network: 'database-vpc',
  risk: 'low',
  idempotency: 'conditional',
  defaults: { cooldownSeconds: 300, perTargetPerHour: 6, perRunbookPerHour: 20 },
  timeoutSeconds: 30,
  memoryMegabytes: 512,
});
