/** Whether all tasks of a service are replaced, and how it is seen that they were. Pure. */
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

const RECHECK_SECONDS = 60;
const STOP_FOR_SECONDS = 3_600;

export function decide({ target, observation, config }: DecideInput<ServiceConfig, Observation>): Decision {
  if (observation.kind === 'missing') return { kind: 'escalate', reason: observation.why };
  const handsOff = (detail: string): Decision => ({
    ...{ kind: 'hold', reason: 'hands-off', detail, recheckAfterSeconds: config.handsOffSeconds },
  });
  if (observation.controller !== 'ECS') return handsOff(`its deployments belong to ${observation.controller}`);
  if (observation.desired === 0) return handsOff('it is scaled to zero tasks: somebody switched it off');
  const primary = primaryOf(observation);
  if (!primary) return { kind: 'escalate', reason: `${target.name} has no deployment` };
  const busy = underWay(observation);
  if (busy) return { kind: 'hold', reason: 'change-under-way', detail: busy, recheckAfterSeconds: RECHECK_SECONDS };
  const wouldStop = tooFewLeft(observation);
  if (wouldStop) return { kind: 'escalate', reason: `${target.name} isn't restarted: ${wouldStop}` };
  const { id: deploymentId, taskDefinition, createdAtMs } = primary;
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

function underWay({ deployments, desired, running }: RunningService): string | undefined {
  if (deployments.length > 1 || deployments.some(({ rolloutState }) => rolloutState === 'IN_PROGRESS'))
    return 'a deployment is under way';
  if (running < desired) return `${running} of ${desired} tasks are running, the others are starting`;
  return undefined;
}

/** ECS keeps between the two limits while it replaces tasks: the lower is rounded up, the upper down (API page "DeploymentConfiguration"). */
function tooFewLeft({ desired, minimumHealthyPercent, maximumPercent }: RunningService): string | undefined {
  const lower = Math.ceil((desired * minimumHealthyPercent) / 100);
  const upper = Math.floor((desired * maximumPercent) / 100);
  if (lower === 0) return `with minimumHealthyPercent ${minimumHealthyPercent} all its tasks could be gone at once`;
  if (lower >= desired && upper <= desired)
    return `with minimumHealthyPercent ${minimumHealthyPercent} and maximumPercent ${maximumPercent} there is no room for a new task beside ${desired}`;
  return undefined;
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
