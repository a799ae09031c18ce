/** How many tasks a struggling service gets, and when they are handed back. Pure. */
import type { RuntimeConfig, ServiceConfig } from '../../engine/config.ts';
import type { Change, DecideInput, Decision, HandBack, Hold, Verification } from '../../engine/remediation.ts';

/** What was seen of the service. Utilisation is the average over running tasks in percent; undefined when there is no recent datapoint. */
export type Observation =
  | { readonly kind: 'missing'; readonly why: string }
  | {
      readonly kind: 'service';
      readonly desired: number;
      readonly running: number;
      readonly deploying: boolean;
      /** Set where Application Auto Scaling owns the desired count: then its minimum is what we change. */
      readonly scalableTarget?: { readonly min: number; readonly max: number };
      readonly cpuPercent?: number;
      readonly memoryPercent?: number;
      /** Newest count of connections of the databases that it depends on, by name; absent when there is no recent datapoint. */
      readonly connections?: Readonly<Record<string, number>>;
    };

type Service = Extract<Observation, { kind: 'service' }>;

/** The number that we own while a hold is open. */
export interface Capacity {
  readonly field: 'desiredCount' | 'minCapacity';
  readonly value: number;
}

/** Half as many again (catalogue D26: relative and capped, never a fixed number that may scale in). */
const GROWTH = 1.5;
const RECHECK_SECONDS = 60;
/** Handing back is only thought safe if the load, spread over fewer tasks, stays this far below the threshold. */
const HAND_BACK_SHARE = 0.9;

export const capacityOf = (change: Pick<Change, 'before' | 'after'>, side: 'before' | 'after'): Capacity =>
  change[side] as unknown as Capacity;

/** The live number that we would change, or have changed. */
export function liveCapacity(service: Service): Capacity {
  if (service.scalableTarget) return { field: 'minCapacity', value: service.scalableTarget.min };
  return { field: 'desiredCount', value: service.desired };
}

export function decide({ target, observation, hold, config }: DecideInput<ServiceConfig, Observation>): Decision {
  if (observation.kind === 'missing') return { kind: 'escalate', reason: observation.why };
  const live = liveCapacity(observation);
  if (hold?.field === live.field && hold.value !== live.value) {
    const detail = `${live.field} is ${live.value}, Nightshift set it to ${hold.value}: somebody else is at work`;
    return { kind: 'hold', reason: 'hands-off', detail, recheckAfterSeconds: config.handsOffSeconds };
  }
  if (observation.desired === 0) {
    const detail = 'it is scaled to zero tasks: somebody switched it off';
    return { kind: 'hold', reason: 'hands-off', detail, recheckAfterSeconds: config.handsOffSeconds };
  }
  if (observation.deploying) {
    return {
      kind: 'hold',
      reason: 'change-under-way',
      detail: 'a deployment is under way',
      recheckAfterSeconds: RECHECK_SECONDS,
    };
  }
  if (observation.running < observation.desired) {
    const detail = `${observation.running} of ${observation.desired} tasks are running, the others are starting`;
    return { kind: 'hold', reason: 'change-under-way', detail, recheckAfterSeconds: RECHECK_SECONDS };
  }
  const limit = Math.min(target.maxTasks, observation.scalableTarget?.max ?? Number.POSITIVE_INFINITY);
  const wanted = Math.max(target.minTasks, observation.desired + 1, Math.ceil(observation.desired * GROWTH));
  const after = Math.min(limit, wanted);
  if (after <= observation.desired) {
    return {
      kind: 'escalate',
      reason: `${target.name} runs ${observation.desired} tasks and may not have more than ${limit}`,
    };
  }
  const full = wouldFill(target, after - observation.desired, observation, config);
  if (full) return { kind: 'hold', reason: 'upstream-in-trouble', detail: full, recheckAfterSeconds: RECHECK_SECONDS };
  return { kind: 'act', change: scaleTo(live, after, target) };
}

/** Why more tasks would only move the trouble to a database: each opens connections there. What isn't known counts as full (I9). */
function wouldFill(
  target: ServiceConfig,
  moreTasks: number,
  { connections }: Service,
  config: RuntimeConfig,
): string | undefined {
  if (target.connectionsPerTask === 0) return undefined;
  const more = moreTasks * target.connectionsPerTask;
  for (const name of target.dependsOn) {
    const database = config.databases[name];
    if (!database) continue;
    const used = connections?.[name];
    const limit = database.connectionsAboveShare * database.maxConnections;
    if (used === undefined)
      return `${moreTasks} more tasks would open ${more} connections on ${name}, whose count is unknown`;
    if (used + more > limit) {
      return `${moreTasks} more tasks would open ${more} connections on ${name}, which has ${used} of ${database.maxConnections} in use`;
    }
  }
  return undefined;
}

