import { defineRunbook } from '../functions/engine/runbook.ts';
import { manifest } from '../functions/remediations/scale-in-service/manifest.ts';

export const runbook = defineRunbook({
  name: 'scale-in-service',
  summary: 'A service has had more tasks than its load needs for long: it gets by with fewer.',
  severity: 'P4',
  startedBy: manifest.triggers,
  rungs: ['scale-in-service'],
  guards: ['errorRate', 'latencySeconds'],
  told: 'The contacts of the service, when fewer tasks made something worse; the earlier number is set again then.',
  covers: ['3a/scale-in-service'],
});
