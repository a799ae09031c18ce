import { defineJob } from '../manifest.ts';

export const manifest = defineJob({
  name: 'check-database',
  summary:
    'A daily look into each database: connections, long and slow statements, dead rows, unused indexes, sizes, age of transaction ids, replication.',
  permissions: [
    {
      actions: ['rds-db:connect'],
      resources: ['arn:{partition}:rds-db:{region}:{account}:dbuser:{databaseResourceId}/{databaseUser}'],
    },
  ],
  network: 'database-vpc',
  runsFor: 'checked-database',
  // Since when an index is unused, earlier runs tell.
  readsRuns: true,
  // Runbook 004, lines 116 to 141: daily.
  schedule: { cron: '30 6 * * ? *', timeZone: 'UTC' },
  flexibleMinutes: 15,
  deadlineSeconds: 1800,
  overdueAfterSeconds: 30 * 3600,
  effect: 'reads',
  severity: 'P4',
  timeoutSeconds: 60,
  memoryMegabytes: 256,
});
