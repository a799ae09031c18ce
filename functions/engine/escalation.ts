/**
 * Who is called while nobody takes an incident in hand, and when: the ladder of design section 11, derived from the timeline alone. Pure, so that
 * the follow-through, the publisher, the notifier, the reconciler and a simulation can't disagree.
 */
import type { IncidentWithTimeline, JournalEntry, Severity } from '../../events/journal.ts';
import { type Day, isOpen, type Window } from './windows.ts';

export interface EscalationLevel {
  /** How timelines call it. */
  readonly name: string;
  /** After a person was first needed. */
  readonly afterMinutes: number;
  /** Channels that tell its calls besides its page. */
  readonly channels: readonly string[];
}

export interface Escalation {
  /** In the order in which they are called; level 1 is the first, called at once. */
  readonly levels: readonly EscalationLevel[];
  readonly acknowledgeWithinMinutes: Readonly<Record<Severity, number>>;
  readonly repeatEveryMinutes: number;
  readonly acknowledgementLastsMinutes: number;
  readonly management?: { readonly afterMinutes: number; readonly channels: readonly string[] };
  readonly businessHours: {
    readonly timeZone: string;
    readonly days: readonly Day[];
    readonly from: string;
    readonly to: string;
  };
}

/** What the ladder goes by. */
export interface EscalationRules {
  readonly escalation: Escalation;
  readonly windows: readonly Window[];
}

/** A call that is to be made; `management` is told once, apart from the levels. */
export interface Call {
  readonly level: number | 'management';
  /** Name of the level. */
  readonly name: string;
  /** When it is due (epoch milliseconds). */
  readonly at: number;
  /** Sentence fragment. */
  readonly why: string;
}

/** Whether somebody is in charge of what needs a person. */
export type Standing =
  /** No person is needed. */
  | { readonly kind: 'not-needed' }
  | {
      readonly kind: 'attended';
      readonly how: 'acknowledged' | 'taken-over' | 'snoozed';
      readonly by: string;
      /** Until then nobody is called (epoch milliseconds). */
      readonly until: number;
    }
  | {
      readonly kind: 'unattended';
      /** Since when a person is needed and nobody has it in hand (epoch milliseconds). */
      readonly since: number;
      /** Calls since then, oldest first. */
      readonly calls: readonly MadeCall[];
      /** The highest level was called and couldn't be reached. */
      readonly failed: boolean;
    };

interface MadeCall {
  readonly entryId: string;
  readonly level: number;
  readonly at: number;
}

const MINUTE_MS = 60_000;
const STEP_MS = 5 * MINUTE_MS;
/** A week repeats within this: what isn't possible by then never is, and is done all the same. */
const HORIZON_MS = 8 * 24 * 60 * MINUTE_MS;

/**
 * The first moment from `at` on in which somebody may be called: at once for P1 and P2; for P3 and P4 in business hours and outside of quiet
 * windows, to five minutes.
 */
export function callableAt(
  severity: Severity,
  target: string,
  at: number,
  { escalation, windows }: EscalationRules,
): number {
  if (severity === 'P1' || severity === 'P2') return at;
  const hours: Window = { name: 'business hours', kind: 'change', ...escalation.businessHours };
  const quiet = windows.filter(
    (window) => window.kind === 'quiet' && (window.targets === undefined || window.targets.includes(target)),
  );
  const may = (instant: number) => isOpen(hours, instant) && !quiet.some((window) => isOpen(window, instant));
  let found = at;
  while (!may(found) && found < at + HORIZON_MS) found += STEP_MS - (found % STEP_MS);
  return found;
}

/** The severity that an incident had when an entry was written. */
export function severityAt(timeline: readonly JournalEntry[], entryId: string): Severity {
  const said = timeline.findLast(({ id, kind }) => id <= entryId && (kind === 'opened' || kind === 'severity-changed'));
  const { severity } = said?.data ?? {};
  return severity === 'P1' || severity === 'P3' || severity === 'P4' ? severity : 'P2';
}

