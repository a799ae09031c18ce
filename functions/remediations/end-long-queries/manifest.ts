import { defineManifest } from '../../engine/manifest.ts';

export const manifest = defineManifest({
  name: 'end-long-queries',
  summary: 'Cancels PostgreSQL statements that run for too long, and ends their sessions only where that did not help.',
  targetKind: 'rds-instance',
  triggers: [
    { namespace: 'AWS/RDS', metricName: 'CPUUtilization', dimensions: ['DBInstanceIdentifier'] },
    { namespace: 'AWS/RDS', metricName: 'DBLoadRelativeToNumVCPUs', dimensions: ['DBInstanceIdentifier'] },
    // Of a read replica: what runs long there holds its replay back.
    { namespace: 'AWS/RDS', metricName: 'ReplicaLag', dimensions: ['DBInstanceIdentifier'] },
    { namespace: 'AWS/RDS', metricName: 'DBLoad', dimensions: ['DBInstanceIdentifier'] },
    { namespace: 'AWS/RDS', metricName: 'DatabaseConnections', dimensions: ['DBInstanceIdentifier'] },
  ],
  permissions: [
    {
      actions: ['rds-db:connect'],
      resources: ['arn:{partition}:rds-db:{region}:{account}:dbuser:{databaseResourceId}/{databaseUser}'],
    },
  ],
  network: 'database-vpc',
  risk: 'medium',
  idempotency: 'conditional',
  defaults: { cooldownSeconds: 300, perTargetPerHour: 6, perRunbookPerHour: 20 },
  documentation: {
    refusesWhen: [
      'the database cannot be reached, or the login lacks `pg_read_all_stats` or `pg_signal_backend`',
      'no statement that may be ended runs for longer than `queryLongerThanSeconds`: those that only wait for a lock, maintenance, superusers, replication and what is allow-listed never count',
    ],
    undo: 'There is nothing to put back: a cancelled statement is rolled back and can be sent again.',
  },
  timeoutSeconds: 30,
  memoryMegabytes: 512,
});
