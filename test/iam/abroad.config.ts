/** The configuration in which nothing is changed, with what jobs do beyond their region: copies, exports, the look at the standby; and heartbeats. */
import observing from './observe.config.ts';

/** What `check-standby` looks at in the standby region: the demo's own service and database, each with one that stands for it. */
const STANDBY = {
  services: { backend: { cluster: 'orders' } },
  databases: { 'orders-db': { replica: 'orders-db-standby' } },
};
const EXPORT = {
  roleArn: 'arn:aws:iam::000000000000:role/exports',
  kmsKeyArn: 'arn:aws:kms:us-east-1:000000000000:key/1234abcd-12ab-34cd-56ef-1234567890ab',
};

export default {
  ...observing,
  databases: Object.fromEntries(
    Object.entries(observing.databases).map(([name, { backup, ...database }]) => [
      name,
      { ...{ ...database, heartbeat: true }, ...(backup && { backup: { ...backup, copy: {}, export: EXPORT } }) },
    ]),
  ),
  checks: { standby: STANDBY },
  runbooks: { ...observing.runbooks, 'copy-snapshot': { mode: 'auto' as const } },
};
