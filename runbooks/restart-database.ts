import { defineRunbook } from '../functions/engine/runbook.ts';
import { manifest } from '../functions/remediations/restart-database/manifest.ts';

export const runbook = defineRunbook({
  name: 'restart-database',
  summary: 'A DB instance has used up its memory: it is restarted, once an hour at most.',
  severity: 'P1',
  startedBy: manifest.triggers,
  rungs: ['restart-database'],
  guards: ['latencySeconds'],
  told: 'The contacts of the database, when it is short of memory again within the hour.',
  covers: [],
});
