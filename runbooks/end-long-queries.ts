import { defineRunbook } from '../functions/engine/runbook.ts';
import { manifest } from '../functions/remediations/end-long-queries/manifest.ts';

export const runbook = defineRunbook({
  name: 'end-long-queries',
  summary:
    'A PostgreSQL instance is busy with statements that run for too long, or a read replica is behind for them: they are cancelled.',
  severity: 'P2',
  startedBy: manifest.triggers,
  rungs: ['end-long-queries'],
  guards: [],
  told: 'The contacts of the database, when statements go on after that or the alarm stays.',
  covers: ['2b/long-running-query', '2b/replication-lag', '3c/kill-long-queries'],
});
