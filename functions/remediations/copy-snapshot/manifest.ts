import { COPY_PERMISSIONS } from '../../databases/copy-permissions.ts';
import { defineManifest } from '../../engine/manifest.ts';

export const manifest = defineManifest({
  name: 'copy-snapshot',
  summary: 'Copies a snapshot that snapshot-database took to the standby region, where `backup.copy` asks for it.',
  targetKind: 'db-snapshot',
  // "Amazon RDS event categories and event messages": a manual snapshot was created.
  triggers: [{ source: 'rds-event', what: ['RDS-EVENT-0042'] }],
  permissions: [
    {
      actions: ['rds:DescribeDBSnapshots'],
      resources: ['arn:{partition}:rds:{region}:{account}:snapshot:nightshift-{deployment}-{copiedDatabase}-*'],
      whyAnyResource:
        'A snapshot is named by the time of what it answers, which is not known before; the names of no others begin so.',
    },
    ...COPY_PERMISSIONS,
  ],
  network: 'none',
  risk: 'low',
  idempotency: 'conditional',
  // "Copying a DB snapshot", Amazon RDS User Guide: to another region it can take hours, and copies of one instance wait for each other.
  defaults: { cooldownSeconds: 3_600, perTargetPerHour: 1, perRunbookPerHour: 10, verifyWithinSeconds: 21_600 },
  documentation: {
    refusesWhen: [
      'the snapshot is encrypted and `backup.copy.kmsKeyArn` names no key of the standby region',
      'the standby region has another snapshot of that name, or a copy that failed',
    ],
    undo: 'Delete the copy; the change names it and its region. `prune-backups` removes it with its original.',
  },
  timeoutSeconds: 30,
  memoryMegabytes: 512,
});
