/** Whether a drill may begin, and what came of it. Pure. */
import type { IncidentWithTimeline } from '../../../events/journal.ts';
import type { RuntimeConfig } from '../../engine/config.ts';
import { DRILL_JOB } from '../../engine/drills.ts';
import { jobTarget } from '../../engine/job-head.ts';
import type { Json } from '../../engine/remediation.ts';
import { isAutoScalingAlarm } from '../../engine/sources/cloudwatch-alarm.ts';
import type { CleanUp, Step, Verdict } from '../job.ts';

/** Kept between turns. */
export type State = {
  /** As configured when it began, so that what it started can still be taken back. Empty: the drill isn't configured any more. */
  readonly plan: string;
  /** `waits` for a time without trouble; `starts` the rehearsal that `attempt` names; `follows` it. */
  readonly phase: 'waits' | 'starts' | 'follows';
  /** Rehearsals begun: one that made way for a real run is followed by another. */
  readonly attempt: number;
  /** Of them: refused by the plan. */
  readonly refused: number;
  /** When it was started (epoch milliseconds). */
  readonly startedAt: number;
  /** It is run, not rehearsed (`DrillConfig`). */
  readonly forReal?: true;
};

/** What a run is called to people. */
const done = ({ forReal }: Pick<State, 'forReal'>): string => (forReal ? 'run' : 'rehearsed');

/** Of a rehearsal's item, what is asked here (`RunItem`, functions/recovery/items.ts). */
export interface Rehearsal {
  readonly phase: 'working' | 'backing-out' | 'ended';
  readonly verdict?: 'recovered' | 'rehearsed' | 'backed-out' | 'needs-person' | 'refused';
  readonly summary?: string;
  readonly why?: string;
  /** It was refused for a reason that passes by itself. */
  readonly passes?: true;
  readonly stop?: { readonly by: string; readonly reason: string };
  readonly incidentId: string;
  readonly figures?: {
    readonly recoveryTimeMs: number;
    readonly frozenMs: number;
    readonly targetRecoveryTimeMs: number;
    readonly dataLossMs?: number | null;
    readonly targetDataLossMs?: number;
  };
}

/** A tenth of what it has lasted: a drill of hours takes few turns, one of seconds isn't told minutes later. */
const followPollSeconds = (lastedMs: number): number => Math.min(60, Math.max(5, Math.round(lastedMs / 10_000)));
/** So long it waits for a time without trouble; then a person is told that it wasn't rehearsed. */
export const WAITS_MS = 12 * 3_600_000;
/** What the plan refuses this often for a reason that doesn't pass by itself (a wrong input, say) isn't tried again. */
const MOST_REFUSALS = 3;
/** An execution that was started and wrote nothing by then never will. */
const BEGINS_WITHIN_MS = 900_000;

/**
 * What speaks against an exercise just now, a phrase each: somebody is busy with trouble. Advice (P4) is no trouble, nor is what came of earlier drills, which only the
 * next one mends.
 */
export function redBy(
  incidents: readonly Pick<IncidentWithTimeline, 'id' | 'state' | 'severity' | 'target' | 'title'>[],
  alarms: readonly AlarmSeen[],
  config: Pick<RuntimeConfig, 'services' | 'databases'>,
): string[] {
  const own = jobTarget({ job: DRILL_JOB, subject: '' });
  const open = incidents.filter(
    ({ state, severity, target }) => state !== 'resolved' && severity !== 'P4' && !target.startsWith(own),
  );
  return [
    ...open.map(({ severity, title, id }) => `${severity} ${title} (${id}) is open`),
    ...alarms.filter((alarm) => isOfOurs(alarm, config)).map(({ name }) => `the alarm ${name} fires`),
  ];
}

export interface AlarmSeen {
  readonly name: string;
  readonly description: string | undefined;
  /** Of its metric, or of each that its expression is made of. */
  readonly dimensions: readonly Readonly<Record<string, string>>[];
}

/** What alarms of advice made here begin with (`ProtectedAlarm`, infra/constructs): a service that idles, say. */
const ADVICE = 'P4.';

/** Of something that is protected, by the dimensions of its metrics; auto scaling's own alarms fire all the time. */
function isOfOurs(
  { name, description, dimensions }: AlarmSeen,
  { services, databases }: Pick<RuntimeConfig, 'services' | 'databases'>,
): boolean {
  if (description?.startsWith(ADVICE) || isAutoScalingAlarm(name, description)) return false;
  return dimensions.some((of) => {
    if (Object.hasOwn(databases, of.DBInstanceIdentifier ?? '')) return true;
    return Object.values(services).some(
      ({ cluster, service, balancedBy }) =>
        (of.ClusterName === cluster && of.ServiceName === service) ||
        (balancedBy !== undefined && of.TargetGroup === balancedBy.targetGroup),
    );
  });
}

