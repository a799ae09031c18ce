import { metricTriggersOf } from '../functions/engine/manifest.ts';
import { defineRunbook } from '../functions/engine/runbook.ts';
import { manifest } from '../functions/remediations/fail-over-database/manifest.ts';

export const runbook = defineRunbook({
  name: 'fail-over-database',
  summary: 'The primary of a Multi-AZ instance is slow without being dead: its standby takes over.',
  severity: 'P1',
  startedBy: metricTriggersOf(manifest).filter(({ namespace }) => namespace === 'AWS/RDS'),
  rungs: ['fail-over-database'],
  guards: ['latencySeconds'],
  told: 'The contacts of the database, whenever it can not be seen that the standby took over.',
  covers: [],
});
