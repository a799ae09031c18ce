/**
 * How an incident goes on, as its timeline tells at a moment: who has it in hand, whom it touches besides, and what comes next by when. What isn't known
 * is left out, so that no message makes it up. Pure.
 */
import type { IncidentWithTimeline, JournalEntry } from '../../../events/journal.ts';
import type { IncidentEvent } from '../../../events/published/notification.ts';
import { type EscalationRules, nextCall, type Standing, standingOf } from '../../engine/escalation.ts';

export type Outlook = NonNullable<IncidentEvent['incident']['outlook']>;

interface Ahead {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly what: string;
}

/** No date is later (ECMAScript, "Time Values and Time Range"). */
const LATEST = 8.64e15;

/** Most other targets that are named. */
const OTHERS = 5;

/** @param now when the entry that is told was written (epoch milliseconds); `incident` as it stood then. */
export function outlookOf(incident: IncidentWithTimeline, rules: EscalationRules, now: number): Outlook {
  const standing = standingOf(incident, rules, now);
  const others = othersIn(incident);
  if (incident.resolvedAt !== undefined && standing.kind === 'not-needed') return others;
  const proof = firstOf(proofs(incident), now);
  const next = firstOf(
    [...proofs(incident), ...looks(incident), ...answers(incident), ...calls(incident, standing, rules, now)],
    now,
  );
  return {
    ...others,
    ...inHandIn(incident, standing),
    ...calledIn(standing, rules),
    ...(proof && { provedBy: new Date(proof.at).toISOString() }),
    ...(next && { next: { at: new Date(next.at).toISOString(), what: next.what } }),
  };
}

const firstOf = (ahead: readonly Ahead[], now: number): Ahead | undefined =>
  ahead.filter(({ at }) => at >= now && at <= LATEST).sort((a, b) => a.at - b.at)[0];

/** Targets of alarms that were taken to be of the same trouble. */
function othersIn({ target, timeline }: IncidentWithTimeline): Pick<Outlook, 'alsoConcerned'> {
  const joined = timeline.flatMap(({ kind, data }) =>
    kind === 'joined' && typeof data.target === 'string' && data.target !== target ? [data.target] : [],
  );
  return joined.length > 0 ? { alsoConcerned: [...new Set(joined)].slice(0, OTHERS) } : {};
}

/** Whoever said so last, also when nobody was called; not what was said before the last end. */
function inHandIn({ timeline }: IncidentWithTimeline, standing: Standing): Pick<Outlook, 'inHandOf'> {
  if (standing.kind === 'attended') return standing.how === 'snoozed' ? {} : { inHandOf: standing.by };
  if (standing.kind === 'unattended') return {};
  const last = timeline.findLast(({ kind }) => ['acknowledged', 'taken-over', 'released', 'resolved'].includes(kind));
  return last?.kind === 'acknowledged' || last?.kind === 'taken-over' ? { inHandOf: last.by } : {};
}

function calledIn(standing: Standing, { escalation }: EscalationRules): Pick<Outlook, 'calledLevel'> {
  if (standing.kind !== 'unattended' || standing.calls.length === 0) return {};
  const level = Math.max(...standing.calls.map((call) => call.level));
  return { calledLevel: escalation.levels[level - 1]?.name ?? `level ${level}` };
}

const timeIn = (value: unknown): number[] => {
  const at = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? [] : [at];
};

/** Deadlines of changes that wait for their proof. */
function proofs({ actions, timeline }: IncidentWithTimeline): Ahead[] {
  const waiting = new Set(
    actions.filter(({ status }) => status === 'intended' || status === 'done').map(({ actionId }) => actionId),
  );
  const intents = timeline.filter(({ kind, data }) => kind === 'intent' && waiting.has(String(data.actionId)));
  return intents
    .flatMap(({ data }) => timeIn(data.verifyBy))
    .map((at) => ({ at, what: 'looks by then whether the change helped' }));
}

/** When what was held or refused is looked at again. */
function looks({ timeline }: IncidentWithTimeline): Ahead[] {
  const last = timeline.findLast(({ kind }) => kind === 'decided');
  return timeIn(recheckAtIn(last)).map((at) => ({ at, what: 'looks at the target again' }));
}

function recheckAtIn(entry: JournalEntry | undefined): unknown {
  const outcome = entry?.data.outcome;
  return typeof outcome === 'object' && outcome !== null && 'recheckAt' in outcome ? outcome.recheckAt : undefined;
}

function answers({ state, timeline }: IncidentWithTimeline): Ahead[] {
  if (state !== 'waiting-approval') return [];
  const asked = timeline.findLast(({ kind }) => kind === 'approval-requested');
  return timeIn(asked?.data.validUntil).map((at) => ({ at, what: 'waits so long for the answer' }));
}

function calls(incident: IncidentWithTimeline, standing: Standing, rules: EscalationRules, now: number): Ahead[] {
  if (standing.kind === 'attended') return [{ at: standing.until, what: 'calls people again unless it is over' }];
  const call = nextCall(incident, rules, now);
  return call ? [{ at: Math.max(call.at, now), what: `calls ${call.name} unless somebody acknowledges` }] : [];
}