const failed = (check: string, summary: string, report: Verdict['report'] = {}): Verdict => ({
  ...{ kind: 'failed', check, summary, report },
});

export interface Waiting {
  /** When the run was due (epoch milliseconds). */
  readonly since: number;
  /** Epoch milliseconds. */
  readonly now: number;
  readonly recheckAfterSeconds: number;
}

export function whileWaiting(
  state: State,
  red: readonly string[],
  { since, now, recheckAfterSeconds }: Waiting,
): Step<State> {
  if (red.length === 0)
    return {
      kind: 'wait',
      seconds: 1,
      state: { ...state, phase: 'starts', attempt: state.attempt + 1 },
      note: 'begins',
    };
  const note = `nothing is ${done(state)} while ${red.slice(0, 3).join(', ')}${red.length > 3 ? ` and ${red.length - 3} more` : ''}`;
  if (now < since + WAITS_MS) return { kind: 'wait', seconds: recheckAfterSeconds, state, note };
  return { kind: 'verdict', state, verdict: failed('red', `not ${done(state)} within 12 hours: ${note}`) };
}

/** A start that isn't made yet, because it is tried again and again, waits for what became red meanwhile: under its name, because it may have been made. */
export const startsLater = (
  state: State,
  red: readonly string[],
  { since, now, recheckAfterSeconds }: Waiting,
): Step<State> | undefined =>
  red.length === 0 ? undefined : { ...whileWaiting(state, red, { since, now, recheckAfterSeconds }), state };

/** It was begun to be run, and the configuration wants a rehearsal by now. */
export const asRehearsal = ({ forReal: _no, ...state }: State): State => state;

export const started = (state: State, now: number): Step<State> => ({
  ...{ kind: 'wait', seconds: 5, state: { ...state, phase: 'follows', startedAt: now }, note: 'was started' },
});

/** What is known of a drill and its earlier times. */
export interface Known {
  readonly plan: string;
  readonly execution: string;
  readonly recheckAfterSeconds: number;
  /** When the drill was due (epoch milliseconds). */
  readonly since: number;
  /** Of earlier rehearsals of this drill that came to their end, newest first, in milliseconds. */
  readonly earlierMs: readonly number[];
}

export function whileFollowing(state: State, rehearsal: Rehearsal | undefined, known: Known, now: number): Step<State> {
  const { plan, execution } = known;
  if (!rehearsal) {
    if (now < state.startedAt + BEGINS_WITHIN_MS)
      return { kind: 'wait', seconds: 10, state, note: `${execution} is to begin` };
    return {
      kind: 'verdict',
      state,
      verdict: failed('not-begun', `${execution} of ${plan} was started and never began`),
    };
  }
  if (rehearsal.phase !== 'ended')
    return {
      ...{ kind: 'wait', seconds: followPollSeconds(now - state.startedAt), state },
      note: `${execution} is ${rehearsal.phase}`,
    };
  const { verdict, summary = '', why = '', stop } = rehearsal;
  const again = (more: Partial<State>, note: string): Extract<Step<State>, { readonly kind: 'wait' }> => ({
    ...{ kind: 'wait', seconds: known.recheckAfterSeconds, state: { ...state, ...more, phase: 'waits' }, note },
  });
  if (verdict === (state.forReal ? 'recovered' : 'rehearsed'))
    return { kind: 'verdict', state, verdict: judge(rehearsal, known) };
  if (verdict === 'refused' && rehearsal.passes) {
    // Each try is an execution and an item that is kept for a year: less and less often.
    const seconds = Math.max(known.recheckAfterSeconds, Math.round((now - known.since) / 10_000));
    if (now < known.since + WAITS_MS) return { ...again({}, `${plan} refused it for now: ${why}`), seconds };
    return { kind: 'verdict', state, verdict: failed('refused', `${plan} refused it for 12 hours: ${why}`) };
  }
  if (verdict === 'refused') {
    const refused = state.refused + 1;
    if (refused < MOST_REFUSALS) return again({ refused }, `${plan} refused it: ${why}`);
    return { kind: 'verdict', state, verdict: failed('refused', `${plan} refused it ${refused} times: ${why}`) };
  }
  if (verdict === 'backed-out' && stop && !stop.by.startsWith('person:'))
    return again({}, `${execution} made way: ${stop.reason}`);
  return {
    kind: 'verdict',
    state,
    verdict: failed(state.forReal ? 'run' : 'rehearsal', `${plan} ${summary}`, reportOf(rehearsal, known)),
  };
}

/** More than so many times as long as usual, and by more than a minute: worse, not chance. */
const REGRESSION = 1.5;
const REGRESSION_MS = 60_000;
/** So many earlier ones say what is usual: their median, so that one slow one doesn't. */
const USUAL_OF = 5;

