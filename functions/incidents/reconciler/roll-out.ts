/**
 * One target first, then a tenth, then the rest (design section 4, Storms): how many targets that wait for the same runbook are let go at a
 * time. What one change does is seen on few before it is made on many. Pure. Docs: docs/storms.md, "Afterwards".
 */
import type { JournalEntry } from '../../../events/journal.ts';

export const STAGES = ['first', 'tenth', 'rest'] as const;
export type Stage = (typeof STAGES)[number];

/** A target that was let go, and is watched until it is known what came of it. */
export interface Released {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly incidentId: string;
}

/** A roll-out under way, as the journal keeps it: one for each remediation. */
export interface RollOut {
  readonly stage: Stage;
  readonly startedAt: number;
  /** Targets that waited when it began: a tenth is a tenth of these. */
  readonly total: number;
  /** Targets of this stage that nothing is known of yet, by their key. */
  readonly watched: Readonly<Record<string, Released>>;
  /** Targets of this stage whose change was verified. */
  readonly proved: number;
  /** Targets of this stage that were let go and put off again, for a reason of their own. */
  readonly putOff: readonly string[];
  /** A verification failed: nothing is let go until then. */
  readonly stopped?: { readonly until: number; readonly target: string; readonly why: string };
}

/** A target with at least one signal that is due, and nothing in hand. */
export interface Waiting {
  readonly target: string;
  readonly incidentId: string;
  /** When its incident was opened (epoch milliseconds). */
  readonly openedAt: number;
}

/**
 * What came of a target since it was let go. `put-off`: nothing was changed (held, refused, a person was called, or it was quiet by itself), so it
 * proves nothing and speaks against nothing.
 */
export type Fate =
  | { readonly kind: 'waits' | 'proved' | 'put-off' }
  | { readonly kind: 'failed'; readonly why: string };

export interface RollOutLimits {
  /** Up to so many waiting targets are let go together, as in a storm that isn't one (`storm.targets`). */
  readonly above: number;
  /** How long a failed verification stops it (`handsOffSeconds`). */
  readonly stopForMs: number;
  readonly now: number;
}

export interface RollOutStep {
  /** What the journal keeps; undefined: no roll-out is under way. */
  readonly next: RollOut | undefined;
  /** Targets that may go now. */
  readonly release: readonly Waiting[];
  /** A person is called: this target's verification failed, so the others wait. */
  readonly page?: { readonly target: string; readonly incidentId: string; readonly why: string };
}

const TENTH = 10;
const HOUR_MS = 3_600_000;

/**
 * The next step of a roll-out, or the beginning of one.
 * @param waiting Oldest first, each target once.
 * @param fates Of the targets in `rollOut.watched`; one that is missing waits.
 */
export function planRollOut(
  rollOut: RollOut | undefined,
  waiting: readonly Waiting[],
  fates: ReadonlyMap<string, Fate>,
  limits: RollOutLimits,
): RollOutStep {
  const { now, above } = limits;
  if (rollOut?.stopped && now < rollOut.stopped.until) return { next: rollOut, release: [] };
  if (!rollOut || rollOut.stopped) {
    // After a failure also few begin with one.
    const few = rollOut ? 1 : above;
    return waiting.length <= few ? { next: undefined, release: waiting } : begin(waiting, now);
  }
  const seen = withFates(rollOut, fates);
  const [failed] = Object.entries(rollOut.watched).filter(([target]) => fates.get(target)?.kind === 'failed');
  if (failed) return stop(seen, failed, fates, limits);
  if (rollOut.stage === 'rest') return goOn(seen, waiting, limits);
  if (Object.keys(seen.watched).length > 0) return { next: seen, release: [] };
  // Nothing proved: others of the same stage are tried, those that were put off only when there are no others.
  const stage = seen.proved > 0 ? following(rollOut.stage) : rollOut.stage;
  const fresh = waiting.filter(({ target }) => !rollOut.putOff.includes(target) && !seen.putOff.includes(target));
  const candidates = stage === rollOut.stage && fresh.length > 0 ? fresh : waiting;
  if (candidates.length === 0) return { next: undefined, release: [] };
  return letGo({ ...seen, stage, proved: 0, putOff: stage === rollOut.stage ? seen.putOff : [] }, candidates, now);
}

const following = (stage: Stage): Stage => STAGES[STAGES.indexOf(stage) + 1] ?? 'rest';

