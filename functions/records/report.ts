/** What a report says, before Markdown or HTML gives it its form. Pure: the timeline alone decides. Texts are plain, and escaped by each form. */
import type { EntryKind, IncidentState, IncidentWithTimeline, JournalEntry, Severity } from '../../events/journal.ts';
import { reduceIncident } from '../engine/reducer.ts';
import { type Recovery, recoveryOf } from './recovery.ts';

/** What a line of the timeline is about. */
export const TOPICS = ['seen', 'decided', 'changed', 'verified', 'called', 'person', 'ended', 'noted'] as const;
export type Topic = (typeof TOPICS)[number];

const TOPIC: Readonly<Partial<Record<EntryKind, Topic>>> = {
  opened: 'seen',
  signal: 'seen',
  'alarm-ok': 'seen',
  diagnosed: 'seen',
  decided: 'decided',
  intent: 'decided',
  acted: 'changed',
  'act-failed': 'changed',
  'handed-back': 'changed',
  'left-as-is': 'changed',
  verified: 'verified',
  'not-verified': 'verified',
  escalated: 'called',
  paged: 'called',
  resolved: 'ended',
};

/** What a person wrote is theirs, whatever its kind. */
export const topicOf = ({ kind, by }: Pick<JournalEntry, 'kind' | 'by'>): Topic =>
  by.startsWith('person:') ? 'person' : (TOPIC[kind] ?? 'noted');

export interface Fact {
  readonly label: string;
  /** Undefined: only a person knows. */
  readonly value: string | undefined;
}

/** A change with what it was meant to do. */
export interface ReportedChange {
  readonly at: string;
  readonly remediation: string;
  readonly change: string;
  readonly before: string;
  readonly after: string;
  readonly undo: string;
  readonly status: string;
}

