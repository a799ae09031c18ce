import { defineRunbook } from '../functions/engine/runbook.ts';
import { manifest } from '../functions/remediations/snapshot-database/manifest.ts';

export const runbook = defineRunbook({
  name: 'snapshot-database',
  summary: 'A backup of a DB instance failed, or its transaction logs pile up: a snapshot is taken in its place.',
  severity: 'P2',
  startedBy: manifest.triggers,
  rungs: ['snapshot-database'],
  guards: [],
  told: 'The contacts of the database, when no snapshot can be taken (quota, status), or it is not available in time.',
  covers: ['2c/backup-failure', '3c/snapshot-database', 'M26'],
});
