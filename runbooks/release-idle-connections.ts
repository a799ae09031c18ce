import { defineRunbook } from '../functions/engine/runbook.ts';
import { manifest } from '../functions/remediations/release-idle-connections/manifest.ts';

export const runbook = defineRunbook({
  name: 'release-idle-connections',
  summary: 'A PostgreSQL instance runs short of connections: its oldest idle sessions are ended.',
  severity: 'P1',
  startedBy: manifest.triggers,
  rungs: ['release-idle-connections'],
  guards: [],
  told: 'The contacts of the database, when none may be ended or half of them came back.',
  covers: ['2b/database-connections-exhausted', '3c/kill-idle-connections'],
});