function scaleTo(live: Capacity, after: number, target: ServiceConfig): Change {
  const what = live.field === 'desiredCount' ? 'desired count' : 'minimum capacity';
  return {
    summary: `raise ${what} of ${target.name} from ${live.value} to ${after}`,
    before: { ...live },
    after: { field: live.field, value: after },
    undo: `set ${what} of ${target.cluster}/${target.service} back to ${live.value}`,
    hold: { field: live.field, baseline: live.value, value: after, stabiliseForSeconds: target.stabiliseForSeconds },
  };
}

export function alreadyApplied(change: Change, observation: Observation): 'yes' | 'no' | 'unclear' {
  if (observation.kind === 'missing') return 'unclear';
  const live = liveCapacity(observation);
  const [before, after] = [capacityOf(change, 'before'), capacityOf(change, 'after')];
  if (live.field !== after.field) return 'unclear';
  if (live.value === after.value) return 'yes';
  return live.value === before.value ? 'no' : 'unclear';
}

export function verify({ observation }: { observation: Observation }): Verification {
  if (observation.kind === 'missing') return { kind: 'not-yet', detail: observation.why };
  const { running, desired, cpuPercent } = observation;
  if (running < desired) return { kind: 'not-yet', detail: `${running} of ${desired} tasks are running` };
  const cpu = cpuPercent === undefined ? '' : `, CPU ${Math.round(cpuPercent)} %`;
  return { kind: 'good', detail: `${running} of ${desired} tasks are running${cpu}` };
}

/** May the extra tasks go? Only if the number is still ours and the load would fit on the baseline. */
export function decideHandBack({
  target,
  hold,
  observation,
  urgent = false,
}: {
  target: ServiceConfig;
  hold: Hold;
  observation: Observation;
  urgent?: boolean;
}): HandBack {
  if (observation.kind === 'missing') return { kind: 'leave', detail: observation.why };
  const live = liveCapacity(observation);
  if (live.field !== hold.field || live.value !== hold.value) {
    return {
      kind: 'leave',
      detail: `${live.field} is ${live.value}, no longer the ${hold.value} that Nightshift set: left as it is`,
    };
  }
  // What it found may have been below the minimum: a number that Nightshift sets never is.
  const back = hold.field === 'desiredCount' ? Math.max(hold.baseline, target.minTasks) : hold.baseline;
  if (back >= hold.value) return { kind: 'leave', detail: `${live.field} stays ${hold.value}, which is the minimum` };
  const tooMuch = urgent ? undefined : wouldNotFit(target, { ...hold, baseline: back }, observation);
  if (tooMuch) return { kind: 'wait', detail: tooMuch, recheckAfterSeconds: target.stabiliseForSeconds };
  const what = live.field === 'desiredCount' ? 'desired count' : 'minimum capacity';
  return {
    kind: 'restore',
    change: {
      summary: `hand back ${what} of ${target.name} from ${hold.value} to ${back}`,
      before: { ...live },
      after: { field: hold.field, value: back },
      undo: `set ${what} of ${target.cluster}/${target.service} to ${hold.value} again`,
    },
  };
}

function wouldNotFit(
  target: ServiceConfig,
  hold: Hold,
  { running, cpuPercent, memoryPercent }: Service,
): string | undefined {
  if (hold.field === 'minCapacity') return undefined; // auto scaling itself decides how many tasks stay
  if (cpuPercent === undefined) return 'there is no recent CPU datapoint to judge by';
  if (memoryPercent === undefined) return 'there is no recent memory datapoint to judge by';
  const projected = (percent: number) => (percent * running) / Math.max(1, hold.baseline);
  const limits = [
    ['CPU', projected(cpuPercent), target.cpuAbovePercent],
    ['memory', projected(memoryPercent), target.memoryAbovePercent],
  ] as const;
  for (const [name, percent, threshold] of limits) {
    if (percent > threshold * HAND_BACK_SHARE)
      return `with ${hold.baseline} tasks ${name} would be at ${Math.round(percent)} %, too close to the alarm's ${threshold} %`;
  }
  return undefined;
}
