/** Which task of a service is stopped, if any: one that is sick beside others that are well. Pure. */
import type { Missing, RunningService } from '../../ecs/types.ts';
import type { ServiceConfig } from '../../engine/config.ts';
import type { Change, DecideInput, Decision, Verification } from '../../engine/remediation.ts';

export interface TaskSeen {
  readonly arn: string;
  /** API page "Task", lastStatus. */
  readonly status: string;
  readonly health: 'HEALTHY' | 'UNHEALTHY' | 'UNKNOWN';
  /** Since it was created, or since it runs. */
  readonly inStatusForSeconds: number;
  /** Availability Zone; ECS tells it once the task is placed. */
  readonly zone?: string;
}

export type Observation =
  | Missing
  | (RunningService & { /** Tasks that are to run. */ readonly tasks: readonly TaskSeen[] });

export interface Task {
  readonly task: string;
}
export const taskOf = ({ before }: Pick<Change, 'before'>): Task => before as unknown as Task;

const RECHECK_SECONDS = 60;
/** Pulling a large image takes its time: a task may take so many times longer to start than to be replaced when it is unhealthy. */
const STARTING_TIMES = 5;
const STARTING = ['PROVISIONING', 'PENDING', 'ACTIVATING'];

export const idOf = (arn: string): string => arn.split('/').at(-1) ?? arn;

const isUnhealthy = ({ status, health }: TaskSeen): boolean => status === 'RUNNING' && health === 'UNHEALTHY';

/** What is wrong with a task for so long that ECS won't see to it; undefined when nothing is. */
export function sickness(
  task: TaskSeen,
  { taskUnhealthyForSeconds: limit }: Pick<ServiceConfig, 'taskUnhealthyForSeconds'>,
): string | undefined {
  if (isUnhealthy(task) && task.inStatusForSeconds >= limit) return 'is unhealthy';
  if (STARTING.includes(task.status) && task.inStatusForSeconds >= STARTING_TIMES * limit)
    return `has been ${task.status} for ${task.inStatusForSeconds} s`;
  return undefined;
}

export function decide({ target, observation, config }: DecideInput<ServiceConfig, Observation>): Decision {
  if (observation.kind === 'missing') return { kind: 'escalate', reason: observation.why };
  const { desired, deployments, tasks } = observation;
  if (desired === 0) {
    const detail = 'it is scaled to zero tasks: somebody switched it off';
    return { kind: 'hold', reason: 'hands-off', detail, recheckAfterSeconds: config.handsOffSeconds };
  }
  if (deployments.length > 1 || deployments.some(({ rolloutState }) => rolloutState === 'IN_PROGRESS')) {
    const detail = 'a deployment is under way, which replaces its tasks itself';
    return { kind: 'hold', reason: 'change-under-way', detail, recheckAfterSeconds: RECHECK_SECONDS };
  }
  const sick = tasks.filter((task) => sickness(task, target) !== undefined).sort(longestFirst);
  const [first] = sick;
  if (!first) return { kind: 'fine', reason: `no task of ${target.name} is unhealthy or hangs` };
  const well = tasks.filter(({ status, health }) => status === 'RUNNING' && health !== 'UNHEALTHY').length;
  if (well === 0)
    return { kind: 'escalate', reason: `no task of ${target.name} is well: stopping one would not be the cure` };
  if (sick.length > tasks.length / 2)
    return {
      kind: 'escalate',
      reason: `${sick.length} of ${tasks.length} tasks of ${target.name} are sick: the cause isn't in one of them${zoneTold(sick, tasks)}`,
    };
  return {
    kind: 'act',
    change: {
      summary: `stop task ${idOf(first.arn)} of ${target.name}, which ${sickness(first, target)}${zoneTold(sick, tasks)}`,
      before: { task: first.arn, status: first.status, health: first.health },
      after: { task: first.arn, desiredStatus: 'STOPPED' },
      undo: 'a task that was stopped does not come back: ECS starts another in its place',
    },
  };
}

/**
 * What a person looks for first when several tasks are sick (runbook 000, lines 552 to 557): whether they are all in one zone, and those elsewhere well. Nothing is said
 * of a single one, nor where a zone isn't known.
 */
function zoneTold(sick: readonly TaskSeen[], tasks: readonly TaskSeen[]): string {
  const [first, ...others] = sick;
  const zone = first?.zone;
  if (zone === undefined || others.length === 0 || others.some((each) => each.zone !== zone)) return '';
  const rest = tasks.filter((each) => !sick.includes(each));
  const elsewhere = rest.length > 0 && rest.every((each) => each.zone !== undefined && each.zone !== zone);
  return elsewhere
    ? ` (all ${sick.length} sick ones are in ${zone}, all others in other zones: that zone may be what is wrong)`
    : '';
}

const longestFirst = (a: TaskSeen, b: TaskSeen): number =>
  b.inStatusForSeconds - a.inStatusForSeconds || (a.arn < b.arn ? -1 : 1);

/** ECS lists a task that is to stop no longer among those that are to run. */
export function alreadyApplied(change: Change, observation: Observation): 'yes' | 'no' | 'unclear' {
  if (observation.kind === 'missing') return 'unclear';
  return observation.tasks.some(({ arn }) => arn === taskOf(change).task) ? 'no' : 'yes';
}

export function verify({ change, observation }: { change: Change; observation: Observation }): Verification {
  if (observation.kind === 'missing') return { kind: 'not-yet', detail: observation.why };
  const { tasks, running, desired } = observation;
  const { task } = taskOf(change);
  if (tasks.some(({ arn }) => arn === task)) return { kind: 'not-yet', detail: `task ${idOf(task)} is still to run` };
  const unhealthy = tasks.filter(isUnhealthy).length;
  const detail = `${running} of ${desired} tasks are running, ${unhealthy} of them unhealthy`;
  return { kind: running >= desired && unhealthy === 0 ? 'good' : 'not-yet', detail };
}
