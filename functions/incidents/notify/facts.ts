/** The fields of the runbooks' templates, filled with what the journal knows. Pure. */
import type { IncidentState, Severity } from '../../../events/journal.ts';
import type { Happening, IncidentEvent } from '../../../events/published/notification.ts';
import { folderLink } from '../../records/console-link.ts';
import { incidentFolder } from '../../records/incident-folder.ts';
import { costText } from '../plain.ts';

export interface Fact {
  readonly label: string;
  readonly value: string;
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

/** Runbook 001, line 376: a post-mortem within 48 hours; the runbooks ask for one after the severe ones. */
const REVIEW_WITHIN_MS = 48 * 3_600_000;
const REVIEWED: readonly Severity[] = ['P1', 'P2'];

/** "1 alarm", "2 alarms". */
export const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;

/** What a message of that kind says of its incident, in the order in which it is shown. */
export function factsOf(happening: Happening, event: IncidentEvent, options: TemplateOptions): Fact[] {
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

export const fact = (label: string, value: string): Fact => ({ label, value });

const opening = ({ incident }: IncidentEvent): Fact[] => [
  fact('Service', incident.target),
  fact('Severity', incident.severity),
  impact(incident),
  fact('Started', incident.openedAt),
  fact('Status', STATUS[incident.state]),
  ...changes(incident),
  fact('Expected end', expectedEnd(incident)),
  ...outlook(incident),
];

const update = ({ incident, entry }: IncidentEvent): Fact[] => [
  fact('Service', incident.target),
  fact('Time', entry.at),
  fact('Status', STATUS[incident.state]),
  ...(incident.cause ? [fact('Cause', incident.cause)] : []),
  ...changes(incident),
  fact('Alarms firing', String(incident.alarmsFiring)),
  ...outlook(incident),
];

const UNKNOWN = 'unknown';

/** What Nightshift sees of it; whom it reaches it doesn't see. */
function impact({ target, alarmsFiring, outlook: { alsoConcerned = [] } = {} }: IncidentEvent['incident']): Fact {
  const also = alsoConcerned.length > 0 ? `, and on ${alsoConcerned.join(', ')}` : '';
  return fact(
    'Impact',
    `${count(alarmsFiring, 'alarm')} firing on ${target}${also}; how many people notice is ${UNKNOWN}`,
  );
}

const expectedEnd = ({ outlook: { provedBy } = {} }: IncidentEvent['incident']): string =>
  provedBy ? `${provedBy}, if the change helps` : UNKNOWN;

/** Who has it, what comes next, and when something is told at the latest. */
const outlook = ({ outlook: known }: IncidentEvent['incident']): Fact[] => [
  fact('Owner', ownerIn(known)),
  fact('Next step', known?.next ? `Nightshift ${known.next.what}` : UNKNOWN),
  fact(
    'Next update',
    known?.next ? `with the next change, or after ${known.next.at}` : `with the next change; when is ${UNKNOWN}`,
  ),
];

function ownerIn(known: IncidentEvent['incident']['outlook']): string {
  if (!known) return UNKNOWN;
  if (known.inHandOf) return nameOf(known.inHandOf);
  return known.calledLevel ? `nobody yet; ${known.calledLevel} was called` : 'Nightshift; nobody was called';
}

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
    fact('Time', new Date(end).toISOString()),
    fact('Cause', incident.cause ?? UNKNOWN),
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
