/** What the journal tells: incidents and their timelines. The command line, notifications and reports read only this. */

export const INCIDENT_STATES = ['open', 'acting', 'verifying', 'waiting-approval', 'escalated', 'resolved'] as const;
export type IncidentState = (typeof INCIDENT_STATES)[number];

export const ENTRY_KINDS = [
  'opened',
  'signal',
  'joined',
  'decided',
  'intent',
  'acted',
  'act-failed',
  'alarm-ok',
  'verified',
  'not-verified',
  'handed-on',
  'escalated',
  'paged',
  'handed-back',
  'left-as-is',
  'resolved',
  'note',
  'acknowledged',
  'taken-over',
  'released',
  'approval-requested',
  'approved',
  'denied',
  'approval-ended',
  /** The ladder goes on: a level is called, because nobody took the incident in hand. */
  'called',
  /** People are left in peace until a time. */
  'snoozed',
  /** A channel couldn't be told that a person is needed. */
  'undelivered',
  'severity-changed',
  /** What AWS says of the target, and what probably is the matter: collected when a person is called. */
  'diagnosed',
] as const;
export type EntryKind = (typeof ENTRY_KINDS)[number];

/** One line of a timeline. `summary` is a plain sentence fragment for people; `data` is for machines and never holds a secret. */
export interface JournalEntry {
  /** Sortable by time (ULID). */
  readonly id: string;
  readonly incidentId: string;
  /** ISO 8601 with milliseconds. */
  readonly at: string;
  readonly kind: EntryKind;
  /** Who wrote it: a function's name, or `person:<name>`. */
  readonly by: string;
  readonly summary: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export const SEVERITIES = ['P1', 'P2', 'P3', 'P4'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** An incident as the reducer folds it from its entries. */
export interface Incident {
  readonly id: string;
  readonly title: string;
  readonly target: string;
  readonly severity: Severity;
  readonly state: IncidentState;
  readonly openedAt: string;
  readonly resolvedAt?: string;
  /** The first person who said that they are looking at it (`person:<name>`), and when. */
  readonly acknowledgedBy?: string;
  readonly acknowledgedAt?: string;
  /** Alarms that belong to it, with their last known state. */
  readonly alarms: Readonly<Record<string, 'ALARM' | 'OK' | 'INSUFFICIENT_DATA'>>;
  /** Changes made, in order. */
  readonly actions: readonly {
    readonly actionId: string;
    readonly remediation: string;
    readonly change: string;
    readonly status: 'intended' | 'done' | 'failed' | 'verified' | 'handed-back' | 'left-as-is';
  }[];
}

export interface IncidentWithTimeline extends Incident {
  readonly timeline: readonly JournalEntry[];
}
