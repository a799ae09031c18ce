import { defineRunbook } from '../functions/engine/runbook.ts';
import { manifest } from '../functions/remediations/vacuum-and-analyze/manifest.ts';

export const runbook = defineRunbook({
  name: 'vacuum-and-analyze',
  summary:
    'A PostgreSQL instance reads too much, or runs out of transaction ids: the tables that are due are vacuumed.',
  severity: 'P3',
  startedBy: manifest.triggers,
  rungs: ['vacuum-and-analyze'],
  guards: [],
  told: 'The contacts of the database, when a table is too large, may not be vacuumed, or something old keeps its dead rows.',
  covers: ['3c/vacuum-and-analyze'],
});
