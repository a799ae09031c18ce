/** Whether a service is well, its number of tasks, and the way back of a roll-back. Pure. */
import { type Missing, primaryOf, type RunningService, shortName } from '../../ecs/types.ts';
import type { ServiceConfig } from '../../engine/config.ts';
import type { Change } from '../../engine/remediation.ts';
import type { Health } from '../remediation-step.ts';
import type { ServiceSeen } from '../service-health.ts';
import type { StepDecision, StepProof } from '../step.ts';

const POLL_SECONDS = 5;

/** The number of tasks is the one part of a service's configuration that Nightshift knows what it should be. Never less: a sick service needs what it has. */
export function decideTasks(
  { service }: Pick<ServiceSeen, 'service'>,
  { name, minTasks, maxTasks }: ServiceConfig,
  health: Health,
): StepDecision {
  const leftOut = (detail: string): StepDecision => ({ kind: 'done', detail: `left out: ${detail}` });
  if (health.isUntold) return { kind: 'wait', seconds: POLL_SECONDS, detail: health.detail };
  if (health.healthy) return { kind: 'done', detail: `left out, nothing to do: ${health.detail}` };
  if (service.kind === 'missing') return { kind: 'fail', reason: service.why };
  const { desired, controller, deployments } = service;
  if (controller !== 'ECS') return leftOut(`its deployments are controlled by ${controller}`);
  if (deployments.length > 1 || primaryOf(service)?.rolloutState === 'IN_PROGRESS')
    return leftOut('a deployment of it is under way');
  if (desired > maxTasks)
    return leftOut(`${desired} tasks are more than maxTasks (${maxTasks}), which are not taken from a sick service`);
  if (desired >= minTasks) return leftOut(`${desired} tasks are within its limits`);
  const wanted = minTasks;
  return {
    kind: 'act',
    change: {
      summary: `set the number of tasks of ${name} from ${desired} to ${wanted}`,
      before: { desired },
      after: { desired: wanted },
      undo: `set the desired count of ${name} to ${desired}`,
    },
  };
}

/** The wanted number of a change of it. */
export const tasksOf = (change: Pick<Change, 'before' | 'after'>, side: 'before' | 'after'): number =>
  Number((change[side] as { desired: number }).desired);

export function tasksApplied(change: Change, { service }: ServiceSeen): 'yes' | 'no' | 'unclear' {
  if (service.kind === 'missing') return 'unclear';
  if (service.desired === tasksOf(change, 'after')) return 'yes';
  return service.desired === tasksOf(change, 'before') ? 'no' : 'unclear';
}

export function proveTasks({ healthy, isUntold = false, detail }: Health): StepProof {
  return healthy && !isUntold ? { kind: 'good', detail } : { kind: 'not-yet', detail, seconds: POLL_SECONDS };
}

/** Back only from what the run itself set: what somebody else set since is left alone. */
export function decideTasksBack({ service }: ServiceSeen, made: Change | undefined): StepDecision {
  if (!made) return { kind: 'done', detail: 'nothing was changed' };
  if (service.kind === 'missing') return { kind: 'fail', reason: service.why };
  const [from, to] = [tasksOf(made, 'after'), tasksOf(made, 'before')];
  if (service.desired === to) return { kind: 'done', detail: `it has ${to} tasks` };
  if (service.desired !== from)
    return { kind: 'fail', reason: `it has ${service.desired} tasks, not the ${from} that were set` };
  return {
    kind: 'act',
    change: {
      summary: `set the number of tasks back from ${from} to ${to}`,
      before: { desired: from },
      after: { desired: to },
      undo: `set the desired count to ${from}`,
    },
  };
}

export const tasksAreBack = (change: Change, { service }: ServiceSeen): StepProof =>
  service.kind === 'service' && service.desired === tasksOf(change, 'after')
    ? { kind: 'good', detail: `${service.desired} tasks are wanted again` }
    : { kind: 'not-yet', detail: 'the number of tasks is not back yet', seconds: POLL_SECONDS };

/** Not before it is told of the time since the run's last change. */
export function prove({ healthy, isUntold = false, detail }: Health): StepDecision {
  if (!healthy || isUntold) return { kind: 'wait', seconds: POLL_SECONDS, detail };
  return { kind: 'done', detail };
}

/** What a roll-back wrote down. */
interface Rolled {
  readonly taskDefinition: string;
}
const rolled = (change: Pick<Change, 'before' | 'after'>, side: 'before' | 'after'): string =>
  (change[side] as unknown as Rolled).taskDefinition;

/** The way back of a roll-back. The quarantine stays: the images were not proved good by it. */
export function decideRollForward(service: Missing | RunningService, made: Change | undefined): StepDecision {
  if (!made) return { kind: 'done', detail: 'nothing was rolled back' };
  if (service.kind === 'missing') return { kind: 'fail', reason: service.why };
  const primary = primaryOf(service);
  const [before, after] = [rolled(made, 'before'), rolled(made, 'after')];
  if (primary?.taskDefinition === before) return { kind: 'done', detail: `it runs ${shortName(before)}` };
  if (primary?.taskDefinition !== after)
    return {
      kind: 'fail',
      reason: `it runs ${shortName(primary?.taskDefinition ?? 'nothing')}, which neither step set`,
    };
  return {
    kind: 'act',
    change: {
      summary: `set the task definition back from ${shortName(after)} to ${shortName(before)}`,
      before: { taskDefinition: after, deploymentId: primary.id },
      after: { taskDefinition: before },
      undo: `set the task definition to ${shortName(after)}`,
    },
  };
}

/** That the service is steady with it isn't asked: it wasn't before. */
export function rolledForward(change: Change, service: Missing | RunningService): StepProof {
  const wanted = rolled(change, 'after');
  const runs = service.kind === 'service' && primaryOf(service)?.taskDefinition === wanted;
  return runs
    ? { kind: 'good', detail: `it is to run ${shortName(wanted)} again` }
    : { kind: 'not-yet', detail: 'its task definition is not back yet', seconds: POLL_SECONDS };
}