/**
 * Whether the page for an `escalated` entry waits, and until when: P3 and P4 outside of business hours. A storm is more than the incident in which
 * it is told, so its page never waits.
 * @returns undefined when it is sent at once.
 */
export function pageWaitsUntil(
  entry: Pick<JournalEntry, 'id' | 'at' | 'data'>,
  { target, timeline }: Pick<IncidentWithTimeline, 'target' | 'timeline'>,
  rules: EscalationRules,
): number | undefined {
  if (typeof entry.data.headline === 'string') return undefined;
  const at = Date.parse(entry.at);
  const callable = callableAt(severityAt(timeline, entry.id), target, at, rules);
  return callable > at ? callable : undefined;
}

interface Fold {
  neededSince: number | undefined;
  isOver: boolean;
  acknowledged: Attendance | undefined;
  takenOver: Attendance | undefined;
  snoozed: Attendance | undefined;
  calls: MadeCall[];
  undelivered: Set<string>;
}
interface Attendance {
  readonly by: string;
  readonly until: number;
}

/** @returns how the incident stands at `now` (epoch milliseconds), by its timeline. */
export function standingOf(incident: IncidentWithTimeline, rules: EscalationRules, now: number): Standing {
  const fold: Fold = {
    neededSince: undefined,
    isOver: false,
    acknowledged: undefined,
    takenOver: undefined,
    snoozed: undefined,
    calls: [],
    undelivered: new Set(),
  };
  for (const entry of incident.timeline) note(fold, entry, incident, rules);
  if (fold.neededSince === undefined) return { kind: 'not-needed' };
  const held = (['acknowledged', 'taken-over', 'snoozed'] as const)
    .flatMap((how) => {
      const attendance = how === 'taken-over' ? fold.takenOver : fold[how];
      return attendance ? [{ how, ...attendance }] : [];
    })
    .sort((a, b) => b.until - a.until)[0];
  if (held && held.until > now) return { kind: 'attended', ...held };
  const since = Math.max(fold.neededSince, held?.until ?? fold.neededSince);
  const calls = fold.calls.filter(({ at }) => at >= since);
  const highest = highestOf(calls);
  return { kind: 'unattended', since, calls, failed: highest !== undefined && fold.undelivered.has(highest.entryId) };
}

const highestOf = (calls: readonly MadeCall[]): MadeCall | undefined =>
  calls.reduce<MadeCall | undefined>((found, call) => (found && found.level >= call.level ? found : call), undefined);

function note(fold: Fold, entry: JournalEntry, incident: IncidentWithTimeline, rules: EscalationRules): void {
  const at = Date.parse(entry.at);
  const until = typeof entry.data.until === 'number' ? entry.data.until : at;
  switch (entry.kind) {
    case 'escalated':
      fold.neededSince ??= at;
      if (pageWaitsUntil(entry, incident, rules) === undefined) fold.calls.push({ entryId: entry.id, level: 1, at });
      return;
    case 'called':
      // The configuration may have had more levels when it was made.
      if (typeof entry.data.level === 'number')
        fold.calls.push({ entryId: entry.id, level: Math.min(entry.data.level, rules.escalation.levels.length), at });
      return;
    case 'undelivered':
      if (typeof entry.data.for === 'string') fold.undelivered.add(entry.data.for);
      return;
    case 'acknowledged':
      fold.acknowledged = { by: entry.by, until: at + rules.escalation.acknowledgementLastsMinutes * MINUTE_MS };
      return;
    case 'taken-over':
      fold.takenOver = { by: entry.by, until };
      return;
    case 'released':
      if (fold.takenOver) fold.takenOver = { ...fold.takenOver, until: Math.min(fold.takenOver.until, at) };
      return;
    case 'snoozed':
      fold.snoozed = { by: entry.by, until };
      return;
    case 'resolved':
      // Who acknowledged it had the trouble in mind that is over now.
      Object.assign(fold, {
        neededSince: undefined,
        isOver: true,
        acknowledged: undefined,
        snoozed: undefined,
        calls: [],
      });
      return;
    case 'handed-back':
    case 'left-as-is':
      if (fold.isOver) Object.assign(fold, { neededSince: undefined, calls: [] });
      return;
    default:
      return;
  }
}

