/** From a journal entry to the event that tells it. Pure. */
import type { Incident, IncidentWithTimeline, JournalEntry } from '../../../events/journal.ts';
import {
  ACTIONS_TAIL,
  DETAIL_TYPES,
  type Happening,
  type IncidentEvent,
  SUMMARY_LIMIT,
  TIMELINE_TAIL,
} from '../../../events/published/notification.ts';
import { type EscalationRules, isKnownToWhoeverHasIt } from '../../engine/escalation.ts';
import { reduceIncident } from '../../engine/reducer.ts';
import type { Json } from '../../engine/remediation.ts';
import { plain } from '../plain.ts';
import { outlookOf } from './outlook.ts';

const HAPPENING: Readonly<Partial<Record<JournalEntry['kind'], Happening>>> = {
  opened: 'opened',
  decided: 'updated',
  acted: 'updated',
  'act-failed': 'updated',
  verified: 'updated',
  'not-verified': 'updated',
  'handed-back': 'updated',
  'left-as-is': 'updated',
  escalated: 'escalated',
  called: 'escalated',
  acknowledged: 'acknowledged',
  'taken-over': 'acknowledged',
  snoozed: 'acknowledged',
  released: 'updated',
  'severity-changed': 'updated',
  diagnosed: 'updated',
  resolved: 'resolved',
  'approval-requested': 'approval',
  approved: 'updated',
  denied: 'updated',
  'approval-ended': 'updated',
};

/**
 * What an entry means to people; undefined for those that are for the record only. A decision is told only when it names a change that wasn't
 * made because of the mode: that something is held is written again at every look, and telling it each time would bury the rest.
 */
export function happeningOf({ kind, data }: Pick<JournalEntry, 'kind' | 'data'>): Happening | undefined {
  // The question itself is told, with what is asked: the call for a person beside it would only be a second message.
  if (kind === 'escalated' && typeof data.asks === 'string') return undefined;
  if (kind === 'decided' && typeof data.change !== 'string') return undefined;
  return HAPPENING[kind];
}

export interface Announcement {
  readonly detailType: (typeof DETAIL_TYPES)[Happening];
  readonly time: Date;
  readonly detail: IncidentEvent;
}

export interface Place {
  readonly deployment: string;
  readonly region: string;
  /** Whom the deployment calls, and when. */
  readonly rules: EscalationRules;
}

/**
 * @param incident with its timeline as the journal holds it now. Only what was written up to the entry's time is told, so that the same entry
 *   gives the same event however late it is told.
 * @returns undefined when the entry isn't told, or when the journal holds no incident for it.
 */
export function announcementOf(
  entry: JournalEntry,
  incident: IncidentWithTimeline | undefined,
  { rules, ...place }: Place,
): Announcement | undefined {
  const happening = happeningOf(entry);
  const then = incident && reduceIncident(incident.timeline.filter((line) => isUpTo(line, entry)));
  if (!happening || !then) return undefined;
  return {
    detailType: DETAIL_TYPES[happening],
    time: new Date(entry.at),
    detail: { version: 1, ...place, ...story(entry, then, rules), look: `nightshift incident ${entry.incidentId}` },
  };
}

/** Entries of one transaction carry one time: they are told together with the first of them. */
const isUpTo = (line: JournalEntry, entry: JournalEntry): boolean => line.at <= entry.at || line.id <= entry.id;

function story(entry: JournalEntry, incident: IncidentWithTimeline, rules: EscalationRules) {
  const { timeline } = incident;
  const { undo } = entry.data;
  const approval = entry.kind === 'approval-requested' ? approvalIn(entry) : undefined;
  return {
    incident: { ...summaryOf(incident, timeline), outlook: outlookOf(incident, rules, Date.parse(entry.at)) },
    entry: {
      id: entry.id,
      at: entry.at,
      kind: entry.kind,
      by: entry.by,
      summary: cut(entry.summary),
      ...(typeof undo === 'string' && undo !== '' && { undo: cut(undo) }),
      ...levelOf(entry),
      ...(isKnownToWhoeverHasIt(entry, incident, rules) && { saidBefore: true as const }),
      ...(happeningOf(entry) === 'acknowledged' && inHand(entry, timeline)),
    },
    ...(approval && { approval }),
    timeline: timeline.slice(-TIMELINE_TAIL).map(({ at, kind, summary }) => ({ at, kind, summary: cut(summary) })),
    timelineOmitted: Math.max(0, timeline.length - TIMELINE_TAIL),
  };
}

/** Which people it calls: channels of that level tell it, too. */
function levelOf({ kind, data: { level } }: JournalEntry): { level?: number | 'management' } {
  if (kind === 'escalated') return { level: 1 };
  return kind === 'called' && (typeof level === 'number' || level === 'management') ? { level } : {};
}

/** Who else was called hears who has it; whoever acknowledged in PagerDuty needn't hear it from there. */
function inHand({ data }: JournalEntry, timeline: readonly JournalEntry[]) {
  const called = [...new Set(timeline.flatMap((line) => levelOf(line).level ?? []))];
  return { ...(called.length > 0 && { called }), ...(data.via === 'pagerduty' && { via: 'pagerduty' as const }) };
}

function summaryOf(incident: Incident, timeline: readonly JournalEntry[]): IncidentEvent['incident'] {
  const { id, title, target, severity, state, openedAt, resolvedAt, actions, alarms } = incident;
  const cause = timeline.find((entry) => entry.kind === 'signal')?.summary;
  return {
    id,
    title: cut(title),
    target,
    severity,
    state,
    openedAt,
    ...(resolvedAt && { resolvedAt }),
    ...(cause && { cause: cut(cause) }),
    alarmsFiring: Object.values(alarms).filter((alarm) => alarm === 'ALARM').length,
    actions: actions
      .slice(-ACTIONS_TAIL)
      .map(({ remediation, change, status }) => ({ remediation, change: cut(change), status })),
    actionsOmitted: Math.max(0, actions.length - ACTIONS_TAIL),
  };
}

/** The engine's own entry; what is missing in it is left empty, so that at least the rest is told. */
function approvalIn({ data }: JournalEntry): NonNullable<IncidentEvent['approval']> {
  const text = (value: unknown): string => (typeof value === 'string' ? cut(value) : '');
  const { risk, people, costPerHourUsd, why, before, after } = data;
  return {
    id: text(data.approvalId),
    state: text(data.state),
    remediation: text(data.remediation),
    change: text(data.change),
    before: plain((before ?? null) as Json),
    after: plain((after ?? null) as Json),
    undo: text(data.undo),
    risk: risk === 'low' || risk === 'medium' ? risk : 'high',
    people: typeof people === 'number' ? people : 1,
    ...(typeof costPerHourUsd === 'number' && { costPerHourUsd }),
    ...(typeof why === 'string' && { why: cut(why) }),
    validUntil: text(data.validUntil),
  };
}

/** Never in the middle of a character that takes two code units. */
function cut(text: string): string {
  if (text.length <= SUMMARY_LIMIT) return text;
  return `${text.slice(0, SUMMARY_LIMIT - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}
