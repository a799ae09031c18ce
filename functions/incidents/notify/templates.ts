/** What people read, before a channel gives it its form. Pure: the event alone decides the words. */
import type { IncidentState, Severity } from '../../../events/journal.ts';
import type { Happening, IncidentEvent } from '../../../events/published/notification.ts';
import type { ReportEvent } from '../../../events/published/report.ts';
import { folderLink } from '../../records/console-link.ts';
import { incidentFolder } from '../../records/incident-folder.ts';
import { costText } from '../plain.ts';

/** What the reader can do with one click, in their own name. */
export interface MessageLink {
  readonly operation: string;
  readonly label: string;
  readonly url: string;
  readonly style?: 'primary' | 'danger';
}

export interface Fact {
  readonly label: string;
  readonly value: string;
}

/** One message. Texts are plain: each format escapes them in its own way, because alarms' names and reasons come from outside. */
export interface Message {
  readonly happening: Happening | 'digest' | 'report';
  readonly severity: Severity;
  readonly title: string;
  /** What happened, as a sentence. */
  readonly headline: string;
  readonly facts: readonly Fact[];
  /** Timeline or digest, oldest first. */
  readonly lines: readonly string[];
  /** Where to look further. */
  readonly look: string;
  /** Only for a channel that reaches one person. */
  readonly links?: readonly MessageLink[];
}

export interface TemplateOptions {
  readonly commander?: string | undefined;
  readonly bridge?: string | undefined;
  /** Bucket of the archive, where reports of incidents lie once they are over. */
  readonly archiveBucket?: string | undefined;
}

/** The status words of the runbooks' update template (002, line 1225). */
const STATUS: Readonly<Record<IncidentState, string>> = {
  open: 'investigating',
  acting: 'identified, acting',
  verifying: 'monitoring',
  'waiting-approval': 'waits for an approval',
  escalated: 'needs a person',
  resolved: 'resolved',
};

const WORD: Readonly<Record<Happening, string>> = {
  opened: 'Incident',
  updated: 'Update',
  approval: 'Approval needed',
  escalated: 'Needs a person',
  acknowledged: 'In hand',
  resolved: 'Resolved',
};

/** Runbook 001, line 376: a post-mortem within 48 hours; the runbooks ask for one after the severe ones. */
const REVIEW_WITHIN_MS = 48 * 3_600_000;
const REVIEWED: readonly Severity[] = ['P1', 'P2'];

/**
 * The message for an event, with the fields of the runbooks' templates: initial (002, line 1209), update (002, line 1221), resolved (001, line 369).
 * @param options who leads incidents here and where they meet, when that is configured.
 */
export function messageFor(happening: Happening, event: IncidentEvent, options: TemplateOptions = {}): Message {
  const { incident, timeline, timelineOmitted, deployment, region } = event;
  const earlier = timelineOmitted > 0 ? [`(${timelineOmitted} earlier lines left out)`] : [];
  return {
    happening,
    severity: incident.severity,
    title: `[${incident.severity}] ${WORD[happening]}: ${incident.title}`,
    headline: headlineOf(happening, event),
    facts: [
      ...factsOf(happening, event, options),
      { label: 'Deployment', value: `${deployment}, ${region}` },
      { label: 'Incident', value: incident.id },
    ],
    lines: [...earlier, ...timeline.map(({ at, kind, summary }) => `${at.slice(11, 19)} ${kind}: ${summary}`)],
    look: event.look,
  };
}

function headlineOf(happening: Happening, { incident, entry }: IncidentEvent): string {
  if (happening === 'opened') return incident.cause ?? entry.summary;
  if (happening === 'approval') return `Nightshift asks before it changes anything: ${entry.summary}`;
  if (happening === 'escalated') return `Nightshift can't mend this by itself: ${entry.summary}`;
  return entry.summary;
}

function factsOf(happening: Happening, event: IncidentEvent, options: TemplateOptions): Fact[] {
  switch (happening) {
    case 'opened':
      return [...opening(event), ...people(options)];
    case 'updated':
      return update(event);
    case 'approval':
      return question(event);
    case 'acknowledged':
      return [fact('In the hands of', nameOf(event.entry.by)), ...update(event)];
    case 'escalated':
      return [...update(event), ...undo(event), ...people(options)];
    case 'resolved':
      return [...resolution(event), ...whereReported(event, options)];
    default:
      return happening satisfies never;
  }
}

const nameOf = (by: string): string => by.replace(/^person:/, '');

const fact = (label: string, value: string): Fact => ({ label, value });

const opening = ({ incident }: IncidentEvent): Fact[] => [
  fact('Service', incident.target),
  fact('Severity', incident.severity),
  fact('Started', incident.openedAt),
  fact('Status', STATUS[incident.state]),
  ...changes(incident),
  fact('Next update', 'with the next change of its state'),
];

const update = ({ incident, entry }: IncidentEvent): Fact[] => [
  fact('Service', incident.target),
  fact('Time', entry.at),
  fact('Status', STATUS[incident.state]),
  ...(incident.cause ? [fact('Cause', incident.cause)] : []),
  ...changes(incident),
  fact('Alarms firing', String(incident.alarmsFiring)),
];

/** What somebody needs to know who says yes or no at night. */
function question({ incident, approval }: IncidentEvent): Fact[] {
  if (!approval) return [fact('Service', incident.target)];
  const { change, before, after, risk, undo, people, costPerHourUsd, why, validUntil, id } = approval;
  return [
    fact('Change', change),
    fact('Now', before),
    fact('Then', after),
    fact('Risk', risk),
    ...(costPerHourUsd === undefined ? [] : [fact('Cost', costText(costPerHourUsd))]),
    fact('To undo', undo),
    ...(why ? [fact('Why you are asked', why)] : []),
    fact('Needs', people === 1 ? 'one person' : `${people} different people`),
    fact('Answer by', validUntil),
    fact('By command line', `nightshift approve ${id}   or   nightshift deny ${id}`),
  ];
}

