/** How many tasks a service can do without. Pure. */
import type { FiringAlarm } from '../../ecs/firing.ts';
import type { Missing, RunningService } from '../../ecs/types.ts';
import type { PeakLoad } from '../../ecs/usage.ts';
import type { ServiceConfig } from '../../engine/config.ts';
import type { Change, DecideInput, Decision, Verification } from '../../engine/remediation.ts';

export type Observation =
  | Missing
  | (RunningService & {
      /** Application Auto Scaling owns the number of tasks. */
      readonly autoScaled: boolean;
      /** Averages over the running tasks in percent; absent when there is no recent datapoint. */
      readonly cpuPercent?: number;
      readonly memoryPercent?: number;
      /** Of the last `idleForSeconds`: one quiet minute says nothing of the next. */
      readonly peakLoad: PeakLoad;
      /** Alarms that are firing about the service. */
      readonly firing: readonly FiringAlarm[];
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
/** Of the tasks that run, one change leaves at least so many: what a load does that is spread over fewer is seen before more go. */
const LEAST_SHARE_LEFT = 0.5;

export function decide({
  signal,
  target,
  observation,
  hold: held,
  config,
}: DecideInput<ServiceConfig, Observation>): Decision {
  if (observation.kind === 'missing') return { kind: 'escalate', reason: observation.why };
  const { desired } = observation;
  const judged = judge(target, observation, signal.subject, config.handsOffSeconds);
  if (typeof judged !== 'number') return judged;
  if (held) {
    const detail = `${held.remediation} holds ${held.value} tasks, and hands them back by itself`;
    return { kind: 'hold', reason: 'change-under-way', detail, recheckAfterSeconds: RECHECK_SECONDS };
  }
  const after = Math.max(judged, Math.ceil(desired * LEAST_SHARE_LEFT));
  if (after >= desired && isKeptByItsPeak(observation, target, desired)) {
    const detail = `its busiest period of the last ${target.idleForSeconds} s needed the ${desired} tasks that it has`;
    return { kind: 'hold', reason: 'change-under-way', detail, recheckAfterSeconds: RECHECK_SECONDS };
  }
  if (after >= desired) return { kind: 'fine', reason: `its load needs the ${desired} tasks that it has` };
  return { kind: 'act', change: scaleTo(target, desired, after, signal.subject) };
}

/** Whether only what was before keeps it from taking a task: its alarm goes on, so it is looked at again. */
function isKeptByItsPeak(observation: Seen, target: ServiceConfig, desired: number): boolean {
  const now = tasksNeeded({ ...observation, peakLoad: { cpu: 0, memory: 0 } }, target);
  return typeof now === 'number' && now < desired;
}

/** Why it may not go as low as an intent says that is some minutes old by now; undefined: it may. */
export function whyNotNow(target: ServiceConfig, change: Change, observation: Observation): string | undefined {
  // Whether it is still there is found by the look directly before the write.
  if (observation.kind === 'missing') return undefined;
  const fewest = judge(target, observation, beforeOf(change).alarm, 0);
  if (typeof fewest === 'number')
    return fewest <= afterOf(change).desired ? undefined : `a load that needs ${fewest} tasks`;
  return fewest.kind === 'hold' ? fewest.detail : fewest.reason;
}

/** The fewest tasks that it can do with as it is now, or what is decided instead. */
function judge(
  target: ServiceConfig,
  observation: Seen,
  alarm: string | undefined,
  handsOffSeconds: number,
): number | Extract<Decision, { kind: 'fine' | 'hold' }> {
  const { desired, autoScaled, controller } = observation;
  if (autoScaled) return { kind: 'fine', reason: 'Application Auto Scaling scales it in by itself' };
  const busy = underWay(observation);
  if (busy) return { kind: 'hold', reason: 'change-under-way', detail: busy, recheckAfterSeconds: RECHECK_SECONDS };
  if (desired === 0 || controller === 'EXTERNAL') {
    const detail =
      desired === 0 ? 'it is scaled to zero tasks: somebody switched it off' : 'its tasks are somebody else’s';
    return { kind: 'hold', reason: 'hands-off', detail, recheckAfterSeconds: handsOffSeconds };
  }
  const red = namesOf(othersFiring(observation, alarm));
  if (red) return { kind: 'hold', reason: 'change-under-way', detail: red, recheckAfterSeconds: RECHECK_SECONDS };
  const fewest = Math.max(1, target.minTasks);
  if (desired <= fewest) return { kind: 'fine', reason: `it has ${desired} tasks, and ${fewest} are the fewest` };
  const enough = tasksNeeded(observation, target);
  if (typeof enough === 'string')
    return { kind: 'hold', reason: 'change-under-way', detail: enough, recheckAfterSeconds: RECHECK_SECONDS };
  return Math.max(fewest, enough);
}

function underWay({ deployments, desired, running, pending }: Seen): string | undefined {
  if (deployments.length > 1 || deployments.some(({ rolloutState }) => rolloutState === 'IN_PROGRESS'))
    return 'a deployment is under way';
  if (running !== desired || pending > 0) return `${running} tasks are running and ${desired} are wanted`;
  return undefined;
}

/** What is in alarm besides the one that says that there is too much. */
const othersFiring = ({ firing }: Pick<Seen, 'firing'>, alarm: string | undefined): readonly FiringAlarm[] =>
  firing.filter(({ arn }) => arn !== alarm);

const namesOf = (alarms: readonly FiringAlarm[]): string | undefined =>
  alarms.length === 0
    ? undefined
    : `${alarms.map(({ name }) => name).join(', ')} ${alarms.length === 1 ? 'is' : 'are'} firing`;

/** The fewest tasks that bear the load of now and of the busiest period lately, or why that can't be said. */
function tasksNeeded({ running, cpuPercent, memoryPercent, peakLoad }: Seen, target: ServiceConfig): number | string {
  if (cpuPercent === undefined) return 'there is no recent CPU datapoint to judge by';
  if (memoryPercent === undefined) return 'there is no recent memory datapoint to judge by';
  const { cpuBelowPercent, cpuAbovePercent, memoryAbovePercent } = target;
  const cpuLimit = cpuBelowPercent > 0 ? cpuBelowPercent : cpuAbovePercent * SHARE_OF_CPU;
  const needed = (percent: number, peak: number, limit: number) => Math.ceil(Math.max(percent * running, peak) / limit);
  return Math.max(
    needed(cpuPercent, peakLoad.cpu, cpuLimit),
    needed(memoryPercent, peakLoad.memory, memoryAbovePercent * SHARE),
  );
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

/**
 * It is proved by what is left: as many tasks as wanted, and nothing that fires because of it. A database's alarm is no proof that fewer tasks did it, and
 * more tasks would open connections on a sick database: it is waited for, and nothing is undone.
 */
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
  const own = namesOf(red.filter(({ isOfDatabase }) => !isOfDatabase));
  if (own) return worse(own);
  for (const [name, percent, limit] of [
    ['CPU', cpuPercent, target.cpuAbovePercent],
    ['memory', memoryPercent, target.memoryAbovePercent],
  ] as const)
    if (percent !== undefined && percent > limit)
      return worse(`${name} is at ${Math.round(percent)} %, above its alarm’s ${limit} %`);
  const ofDatabases = namesOf(red);
  if (ofDatabases) return { kind: 'not-yet', detail: ofDatabases };
  if (running !== desired) return { kind: 'not-yet', detail: `${running} tasks are running and ${desired} are wanted` };
  const cpu = cpuPercent === undefined ? '' : `, CPU ${Math.round(cpuPercent)} %`;
  return { kind: 'good', detail: `${running} of ${desired} tasks are running${cpu}` };
}
