import { defineRunbook } from '../functions/engine/runbook.ts';
import { manifest } from '../functions/remediations/copy-snapshot/manifest.ts';

export const runbook = defineRunbook({
  name: 'copy-snapshot',
  summary: 'A snapshot was taken because a backup failed: it is copied to the standby region, as backups are.',
  severity: 'P3',
  startedBy: manifest.triggers,
  rungs: ['copy-snapshot'],
  guards: [],
  told: 'The contacts of the database, when it can’t be copied (the key, its quota there), or the copy is not there in time.',
  covers: [],
});
