/**
 * Writes the time into each database that wants it, every ten seconds. What a copy or a standby has of it is what it has of everything else: how old a backup's data is,
 * and how much a failover lost, is read from the newest row (docs/backups.md).
 */
import type { HeartbeatManifest } from '../manifest.ts';

export const manifest: HeartbeatManifest = {
  name: 'write-heartbeat',
  summary: 'Writes the time into a database every ten seconds, so that the age of its copies can be told.',
  permissions: [
    {
      actions: ['rds-db:connect'],
      resources: ['arn:{partition}:rds-db:{region}:{account}:dbuser:{databaseResourceId}/nightshift_heartbeat'],
    },
  ],
  everyMinutes: 1,
  beats: 6,
  everySeconds: 10,
  // The last beat begins after 50 s; with the time to log in and to write it.
  timeoutSeconds: 90,
  memoryMegabytes: 128,
};
