/** Whether all tasks of a service are replaced, and how it is seen that they were. Pure. */
import { mayRoll } from '../../ecs/rolling.ts';
import { type Missing, primaryOf, type RunningService, shortName } from '../../ecs/types.ts';
import type { ServiceConfig } from '../../engine/config.ts';
import type { Change, DecideInput, Decision, Verification } from '../../engine/remediation.ts';

export type Observation = Missing | RunningService;

/** A forced deployment is known by what it isn't: the deployment that was there before. */
export interface Rollout {
  readonly taskDefinition: string;
  readonly deploymentId: string;
  readonly createdAtMs: number;
}
export const rolloutOf = ({ before }: Pick<Change, 'before'>): Rollout => before as unknown as Rollout;

const STOP_FOR_SECONDS = 3_600;

export function decide({ signal, target, observation, config }: DecideInput<ServiceConfig, Observation>): Decision {
  if (observation.kind === 'missing') return { kind: 'escalate', reason: observation.why };
  const may = mayRoll(observation, target, config, 'restarted');
  if (may.kind === 'no') return may.decision;
  const { id: deploymentId, taskDefinition, createdAtMs } = may.primary;
  // Whoever deployed it: no task is older than the trouble. What still fires then fires anew, or is looked at again.
  if (createdAtMs > Date.parse(signal.at))
    return { kind: 'fine', reason: `all tasks of ${target.name} were replaced since the trouble began` };
  return {
    kind: 'act',
    change: {
      summary: `replace the ${observation.desired} tasks of ${target.name} by new ones of ${shortName(taskDefinition)}`,
      before: { taskDefinition, deploymentId, createdAtMs },
      after: { taskDefinition, deployment: 'a new one' },
      echoes: [{ source: 'ecs-deployment', what: 'SERVICE_DEPLOYMENT_IN_PROGRESS' }],
      undo: 'nothing has to be undone: the same revision runs in new tasks',
    },
  };
}

/** Any newer deployment of the same revision has replaced the tasks, whoever began it. */
export function alreadyApplied(change: Change, observation: Observation): 'yes' | 'no' | 'unclear' {
  const primary = observation.kind === 'missing' ? undefined : primaryOf(observation);
  const before = rolloutOf(change);
  if (primary?.id === before.deploymentId) return 'no';
  const restarted = primary?.taskDefinition === before.taskDefinition && primary.createdAtMs > before.createdAtMs;
  return restarted ? 'yes' : 'unclear';
}

export function verify({ change, observation }: { change: Change; observation: Observation }): Verification {
  if (observation.kind === 'missing') return { kind: 'not-yet', detail: observation.why };
  const primary = primaryOf(observation);
  const { running, desired } = observation;
  if (!primary || primary.id === rolloutOf(change).deploymentId)
    return { kind: 'not-yet', detail: 'no new deployment is to be seen' };
  const detail = `its new deployment is ${primary.rolloutState}, ${running} of ${desired} tasks are running`;
  if (primary.rolloutState === 'FAILED') return { kind: 'bad', detail, stopForSeconds: STOP_FOR_SECONDS };
  const done = primary.rolloutState === 'COMPLETED' && running === desired && observation.deployments.length === 1;
  return { kind: done ? 'good' : 'not-yet', detail };
}
