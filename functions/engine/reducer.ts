/** From the entries of an incident to the incident. Pure: the same entries give the same incident, in whatever order they were read. */
import {
  type Incident,
  type IncidentState,
  type IncidentWithTimeline,
  type JournalEntry,
  SEVERITIES,
  type Severity,
} from '../../events/journal.ts';

type Alarms = Record<string, 'ALARM' | 'OK' | 'INSUFFICIENT_DATA'>;
type Action = Incident['actions'][number];

/**
 * Folds entries into an incident.
 * @returns undefined when there is no `opened` entry: then it isn't an incident.
 */
export function reduceIncident(entries: readonly JournalEntry[]): IncidentWithTimeline | undefined {
  const timeline = [...entries].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  const opened = timeline.find((entry) => entry.kind === 'opened');
  if (!opened) return undefined;
  const alarms: Alarms = {};
  const actions = new Map<string, Action>();
  let state: IncidentState = 'open';
  let resolvedAt: string | undefined;
  const acknowledged = timeline.find((entry) => entry.kind === 'acknowledged');
  const reclassified = timeline.findLast((entry) => entry.kind === 'severity-changed' && severityIn(entry));
  for (const entry of timeline) {
    noteAlarm(alarms, entry);
    noteAction(actions, entry);
    state = nextState(state, entry, resolvedAt !== undefined);
    if (entry.kind === 'resolved') resolvedAt = entry.at;
  }
  return {
    id: opened.incidentId,
    title: text(opened.data.title, opened.summary),
    target: text(opened.data.target, ''),
    severity: severityIn(reclassified) ?? severityIn(opened) ?? 'P2',
    state,
    openedAt: opened.at,
    ...(resolvedAt && { resolvedAt }),
    ...(acknowledged && { acknowledgedBy: acknowledged.by, acknowledgedAt: acknowledged.at }),
    alarms,
    actions: [...actions.values()],
    timeline,
  };
}

/** People are called by it: what is none counts for nothing. */
const severityIn = (entry: JournalEntry | undefined): Severity | undefined =>
  SEVERITIES.find((severity) => severity === entry?.data.severity);

const text = (value: unknown, otherwise: string): string => (typeof value === 'string' ? value : otherwise);

function noteAlarm(alarms: Alarms, { kind, data }: JournalEntry): void {
  const subject = text(data.subject, '');
  if (!subject) return;
  if (kind === 'signal') alarms[subject] = 'ALARM';
  if (kind === 'alarm-ok') alarms[subject] = 'OK';
}

const ACTION_STATUS: Partial<Record<JournalEntry['kind'], Action['status']>> = {
  acted: 'done',
  'act-failed': 'failed',
  verified: 'verified',
  'not-verified': 'failed',
  'handed-back': 'handed-back',
  'left-as-is': 'left-as-is',
};

function noteAction(actions: Map<string, Action>, { kind, data }: JournalEntry): void {
  const actionId = text(data.actionId, '');
  if (!actionId) return;
  if (kind === 'intent') {
    actions.set(actionId, {
      actionId,
      remediation: text(data.remediation, ''),
      change: text(data.change, ''),
      status: 'intended',
    });
    return;
  }
  const present = actions.get(actionId);
  const status = ACTION_STATUS[kind];
  if (present && status) actions.set(actionId, { ...present, status });
}

/**
 * A resolved incident (`over`) stays resolved: handing back afterwards is told in its timeline, a failed hand-back calls a person until one
 * succeeds or the value is left as it is.
 */
function nextState(state: IncidentState, { kind, data }: JournalEntry, over: boolean): IncidentState {
  if (kind === 'escalated') return 'escalated';
  if (kind === 'resolved') return 'resolved';
  if (over) return kind === 'handed-back' || kind === 'left-as-is' ? 'resolved' : state;
  if (kind === 'approval-requested') return 'waiting-approval';
  if (kind === 'approval-ended') return state === 'waiting-approval' ? 'open' : state;
  // A person was called for what is being undone.
  if (kind === 'intent') return data.undoes === undefined ? 'acting' : state;
  if (kind === 'handed-on') return state === 'escalated' ? 'escalated' : 'open';
  if (kind === 'acted') return state === 'escalated' ? 'escalated' : 'verifying';
  return state;
}
