import { defineRunbook } from '../functions/engine/runbook.ts';
import { manifest } from '../functions/remediations/raise-task-resources/manifest.ts';

export const runbook = defineRunbook({
  name: 'raise-task-resources',
  summary: 'The tasks of a service are too small: killed for want of memory, or short of it. They get the next size.',
  severity: 'P2',
  startedBy: manifest.triggers,
  rungs: ['raise-task-resources'],
  guards: ['healthyHosts', 'errorRate'],
  told: 'The contacts of the service, when its tasks may not be greater, or are killed with the greater size, too.',
  covers: ['2b/out-of-memory-kill', '3a/scale-service-vertically'],
});
