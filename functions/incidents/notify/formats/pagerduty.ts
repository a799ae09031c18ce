/**
 * PagerDuty Events API v2 ("Send an Alert Event" and "Overview", PagerDuty developer documentation: summary 1,024 characters, dedup_key 255, event
 * 512 kB). Pure.
 *
 * Only a person's acknowledgement is passed on: an acknowledged alert makes no more noise even when it is triggered again, so one by automation would
 * swallow the escalation that follows. For the same reason an alert that somebody had in hand is resolved before people are called anew: "New trigger
 * events with the same dedup_key as a resolved incident [...] a new incident will be created" (docs/decisions/0224).
 */
import type { Severity } from '../../../../events/journal.ts';
import type { Content } from '../content.ts';
import { cutTo } from './text.ts';

const SUMMARY = 1_024;
const DEDUP_KEY = 255;

/** P1 is answered in 5 minutes, P2 in 15, P3 in an hour, P4 on the next business day. */
const SEVERITY: Readonly<Record<Severity, 'critical' | 'error' | 'warning' | 'info'>> = {
  P1: 'critical',
  P2: 'error',
  P3: 'warning',
  P4: 'info',
};

interface Ending {
  readonly routing_key: string;
  readonly event_action: 'acknowledge' | 'resolve';
  readonly dedup_key: string;
}
interface Trigger {
  readonly routing_key: string;
  readonly event_action: 'trigger';
  readonly dedup_key: string;
  readonly client: 'Nightshift';
  readonly payload: {
    readonly summary: string;
    readonly source: string;
    readonly severity: 'critical' | 'error' | 'warning' | 'info';
    readonly timestamp: string;
    readonly component: string;
    readonly group: string;
    readonly class: string;
    readonly custom_details: Readonly<Record<string, string | readonly string[]>>;
  };
}
export type PagerDutyEvent = Trigger | Ending;

/**
 * The event to send: an incident is one alert, by its id; digests of one hour are one alert, so that a storm pages once.
 * @returns undefined for an update and a report, which the API has no word for.
 */
export function pagerDutyEvent(content: Content, routingKey: string): PagerDutyEvent | undefined {
  if (content.kind === 'report') return undefined;
  if (content.kind === 'digest')
    return trigger(content, routingKey, `nightshift-${content.deployment}-storm-${content.at.slice(0, 13)}`);
  const { happening, event } = content;
  switch (happening) {
    case 'updated':
      return undefined;
    case 'acknowledged':
      return endingEvent('acknowledge', event.incident.id, routingKey);
    case 'resolved':
      return endingEvent('resolve', event.incident.id, routingKey);
    case 'opened':
    case 'approval':
    case 'escalated':
      return trigger(content, routingKey, event.incident.id);
    default:
      return happening satisfies never;
  }
}

/** Ends the noise of the incident's alert, or the alert; dropped by PagerDuty when there is none. */
export const endingEvent = (action: Ending['event_action'], incidentId: string, routingKey: string): Ending => ({
  routing_key: routingKey,
  event_action: action,
  dedup_key: incidentId.slice(0, DEDUP_KEY),
});

function trigger(content: Exclude<Content, { kind: 'report' }>, routingKey: string, dedupKey: string): Trigger {
  const { message, at } = content;
  const about = content.kind === 'digest' ? 'several targets' : content.event.incident.target;
  const group = content.kind === 'digest' ? content.deployment : content.event.deployment;
  return {
    routing_key: routingKey,
    event_action: 'trigger',
    dedup_key: dedupKey.slice(0, DEDUP_KEY),
    client: 'Nightshift',
    payload: {
      summary: cutTo(content.kind === 'digest' ? message.title : `${message.title}: ${message.headline}`, SUMMARY),
      source: about,
      severity: SEVERITY[message.severity],
      timestamp: at,
      component: about,
      group,
      class: message.happening,
      custom_details: {
        ...Object.fromEntries(message.facts.map(({ label, value }) => [label, value])),
        timeline: message.lines,
        look: message.look,
      },
    },
  };
}