const begin = (waiting: readonly Waiting[], now: number): RollOutStep =>
  letGo({ stage: 'first', startedAt: now, total: waiting.length, watched: {}, proved: 0, putOff: [] }, waiting, now);

/** As many as the stage allows, watched from now on. */
function letGo(rollOut: RollOut, waiting: readonly Waiting[], now: number): RollOutStep {
  const most = { first: 1, tenth: Math.ceil(rollOut.total / TENTH), rest: waiting.length }[rollOut.stage];
  const release = waiting.slice(0, most);
  const added = release.map(({ target, incidentId }) => [target, { at: now, incidentId }] as const);
  return { next: { ...rollOut, watched: { ...rollOut.watched, ...Object.fromEntries(added) } }, release };
}

/**
 * The rest goes as it comes; the roll-out is over when nobody of it waits and nobody is watched. Many that got into trouble after it began are a
 * matter of their own: they wait for its end, and then begin with one.
 */
function goOn(seen: RollOut, waiting: readonly Waiting[], { now, above }: RollOutLimits): RollOutStep {
  const fresh = waiting.filter(({ target }) => !(target in seen.watched));
  const ours = fresh.filter(({ openedAt }) => openedAt <= seen.startedAt);
  if (ours.length === 0 && Object.keys(seen.watched).length === 0)
    return planRollOut(undefined, fresh, new Map(), { now, above, stopForMs: 0 });
  return letGo(seen, fresh.length - ours.length > above ? ours : fresh, now);
}

function withFates(rollOut: RollOut, fates: ReadonlyMap<string, Fate>): RollOut {
  const kind = (target: string) => fates.get(target)?.kind ?? 'waits';
  const targets = Object.keys(rollOut.watched);
  return {
    ...rollOut,
    watched: Object.fromEntries(Object.entries(rollOut.watched).filter(([target]) => kind(target) === 'waits')),
    proved: rollOut.proved + targets.filter((target) => kind(target) === 'proved').length,
    putOff: [...new Set([...rollOut.putOff, ...targets.filter((target) => kind(target) === 'put-off')])],
  };
}

function stop(
  seen: RollOut,
  [target, { incidentId }]: [string, Released],
  fates: ReadonlyMap<string, Fate>,
  { now, stopForMs }: RollOutLimits,
): RollOutStep {
  const fate = fates.get(target);
  const why = fate?.kind === 'failed' ? fate.why : '';
  return {
    next: { ...seen, watched: {}, stopped: { until: now + stopForMs, target, why } },
    release: [],
    page: { target, incidentId, why },
  };
}

/**
 * What the timeline of a target's incident says of one remediation since the target was let go. A change that was followed by another one of the same
 * remediation because the alarm still fired isn't a failure; one for which a person was called, or the ladder's next rung, is.
 * @param timeline In the order of time.
 * @param giveUpAt Without any line since, it is put off at this time (epoch milliseconds): nobody looked. A change whose end isn't known an hour
 * later has failed, too.
 */
export function fateOf(
  timeline: readonly JournalEntry[],
  remediation: string,
  { at }: Released,
  giveUpAt: number,
  now: number,
): Fate {
  const since = timeline.filter(({ at: time, by }) => Date.parse(time) >= at && by === remediation);
  for (const [index, { kind, data, summary }] of since.entries()) {
    if (kind !== 'not-verified' && kind !== 'act-failed') continue;
    const givenUp = since
      .slice(index + 1)
      .some((each) => each.kind === 'handed-on' || (each.kind === 'escalated' && each.data.actionId === data.actionId));
    if (givenUp) return { kind: 'failed', why: summary };
  }
  const has = (...kinds: readonly JournalEntry['kind'][]) => since.some(({ kind }) => kinds.includes(kind));
  if (has('verified')) return { kind: 'proved' };
  // Whoever ended the incident: without its own verification it proves nothing.
  const isOver = timeline.some(({ at: time, kind }) => kind === 'resolved' && Date.parse(time) >= at);
  if (isOver || has('left-as-is')) return { kind: 'put-off' };
  if (has('intent'))
    return now < giveUpAt + HOUR_MS
      ? { kind: 'waits' }
      : { kind: 'failed', why: 'nobody knows what came of its change' };
  return has('decided', 'escalated', 'handed-on') || now >= giveUpAt ? { kind: 'put-off' } : { kind: 'waits' };
}
