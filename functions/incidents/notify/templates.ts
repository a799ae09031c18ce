/** What people read, before a channel gives it its form. Pure: the event alone decides the words. */
import type { Severity } from '../../../events/journal.ts';
import type { Happening, IncidentEvent } from '../../../events/published/notification.ts';
import type { ReportEvent } from '../../../events/published/report.ts';
import { count, type Fact, fact, factsOf, type TemplateOptions } from './facts.ts';

/** What the reader can do with one click, in their own name. */
export interface MessageLink {
  readonly operation: string;
  readonly label: string;
  readonly url: string;
  readonly style?: 'primary' | 'danger';
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

const WORD: Readonly<Record<Happening, string>> = {
  opened: 'Incident',
  updated: 'Update',
  approval: 'Approval needed',
  escalated: 'Needs a person',
  acknowledged: 'In hand',
  resolved: 'Resolved',
};

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
