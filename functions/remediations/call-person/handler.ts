/** `call-person` makes no call of AWS: what it does is the engine's own escalation. */
import { ActionFailedError } from '../../engine/errors.ts';
import { remediationHandler } from '../../engine/handler.ts';
import { type HealthEvent, healthEventOf } from '../../engine/health-events.ts';
import type { Remediation } from '../../engine/remediation.ts';
import { decide, type Observation } from './decide.ts';
import { manifest } from './manifest.ts';

export const remediation: Remediation<HealthEvent, Observation> = {
  manifest,
  targetOf: healthEventOf,
  upstreamsOf: () => [],
  observe: async () => null,
  decide,
  act: async ({ name }) => {
    throw new ActionFailedError(`${name}: call-person changes nothing, and was asked to`);
  },
  alreadyApplied: () => 'unclear',
  verify: () => ({ kind: 'not-yet', detail: 'call-person changes nothing' }),
};

export const handler = remediationHandler(remediation);
