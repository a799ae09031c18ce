import { defineRunbook } from '../functions/engine/runbook.ts';
import { manifest } from '../functions/remediations/scale-out-service/manifest.ts';

export const runbook = defineRunbook({
  name: 'scale-out-service',
  summary: 'A service is short of CPU or memory: it gets more tasks for a while.',
  severity: 'P1',
  startedBy: manifest.triggers,
  rungs: ['scale-out-service'],
  guards: ['errorRate', 'latencySeconds'],
  told: 'The contacts of the service, when the tasks it may have are not enough.',
  covers: ['2b/high-cpu', '2b/high-memory', '3a/scale-out-service'],
});
