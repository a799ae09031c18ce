import { defineRunbook } from '../functions/engine/runbook.ts';
import { manifest } from '../functions/remediations/grow-storage/manifest.ts';

export const runbook = defineRunbook({
  name: 'grow-storage',
  summary: 'A DB instance runs out of storage: it gets a fifth more, up to its limit.',
  severity: 'P1',
  startedBy: manifest.triggers,
  rungs: ['grow-storage'],
  guards: [],
  told: 'The contacts of the database, when it may not grow (limit, six hours since the last change, changes that wait).',
  covers: [],
});
