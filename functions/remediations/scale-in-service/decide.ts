/** How many tasks a service can do without. Pure. */
import type { Missing, RunningService } from '../../ecs/types.ts';
import type { ServiceConfig } from '../../engine/config.ts';
import type { Change, DecideInput, Decision, Verification } from '../../engine/remediation.ts';

/** An alarm that is firing about the service. */
export interface Firing {
  readonly arn: string;
  readonly name: string;
}

export type Observation =
  | Missing
  | (RunningService & {
      /** Application Auto Scaling owns the number of tasks. */
      readonly autoScaled: boolean;
      /** Averages over the running tasks in percent; absent when there is no recent datapoint. */
      readonly cpuPercent?: number;
      readonly memoryPercent?: number;
      readonly firing: readonly Firing[];
    });
type Seen = Exclude<Observation, Missing>;

export interface Before {
  readonly desired: number;
  /** ARN of the alarm that says that it has too many tasks: the one that may fire. */
  readonly alarm?: string;
}
export const beforeOf = ({ before }: Pick<Change, 'before'>): Before => before as unknown as Before;
export const afterOf = ({ after }: Pick<Change, 'after'>): { readonly desired: number } =>
  after as unknown as { desired: number };

const RECHECK_SECONDS = 300;
const STOP_FOR_SECONDS = 6 * 3_600;
/** Fewer tasks are only thought enough if what limits them stays this far below its alarm. */
const SHARE = 0.9;
/** Where `cpuBelowPercent` isn't set and somebody tagged an alarm of their own. */
const SHARE_OF_CPU = 0.5;

export function decide({
  signal,
  target,
  observation,
  hold: held,
  config,
}: DecideInput<ServiceConfig, Observation>): Decision {
  if (observation.kind === 'missing') return { kind: 'escalate', reason: observation.why };
  const { desired, autoScaled, controller } = observation;
  if (autoScaled) return { kind: 'fine', reason: 'Application Auto Scaling scales it in by itself' };
  const busy = underWay(observation);
  if (busy) return { kind: 'hold', reason: 'change-under-way', detail: busy, recheckAfterSeconds: RECHECK_SECONDS };
  if (held) {
    const detail = `${held.remediation} holds ${held.value} tasks, and hands them back by itself`;
    return { kind: 'hold', reason: 'change-under-way', detail, recheckAfterSeconds: RECHECK_SECONDS };
  }
  if (desired === 0 || controller === 'EXTERNAL') {
    const detail =
      desired === 0 ? 'it is scaled to zero tasks: somebody switched it off' : 'its tasks are somebody else’s';
    return { kind: 'hold', reason: 'hands-off', detail, recheckAfterSeconds: config.handsOffSeconds };
  }
  const red = othersFiring(observation, signal.subject);
  if (red) return { kind: 'hold', reason: 'change-under-way', detail: red, recheckAfterSeconds: RECHECK_SECONDS };
  const fewest = Math.max(1, target.minTasks);
  if (desired <= fewest) return { kind: 'fine', reason: `it has ${desired} tasks, and ${fewest} are the fewest` };
  const enough = tasksNeeded(observation, target);
  if (typeof enough === 'string')
    return { kind: 'hold', reason: 'change-under-way', detail: enough, recheckAfterSeconds: RECHECK_SECONDS };
  const after = Math.max(fewest, enough);
  if (after >= desired) return { kind: 'fine', reason: `its load needs the ${desired} tasks that it has` };
  return { kind: 'act', change: scaleTo(target, desired, after, signal.subject) };
}

function underWay({ deployments, desired, running, pending }: Seen): string | undefined {
  if (deployments.length > 1 || deployments.some(({ rolloutState }) => rolloutState === 'IN_PROGRESS'))
    return 'a deployment is under way';
  if (running !== desired || pending > 0) return `${running} tasks are running and ${desired} are wanted`;
  return undefined;
}

/** What is in alarm besides the one that says that there is too much. */
function othersFiring({ firing }: Pick<Seen, 'firing'>, alarm: string | undefined): string | undefined {
  const others = firing.filter(({ arn }) => arn !== alarm).map(({ name }) => name);
  return others.length === 0 ? undefined : `${others.join(', ')} ${others.length === 1 ? 'is' : 'are'} firing`;
}

/** The fewest tasks that bear the load of now, or why that can't be said. */
function tasksNeeded({ running, cpuPercent, memoryPercent }: Seen, target: ServiceConfig): number | string {
  if (cpuPercent === undefined) return 'there is no recent CPU datapoint to judge by';
  if (memoryPercent === undefined) return 'there is no recent memory datapoint to judge by';
  const { cpuBelowPercent, cpuAbovePercent, memoryAbovePercent } = target;
  const cpuLimit = cpuBelowPercent > 0 ? cpuBelowPercent : cpuAbovePercent * SHARE_OF_CPU;
  const needed = (percent: number, limit: number) => Math.ceil((percent * running) / limit);
  return Math.max(needed(cpuPercent, cpuLimit), needed(memoryPercent, memoryAbovePercent * SHARE));
}

function scaleTo(target: ServiceConfig, desired: number, after: number, alarm: string): Change {
  const before: Before = { desired, alarm };
  return {
    summary: `lower desired count of ${target.name} from ${desired} to ${after}`,
    before: { ...before },
    after: { desired: after },
    undo: `set desired count of ${target.cluster}/${target.service} back to ${desired}`,
    undoChange: {
      summary: `raise desired count of ${target.name} back from ${after} to ${desired}`,
      before: { desired: after },
      after: { desired },
      undo: `set desired count of ${target.cluster}/${target.service} to ${after} again`,
    },
  };
}

export function alreadyApplied(change: Change, observation: Observation): 'yes' | 'no' | 'unclear' {
  if (observation.kind === 'missing') return 'unclear';
  if (observation.desired === afterOf(change).desired) return 'yes';
  return observation.desired === beforeOf(change).desired ? 'no' : 'unclear';
}

/** It is proved by what is left: as many tasks as wanted, and nothing that fires because of it. */
export function verify({
  target,
  change,
  observation,
}: {
  target: ServiceConfig;
  change: Change;
  observation: Observation;
}): Verification {
  if (observation.kind === 'missing') return { kind: 'not-yet', detail: observation.why };
  const { desired, running, cpuPercent, memoryPercent } = observation;
  const worse = (detail: string): Verification => ({ kind: 'worse', detail, stopForSeconds: STOP_FOR_SECONDS });
  const wanted = afterOf(change).desired;
  if (desired !== wanted) return { kind: 'not-yet', detail: `${desired} tasks are wanted, no longer ${wanted}` };
  const red = othersFiring(observation, beforeOf(change).alarm);
  if (red) return worse(red);
  for (const [name, percent, limit] of [
    ['CPU', cpuPercent, target.cpuAbovePercent],
    ['memory', memoryPercent, target.memoryAbovePercent],
  ] as const)
    if (percent !== undefined && percent > limit)
      return worse(`${name} is at ${Math.round(percent)} %, above its alarm’s ${limit} %`);
  if (running !== desired) return { kind: 'not-yet', detail: `${running} tasks are running and ${desired} are wanted` };
  const cpu = cpuPercent === undefined ? '' : `, CPU ${Math.round(cpuPercent)} %`;
  return { kind: 'good', detail: `${running} of ${desired} tasks are running${cpu}` };
}
