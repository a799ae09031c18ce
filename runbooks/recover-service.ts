import { defineRunbook } from '../functions/engine/runbook.ts';
import { manifest } from '../functions/remediations/recover-service/manifest.ts';

export const runbook = defineRunbook({
  name: 'recover-service',
  summary:
    'A service runs and is not well, and whoever tagged the alarm wants the recovery plan of services at once: it is started, where alarms may, when a person approves.',
  severity: 'P2',
  startedBy: manifest.triggers,
  rungs: ['recover-service'],
  // The plan proves the service itself, as its last step.
  guards: [],
  told: 'The contacts of the service: for their approval, and when the plan did not recover it.',
  covers: [],
});
