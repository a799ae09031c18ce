/**
 * The canary: a remediation that changes nothing, started by an alarm of its own every few minutes. When it comes all the way, from the alarm through
 * rule, function, commit and stream to the publisher, so would an alarm that matters (docs/self-watch.md). It is deployed like a remediation, but
 * protects nothing: nobody sees its incidents, and it claims no budget.
 */
import { defineManifest, type RemediationManifest } from '../../engine/manifest.ts';
import type { Ladder } from '../../engine/runbook.ts';

export const manifest: RemediationManifest = defineManifest({
  name: 'canary',
  summary: 'Goes the way of every alarm, changes nothing, and is missed when it does not arrive.',
  targetKind: 'canary',
  triggers: [{ namespace: 'Nightshift', metricName: 'Canary', dimensions: ['Deployment'] }],
  permissions: [],
  network: 'none',
  changesNothing: true,
  risk: 'low',
  idempotency: 'absolute',
  // Long enough for its alarm to be OK again before the reconciler would look at it once more.
  defaults: { cooldownSeconds: 20, perTargetPerHour: 120, perRunbookPerHour: 120 },
  timeoutSeconds: 30,
  memoryMegabytes: 512,
});

/** Its runbook: none that a configuration knows. */
export const CANARY_LADDERS: Readonly<Record<string, Ladder>> = {
  [manifest.name]: { rungs: [manifest.name], startedBy: manifest.triggers, severity: 'P4', guards: [] },
};
