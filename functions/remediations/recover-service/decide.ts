/** Whether `service-recovery` is started for a service. Pure. */
import type { ServiceConfig } from '../../engine/config.ts';
import type { Change, DecideInput, Decision, Verification } from '../../engine/remediation.ts';
import { alreadyStarted, decideStart, type PlanSeen, startOf, verifyRun } from '../../plan-rungs/decide.ts';

const PLAN = 'service-recovery';

export function decide({ signal, target, observation }: DecideInput<ServiceConfig, PlanSeen>): Decision {
  const { name } = target;
  return decideStart(observation, Date.parse(signal.at), {
    plan: PLAN,
    // A backup of the configuration is looked for from before the trouble began.
    input: { service: name, before: signal.at },
    about: name,
    wayBack: 'All its steps can be taken back, but for the restart of the same revision in new tasks.',
  });
}

export const alreadyApplied = (_change: Change, observation: PlanSeen): 'yes' | 'no' => alreadyStarted(observation);

export const verify = ({ change, observation }: { change: Change; observation: PlanSeen }): Verification =>
  verifyRun(observation, startOf(change));
