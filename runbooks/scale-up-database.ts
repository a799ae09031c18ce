import { defineRunbook } from '../functions/engine/runbook.ts';
import { manifest } from '../functions/remediations/scale-up-database/manifest.ts';

export const runbook = defineRunbook({
  name: 'scale-up-database',
  summary:
    'A DB instance is too small for its load: it gets the next larger class of its ladder, once somebody has approved it.',
  severity: 'P2',
  startedBy: manifest.triggers,
  rungs: ['scale-up-database'],
  guards: [],
  told: 'The contacts of the database, who are asked; and when it is the largest already, or changes wait that would come along.',
  covers: ['3c/scale-database-class'],
});
