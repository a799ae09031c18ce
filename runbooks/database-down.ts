import { metricTriggersOf } from '../functions/engine/manifest.ts';
import { defineRunbook } from '../functions/engine/runbook.ts';
import { manifest } from '../functions/remediations/fail-over-database/manifest.ts';

export const runbook = defineRunbook({
  name: 'database-down',
  summary: 'A database lets nobody in: its standby takes over, and one without a standby is restarted.',
  severity: 'P1',
  startedBy: metricTriggersOf(manifest).filter(({ namespace }) => namespace === 'Nightshift'),
  rungs: ['fail-over-database', 'restart-database'],
  guards: [],
  told: 'The contacts of the database, when neither is possible or it lets nobody in afterwards: what is left is the plan database-restore.',
  covers: ['2a/database-down'],
});