/** How long the incident stood in a state; offsets from its beginning. */
export interface Span {
  readonly state: IncidentState;
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Report {
  readonly incident: IncidentWithTimeline;
  readonly facts: readonly Fact[];
  readonly changes: readonly ReportedChange[];
  readonly spans: readonly Span[];
  /** From the first line to the last; at least 1. */
  readonly lengthMs: number;
  /** Severe ones get a post-mortem, of which this is the draft. */
  readonly isReviewed: boolean;
  /** What the journal tells of what helped and what didn't: where a review begins, not what it comes to. */
  readonly helped: readonly string[];
  readonly didNotHelp: readonly string[];
  /** Of a run of a recovery plan. */
  readonly recovery?: Recovery;
}

/** Runbook 001, line 376: a post-mortem within 48 hours; the runbooks ask for one after the severe ones. */
const REVIEW_WITHIN_MS = 48 * 3_600_000;
const REVIEWED: readonly Severity[] = ['P1', 'P2'];

/** Until when its review is due (ISO 8601); undefined: it gets none, or isn't over. */
export const reviewDueAt = ({
  severity,
  resolvedAt,
}: Pick<IncidentWithTimeline, 'severity' | 'resolvedAt'>): string | undefined =>
  REVIEWED.includes(severity) && resolvedAt !== undefined
    ? new Date(Date.parse(resolvedAt) + REVIEW_WITHIN_MS).toISOString()
    : undefined;

/** The incident report of runbook 003 (lines 615 to 643), as far as the journal knows. */
export function reportOf(incident: IncidentWithTimeline): Report {
  const isReviewed = REVIEWED.includes(incident.severity);
  const begin = Date.parse(incident.openedAt);
  const recovery = recoveryOf(incident);
  const last = Math.max(begin, ...incident.timeline.map(({ at }) => Date.parse(at)));
  return {
    incident,
    facts: factsOf(incident, isReviewed),
    changes: changesOf(incident),
    spans: spansOf(incident, begin, last),
    lengthMs: Math.max(1, last - begin),
    isReviewed,
    helped: saidBy(incident, ['verified']),
    didNotHelp: saidBy(incident, ['act-failed', 'not-verified', 'left-as-is', 'undelivered']),
    ...(recovery && { recovery }),
  };
}

const saidBy = ({ timeline }: IncidentWithTimeline, kinds: readonly EntryKind[]): string[] =>
  timeline.filter(({ kind }) => kinds.includes(kind)).map(({ summary }) => summary);

function factsOf(incident: IncidentWithTimeline, isReviewed: boolean): Fact[] {
  const due = reviewDueAt(incident);
  const { timeline, openedAt, resolvedAt, acknowledgedAt, acknowledgedBy } = incident;
  const since = (at: string | undefined) =>
    at && `${timeText(at)} (${durationText(Date.parse(at) - Date.parse(openedAt))} after the beginning)`;
  const firstAt = (kind: EntryKind) => timeline.find((entry) => entry.kind === kind)?.at;
  const calls = timeline.filter(({ kind }) => kind === 'escalated').length;
  const ended = resolvedAt && Date.parse(resolvedAt) - Date.parse(openedAt);
  return [
    { label: 'Incident', value: incident.id },
    { label: 'Service', value: incident.target },
    { label: 'Severity', value: incident.severity },
    { label: 'Status', value: incident.state },
    { label: 'Began', value: timeText(openedAt) },
    { label: 'First change', value: since(firstAt('acted')) ?? 'nothing was changed' },
    { label: 'First call to a person', value: since(firstAt('escalated')) ?? 'nobody had to be called' },
    ...(acknowledgedAt
      ? [{ label: 'Acknowledged', value: `${since(acknowledgedAt)} by ${nameOf(acknowledgedBy)}` }]
      : []),
    { label: 'Resolved', value: resolvedAt ? timeText(resolvedAt) : 'not yet' },
    {
      label: 'Duration (recovery time achieved)',
      value: ended === undefined || ended === '' ? 'not over yet' : durationText(ended),
    },
    { label: 'Calls to people', value: String(calls) },
    ...(isReviewed
      ? [
          ...timesOf(incident),
          { label: 'Impact on users', value: undefined },
          { label: 'Data loss (recovery point achieved)', value: undefined },
          { label: 'Commander', value: undefined },
          ...(due ? [{ label: 'Review due', value: timeText(due) }] : []),
        ]
      : []),
  ];
}

/**
 * How long detecting, acknowledging and mitigating took, as far as the journal tells. Mitigated is what no alarm tells of any more: when the last of its alarms was
 * over, before the incident was. That isn't known of what no alarm tells.
 */
function timesOf({ timeline, openedAt, acknowledgedAt, resolvedAt, alarms }: IncidentWithTimeline): Fact[] {
  const first = timeline.find(({ kind }) => kind === 'signal');
  const fired = typeof first?.data.at === 'string' ? Date.parse(first.data.at) : Number.NaN;
  const over = timeline.findLast(
    ({ kind, at }) => kind === 'alarm-ok' && (resolvedAt === undefined || at <= resolvedAt),
  );
  const isOver = over && Object.values(alarms).every((state) => state === 'OK');
  const from = (at: string, begin: number) => durationText(Date.parse(at) - begin);
  const opened = Date.parse(openedAt);
  const count = Object.keys(alarms).length;
  return [
    {
      label: 'Time to detect (from the alarm)',
      value: first && Number.isFinite(fired) ? from(first.at, fired) : 'not known: no alarm with a time opened it',
    },
    {
      label: 'Time to acknowledge',
      value: acknowledgedAt ? from(acknowledgedAt, opened) : 'nobody acknowledged it',
    },
    {
      label: 'Time to mitigate',
      value: isOver ? from(over.at, opened) : 'not known: no end of all its alarms was told',
    },
    { label: 'Time to resolve', value: resolvedAt ? from(resolvedAt, opened) : 'not over yet' },
    {
      label: 'Impact measured',
      value:
        isOver && Number.isFinite(fired)
          ? `${count} alarm${count === 1 ? '' : 's'}, firing for ${from(over.at, fired)} from the first to the last`
          : 'not known: nothing measured it from beginning to end',
    },
  ];
}

const nameOf = (by: string | undefined): string => (by ?? '').replace(/^person:/, '');

/** The cause that is known: what the first alarm said. */
export const causeOf = ({ timeline }: IncidentWithTimeline): string | undefined =>
  timeline.find(({ kind }) => kind === 'signal')?.summary;

function changesOf({ timeline, actions }: IncidentWithTimeline): ReportedChange[] {
  const status = new Map(actions.map((action) => [action.actionId, action.status]));
  return timeline
    .filter(({ kind }) => kind === 'intent')
    .map(({ at, data }) => ({
      at,
      remediation: text(data.remediation),
      change: text(data.change),
      before: plain(data.before),
      after: plain(data.after),
      undo: text(data.undo),
      status: status.get(text(data.actionId)) ?? 'intended',
    }));
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/** Longest state that is shown; the JSON has all of it. */
const LONGEST_STATE = 400;

function plain(value: unknown): string {
  if (value === undefined) return '';
  const written = words(value);
  return written.length > LONGEST_STATE
    ? `${written.slice(0, LONGEST_STATE - 1).replace(/[\uD800-\uDBFF]$/, '')}…`
    : written;
}

/** "desiredCount: 2" for what is flat; JSON for the rest. */
function words(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  const fields = Object.entries(value);
  const isFlat = !Array.isArray(value) && fields.every(([, field]) => typeof field !== 'object' || field === null);
  return isFlat ? fields.map(([key, field]) => `${key}: ${field}`).join(', ') : JSON.stringify(value);
}

/** The state after each line that may change it. */
function spansOf({ timeline }: IncidentWithTimeline, begin: number, last: number): Span[] {
  const spans: Span[] = [];
  let state: IncidentState = 'open';
  let from = 0;
  for (const [index, entry] of timeline.entries()) {
    if (topicOf(entry) === 'seen' || entry.kind === 'note') continue;
    const next: IncidentState = reduceIncident(timeline.slice(0, index + 1))?.state ?? state;
    if (next === state) continue;
    const at = Math.max(from, Date.parse(entry.at) - begin);
    if (at > from) spans.push({ state, fromMs: from, toMs: at });
    [state, from] = [next, at];
  }
  const end = Math.max(1, last - begin);
  if (end > from || spans.length === 0) spans.push({ state, fromMs: from, toMs: end });
  return spans;
}

/** "2026-11-20 03:00:00.123 UTC": a report is read in any time zone. */
export const timeText = (iso: string): string => `${iso.replace('T', ' ').replace('Z', '')} UTC`;

/** "1 h 2 min", "3 min 4 s", "5.6 s". */
export function durationText(ms: number): string {
  const seconds = Math.abs(ms) / 1000;
  const sign = ms < 0 ? '-' : '';
  if (seconds < 60) return `${sign}${Number(seconds.toFixed(1))} s`;
  const [days, hours] = [Math.floor(seconds / 86_400), Math.floor((seconds % 86_400) / 3600)];
  const [minutes, rest] = [Math.floor((seconds % 3600) / 60), Math.floor(seconds % 60)];
  if (days > 0) return `${sign}${days} d ${hours} h`;
  if (hours > 0) return `${sign}${hours} h ${minutes} min`;
  return rest > 0 ? `${sign}${minutes} min ${rest} s` : `${sign}${minutes} min`;
}

/**
 * Names and reasons of alarms come from anyone who may write a metric. A spreadsheet takes text that begins with one of these for a formula ("CSV
 * injection", OWASP), so it gets an apostrophe; signs that change the direction of text or the terminal are shown as what they are.
 */
export function defused(value: string): string {
  const visible = value
    .replace(/[\p{Cc}\u2028\u2029]+/gu, ' ')
    .replace(/[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g, '\ufffd')
    .trim();
  return /^[=+\-@|%]/.test(visible) ? `'${visible}` : visible;
}
