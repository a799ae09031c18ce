import { HEALTH_CATEGORIES } from '../../engine/health-events.ts';
import { defineManifest } from '../../engine/manifest.ts';

export const manifest = defineManifest({
  name: 'call-person',
  summary:
    'Changes nothing: calls a person for what AWS itself says is wrong or about to change, with what of yours it concerns.',
  targetKind: 'aws-health',
  triggers: [{ source: 'health', what: HEALTH_CATEGORIES }],
  // AWS Health's own API is only there with a support plan; all that is known of an event is what it says.
  permissions: [],
  network: 'none',
  risk: 'low',
  idempotency: 'absolute',
  // It never changes anything, so nothing ever counts against these.
  defaults: { cooldownSeconds: 300, perTargetPerHour: 1, perRunbookPerHour: 1 },
  documentation: {
    refusesWhen: ['AWS Health has not closed the event: what AWS has trouble with, nobody here mends'],
    undo: 'There is nothing to put back.',
  },
  timeoutSeconds: 20,
  memoryMegabytes: 256,
});
