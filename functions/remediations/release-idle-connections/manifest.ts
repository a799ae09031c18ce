import { defineManifest } from '../../engine/manifest.ts';

export const manifest = defineManifest({
  name: 'release-idle-connections',
  summary: 'Ends the oldest idle PostgreSQL sessions, no more than needed, when connections run short.',
  targetKind: 'rds-instance',
  triggers: [
    { namespace: 'AWS/RDS', metricName: 'DatabaseConnections', dimensions: ['DBInstanceIdentifier'] },
    { source: 'cloudwatch-contributor', what: ['release-idle-connections'] },
  ],
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
  documentation: {
    refusesWhen: [
      'the database cannot be reached, not even by its reserved slot, or the login lacks `pg_read_all_stats` or `pg_signal_backend`',
      'connections are in use for less than the share that raises the alarm',
      'it is behind RDS Proxy or PgBouncer, which own the sessions',
      'no session that may be ended is idle for longer than `idleForSeconds`',
    ],
    undo: 'There is nothing to put back: an ended client connects again by itself. If half of them came back, it stops and calls a person.',
  },
  timeoutSeconds: 30,
  memoryMegabytes: 512,
});
