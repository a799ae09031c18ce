/** Whether a person is called for an event of AWS Health. Pure. */
import type { HealthEvent } from '../../engine/health-events.ts';
import type { DecideInput, Decision } from '../../engine/remediation.ts';

/** Nothing can be looked at: the event says what there is to know. */
export type Observation = null;

/** So long after the first call a person is called again, unless AWS has said that it is over: a trouble within hours, a change that is announced within weeks. */
const AGAIN_SECONDS: Readonly<Record<string, number>> = { issue: 4 * 3_600, investigation: 4 * 3_600 };
const AGAIN_OTHERWISE_SECONDS = 7 * 86_400;

export function decide({ signal }: DecideInput<HealthEvent, Observation>): Decision {
  const { evidence, name } = signal;
  return {
    kind: 'escalate',
    reason: evidence.reason,
    recheckAfterSeconds: AGAIN_SECONDS[name] ?? AGAIN_OTHERWISE_SECONDS,
  };
}