function resolution({ incident, entry }: IncidentEvent): Fact[] {
  const end = Date.parse(incident.resolvedAt ?? entry.at);
  const review = REVIEWED.includes(incident.severity)
    ? [fact('Review due', new Date(end + REVIEW_WITHIN_MS).toISOString())]
    : [];
  return [
    fact('Service', incident.target),
    ...(incident.cause ? [fact('Cause', incident.cause)] : []),
    fact('Resolution', incident.actions.length > 0 ? changeList(incident) : 'without a change by Nightshift'),
    fact('Duration', duration(end - Date.parse(incident.openedAt))),
    ...review,
  ];
}

/** The folder: its editions are named by what the archiver finds in the journal. It may need a few minutes. */
function whereReported({ incident, region }: IncidentEvent, { archiveBucket }: TemplateOptions): Fact[] {
  if (!archiveBucket) return [];
  const folder = incidentFolder(incident);
  const what = REVIEWED.includes(incident.severity) ? 'Report and draft of the post-mortem' : 'Report';
  return [fact(what, folderLink(archiveBucket, folder, region) ?? `s3://${archiveBucket}/${folder}/`)];
}

const changes = (incident: IncidentEvent['incident']): Fact[] =>
  incident.actions.length > 0 ? [fact('Changes', changeList(incident))] : [];

function changeList({ actions, actionsOmitted }: IncidentEvent['incident']): string {
  const earlier = actionsOmitted > 0 ? [`${actionsOmitted} earlier`] : [];
  return [...earlier, ...actions.map(({ change, status }) => `${change} (${status})`)].join('; ');
}

const undo = ({ entry }: IncidentEvent): Fact[] => (entry.undo ? [fact('To undo', entry.undo)] : []);

const people = ({ commander, bridge }: TemplateOptions): Fact[] => [
  ...(commander ? [fact('Commander', commander)] : []),
  ...(bridge ? [fact('Bridge', bridge)] : []),
];

/** "2 h 5 min", "45 s"; two units at most. */
export function duration(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ];
  const from = parts.findIndex(([count]) => count > 0);
  if (from < 0) return '0 s';
  return parts
    .slice(from, from + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(' ');
}

/** Word of a report: its figures, and where it lies. */
export function reportMessage({
  title,
  period,
  deployment,
  region,
  headline,
  unknown,
  page,
  link,
  report,
}: ReportEvent): Message {
  const gaps = unknown > 0 ? ` ${count(unknown, 'thing')} could not be found out; the report says which.` : '';
  return {
    happening: 'report',
    severity: 'P4',
    title: `${title}: ${period.label}`,
    headline: `A report of Nightshift ${deployment} was written.${gaps}`,
    facts: [
      // First, because channels show so many and no more.
      fact('Page', link ?? page),
      ...headline.map(({ label, value }) => fact(label, value)),
      fact('Deployment', `${deployment}, ${region}`),
    ],
    lines: [],
    look: `nightshift report ${report}`,
  };
}

/** What is kept of an event that is told in a digest. */
export interface FoldedLine {
  readonly entryId: string;
  readonly incidentId: string;
  readonly at: string;
  readonly happening: Happening;
  readonly severity: Severity;
  readonly target: string;
  readonly text: string;
}

/** Most lines a digest shows; the rest is counted. */
const DIGEST_LINES = 20;
const URGENCY: readonly Happening[] = ['escalated', 'approval', 'opened', 'acknowledged', 'resolved', 'updated'];

export const foldedLine = (happening: Happening, { incident, entry }: IncidentEvent): FoldedLine => ({
  entryId: entry.id,
  incidentId: incident.id,
  at: entry.at,
  happening,
  severity: incident.severity,
  target: incident.target,
  text: happening === 'opened' ? incident.title : `${incident.title}: ${entry.summary}`.slice(0, 300),
});

const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;

/**
 * One message for many events: what needs a person first, then counts.
 * @param folded at least one.
 */
export function digestOf(folded: readonly FoldedLine[], deployment: string): Message {
  const sorted = [...folded].sort(
    (a, b) => URGENCY.indexOf(a.happening) - URGENCY.indexOf(b.happening) || (a.entryId < b.entryId ? -1 : 1),
  );
  const counts = URGENCY.map((each) => ({ each, times: folded.filter(({ happening }) => happening === each).length }));
  const incidents = new Set(folded.map(({ incidentId }) => incidentId)).size;
  const severity = folded.map((line) => line.severity).sort()[0] ?? 'P2';
  const shown = sorted.slice(0, DIGEST_LINES);
  const rest = sorted.length - shown.length;
  return {
    happening: 'digest',
    severity,
    title: `[${severity}] Digest: ${count(folded.length, 'event')} of ${count(incidents, 'incident')}`,
    headline: "More happened in a minute than is told one by one, or it couldn't be told before.",
    facts: [
      ...counts.filter(({ times }) => times > 0).map(({ each, times }) => fact(WORD[each], String(times))),
      fact('Deployment', deployment),
    ],
    lines: [
      ...shown.map(({ at, happening, severity: each, text }) => `${at.slice(11, 19)} [${each}] ${happening}: ${text}`),
      ...(rest > 0 ? [`and ${rest} more`] : []),
    ],
    look: 'nightshift incidents',
  };
}
