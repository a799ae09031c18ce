import { defineRunbook } from '../functions/engine/runbook.ts';
import { manifest } from '../functions/remediations/fail-over-dns/manifest.ts';

export const runbook = defineRunbook({
  name: 'fail-over-dns',
  summary: 'Users do not reach an endpoint: they are sent to another of its sites, if one is proved healthy.',
  severity: 'P1',
  startedBy: manifest.triggers,
  rungs: ['fail-over-dns'],
  guards: [],
  told: 'The contacts of the endpoint, whenever no site is proved healthy, the one in use is not proved sick, or Route 53 can not be asked.',
  covers: ['2a/dns-or-lb-failure', '3d/switch-dns', 'D127', 'M24'],
});