/** Whether one time is worse than another by more than chance (milliseconds). */
export const isSlower = (tookMs: number, usual: number): boolean =>
  tookMs > usual * REGRESSION && tookMs > usual + REGRESSION_MS;

/** The median of the last few; undefined without any. Pure. */
export function usualMs(earlierMs: readonly number[]): number | undefined {
  const last = earlierMs.slice(0, USUAL_OF).toSorted((a, b) => a - b);
  return last[Math.floor((last.length - 1) / 2)];
}

function judge(rehearsal: Rehearsal, known: Known): Verdict {
  const { plan, earlierMs } = known;
  const { figures } = rehearsal;
  if (!figures) return failed('figures', `${plan} came to its end, and left no figures: deploy again`);
  const report = reportOf(rehearsal, known);
  const { targetRecoveryTimeMs, dataLossMs, targetDataLossMs } = figures;
  const tookMs = workedMs(figures);
  const usual = usualMs(earlierMs);
  const took = `${plan} took ${seconds(tookMs)}`;
  if (tookMs > targetRecoveryTimeMs)
    return failed('recovery-time', `${took}, longer than its target of ${seconds(targetRecoveryTimeMs)}`, report);
  if (typeof dataLossMs === 'number' && targetDataLossMs !== undefined && dataLossMs > targetDataLossMs)
    return failed(
      'data-loss',
      `${plan} would have lost ${seconds(dataLossMs)} of data, more than its target of ${seconds(targetDataLossMs)}`,
      report,
    );
  if (usual !== undefined && isSlower(tookMs, usual))
    return failed('regression', `${took}, where ${seconds(usual)} was usual before (its target is still kept)`, report);
  const loss =
    dataLossMs === undefined
      ? ''
      : dataLossMs === null
        ? '; what it would have lost is unknown'
        : `; ${seconds(dataLossMs)} of data would have been lost`;
  return { kind: 'passed', summary: `${took} of ${seconds(targetRecoveryTimeMs)}${loss}`, report };
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
const workedMs = ({ recoveryTimeMs, frozenMs }: NonNullable<Rehearsal['figures']>): number => recoveryTimeMs - frozenMs;

/** What later drills and people read of it. */
const reportOf = ({ figures, verdict = 'refused', incidentId }: Rehearsal, { plan, execution, earlierMs }: Known) => ({
  ...{ plan, execution, verdict, incidentId },
  ...(figures && {
    // Only what came to its end is a time to compare with.
    ...((verdict === 'rehearsed' || verdict === 'recovered') && { recoveryTimeMs: workedMs(figures) }),
    targetRecoveryTimeMs: figures.targetRecoveryTimeMs,
    ...(figures.dataLossMs !== undefined && { dataLossMs: figures.dataLossMs }),
    ...(figures.targetDataLossMs !== undefined && { targetDataLossMs: figures.targetDataLossMs }),
    ...(usualMs(earlierMs) !== undefined && { usualMs: usualMs(earlierMs) as number }),
  }),
});

/** The time in the report of an earlier drill; undefined: it didn't come to its end, or was a run and this is a rehearsal, or the other way round: neither is usual for the other. */
export function timeIn(
  report: Readonly<Record<string, Json>> | undefined,
  { forReal }: Pick<State, 'forReal'> = {},
): number | undefined {
  const time = report?.recoveryTimeMs;
  return typeof time === 'number' && (report?.verdict === 'recovered') === (forReal === true) ? time : undefined;
}

/** What is left to do so that nothing of a rehearsal stays behind. */
export type Cleaning =
  | { readonly kind: 'clean' }
  | { readonly kind: 'look-again'; readonly note: string }
  /** The run is asked to back out. */
  | { readonly kind: 'stop' }
  /** Nobody takes its turns any more: another execution takes it up. */
  | { readonly kind: 'take-up' };

/** @param status of its execution, as Step Functions tells it; undefined: there is none. */
export function nextCleaning(
  { plan, phase }: Pick<State, 'plan' | 'phase'>,
  rehearsal: Rehearsal | undefined,
  status: string | undefined,
): Cleaning {
  // It waits for its first rehearsal, or the one before is over.
  if (plan === '' || phase === 'waits' || rehearsal?.phase === 'ended') return { kind: 'clean' };
  const isRunning = status === 'RUNNING';
  if (!rehearsal) return isRunning ? { kind: 'look-again', note: 'its rehearsal is to begin' } : { kind: 'clean' };
  if (rehearsal.phase === 'working' && !rehearsal.stop) return { kind: 'stop' };
  return isRunning ? { kind: 'look-again', note: 'its rehearsal is being taken back' } : { kind: 'take-up' };
}

export const cleaningOn = (note: string): CleanUp => ({ kind: 'wait', seconds: 30, note });