/**
 * The next call of the ladder, due or still to come; undefined while nobody is to be called. A level is called when its time has come and the one
 * before it had its time to acknowledge; it is called once more when that time is over and the next level isn't due yet; the last level is called
 * again and again. When a level couldn't be reached, the next one is called at once.
 */
export function nextCall(incident: IncidentWithTimeline, rules: EscalationRules, now: number): Call | undefined {
  const standing = standingOf(incident, rules, now);
  if (standing.kind !== 'unattended') return undefined;
  const { escalation } = rules;
  const planned = plan(standing, incident.severity, escalation);
  const name = escalation.levels[planned.level - 1]?.name ?? `level ${planned.level}`;
  return { ...planned, name, at: callableAt(incident.severity, incident.target, planned.at, rules) };
}

type Planned = Omit<Call, 'name' | 'level'> & { readonly level: number };

function plan(
  { since, calls, failed }: Extract<Standing, { kind: 'unattended' }>,
  severity: Severity,
  { levels, acknowledgeWithinMinutes, repeatEveryMinutes }: Escalation,
): Planned {
  const within = acknowledgeWithinMinutes[severity];
  const highest = highestOf(calls);
  if (!highest) return { level: 1, at: since, why: 'nobody has it in hand' };
  const reached = highest.level;
  const unheard: Planned = {
    level: reached,
    at: highest.at + within * MINUTE_MS,
    why: `nobody acknowledged within ${within} min`,
  };
  const wasReminded = calls.filter(({ level }) => level === highest.level).length > 1;
  if (reached < levels.length) {
    const next = levels[reached];
    if (failed) return { level: reached + 1, at: highest.at, why: `level ${reached} could not be reached` };
    const minutes = Math.max(next?.afterMinutes ?? 0, reached * within);
    const climb: Planned = {
      level: reached + 1,
      at: since + minutes * MINUTE_MS,
      why: `nobody acknowledged within ${minutes} min`,
    };
    return !wasReminded && unheard.at < climb.at ? unheard : climb;
  }
  const last = Math.max(...calls.map(({ at }) => at));
  const every = Math.max(repeatEveryMinutes, within);
  const again: Planned = {
    level: reached,
    at: last + every * MINUTE_MS,
    why: `still nobody acknowledged; called again every ${every} min`,
  };
  return !wasReminded && unheard.at < again.at ? unheard : again;
}

/** The word to management: once for each P1 that is open for long enough, whoever has it in hand. */
export function managementCall(incident: IncidentWithTimeline, { escalation }: EscalationRules): Call | undefined {
  const { management } = escalation;
  if (!management || incident.severity !== 'P1' || incident.resolvedAt !== undefined) return undefined;
  if (incident.timeline.some(({ kind, data }) => kind === 'called' && data.level === 'management')) return undefined;
  const { afterMinutes } = management;
  return {
    level: 'management',
    name: 'management',
    at: Date.parse(incident.openedAt) + afterMinutes * MINUTE_MS,
    why: `a P1 is open for ${afterMinutes} min`,
  };
}

/** Whether an escalation only says again what was said before in its incident. */
const isSaidBefore = (entry: JournalEntry, timeline: readonly JournalEntry[]): boolean =>
  entry.kind === 'escalated' &&
  timeline.some(({ id, kind, summary }) => id < entry.id && kind === 'escalated' && summary === entry.summary);

/**
 * Whether the engine only says again what a person who has it in hand knows already: then the page would wake the one who is at work.
 * @param timeline up to the entry.
 */
export function isKnownToWhoeverHasIt(
  entry: JournalEntry,
  incident: IncidentWithTimeline,
  rules: EscalationRules,
): boolean {
  const before = incident.timeline.filter(({ id }) => id < entry.id);
  return (
    isSaidBefore(entry, before) &&
    standingOf({ ...incident, timeline: before }, rules, Date.parse(entry.at)).kind === 'attended'
  );
}
