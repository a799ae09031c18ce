/** What the pages say for each operation. Pure. */
import type { IncidentWithTimeline } from '../../../events/journal.ts';
import type { Approval } from '../../engine/approval.ts';
import type { Link } from '../link-token.ts';
import { costText, plain } from '../plain.ts';
import type { Fact, Message, Question } from './page.ts';
import { missing, nameOf, type Subject } from './subject.ts';

const TIMELINE_LINES = 12;
const fact = (label: string, value: string): Fact => ({ label, value });

/** The page that a GET shows. */
export function questionFor(
  { operation, recipient, expiresAt }: Link,
  { incident, approval, takenOver }: Subject,
  confirmation: string,
  takeOverSeconds: number,
): Question {
  const base = {
    person: recipient,
    severity: incident.severity,
    confirmation,
    validUntil: new Date(Math.min(expiresAt * 1000, approval?.validUntil ?? Number.POSITIVE_INFINITY)).toISOString(),
    timeline: timelineOf(incident),
    isGrave: false,
  };
  switch (operation) {
    case 'ack':
      return {
        ...base,
        heading: 'Acknowledge an incident',
        what: incident.title,
        facts: [
          ...incidentFacts(incident),
          fact('What it does', 'writes down that you are looking at it; nobody else is called meanwhile'),
        ],
        button: `Acknowledge as ${recipient}`,
      };
    case 'take-over':
      return {
        ...base,
        heading: 'Take a target over',
        what: `Keep Nightshift’s hands off ${incident.target} for ${duration(takeOverSeconds)}`,
        facts: [
          ...incidentFacts(incident),
          ...(takenOver ? [fact('Now', takenOver)] : []),
          fact(
            'What it does',
            'nothing is changed on it, and nothing handed back, until then; a change that is under way may still be made',
          ),
        ],
        button: `Take over as ${recipient}`,
        reason: { label: 'Why (optional)', required: false },
        isGrave: true,
      };
    case 'resolve':
      return {
        ...base,
        heading: 'End an incident by your word',
        what: incident.title,
        facts: [
          ...incidentFacts(incident),
          fact(
            'What it does',
            'alarms that still fire are not looked at until they fire anew; a temporary change is handed back',
          ),
        ],
        button: `End it as ${recipient}`,
        reason: { label: 'Why is it over?', required: true },
        isGrave: true,
      };
    case 'approve':
    case 'deny':
      return approvalQuestion(operation, recipient, incident, approval, base);
    default:
      return operation satisfies never;
  }
}

type Base = Pick<Question, 'person' | 'severity' | 'confirmation' | 'validUntil' | 'timeline' | 'isGrave'>;

function approvalQuestion(
  operation: 'approve' | 'deny',
  recipient: string,
  incident: IncidentWithTimeline,
  approval: Approval | undefined,
  base: Base,
): Question {
  if (!approval) throw new Error('an approval’s page needs the approval');
  const last = approval.people - approval.approvedBy.length === 1;
  const effect = last
    ? 'the change is made as soon as Nightshift has looked again; if anything differs by then, nothing is done and you are asked anew'
    : 'your approval is written down; the change waits for another person’s';
  return operation === 'approve'
    ? {
        ...base,
        heading: 'Approve a change',
        what: capital(approval.change.summary),
        facts: [...approvalFacts(incident, approval), fact('What it does', effect)],
        button: `Approve as ${recipient}`,
        isGrave: approval.risk === 'high',
      }
    : {
        ...base,
        heading: 'Deny a change',
        what: capital(approval.change.summary),
        facts: [
          ...approvalFacts(incident, approval),
          fact('What it does', 'the change isn’t made, and the incident is left to people'),
        ],
        button: `Deny as ${recipient}`,
        reason: { label: 'Why (optional)', required: false },
        isGrave: true,
      };
}

const incidentFacts = ({ target, state, openedAt, id, severity }: IncidentWithTimeline): Fact[] => [
  fact('Target', target),
  fact('Severity', severity),
  fact('State', state),
  fact('Open since', openedAt),
  fact('Incident', id),
];

function approvalFacts(incident: IncidentWithTimeline, approval: Approval): Fact[] {
  const { change, risk, costPerHourUsd, approvedBy, why, remediation } = approval;
  const cost = costPerHourUsd === undefined ? [] : [fact('Cost', costText(costPerHourUsd))];
  const { hold } = change;
  return [
    fact('Target', approval.target),
    fact('Incident', `${incident.title} (${incident.id})`),
    fact('Now', plain(change.before)),
    fact('Then', plain(change.after)),
    ...(why ? [fact('Why you are asked', why)] : []),
    fact('Risk', risk),
    ...cost,
    fact(
      'To undo',
      hold
        ? `by itself, once its alarms have been OK for ${duration(hold.stabiliseForSeconds)}; or ${change.undo}`
        : change.undo,
    ),
    fact(
      'Approved by',
      approvedBy.length === 0
        ? `nobody yet; ${missing(approval)}`
        : `${approvedBy.map(nameOf).join(', ')}; ${missing(approval)}`,
    ),
    fact('Runbook', remediation),
  ];
}

const timelineOf = ({ timeline }: IncidentWithTimeline): string[] =>
  timeline
    .slice(-TIMELINE_LINES)
    .map(({ at, kind, summary }) => `${at.slice(11, 19)}  ${kind}  ${summary.slice(0, 300)}`);

export function duration(seconds: number): string {
  if (seconds % 3600 === 0) return `${seconds / 3600} h`;
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${seconds} s`;
}

const capital = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;

/** Why a link is refused, with what to do instead. */
export const REFUSALS = {
  malformed: {
    tone: 'refused',
    heading: 'This isn’t a link of Nightshift',
    text: 'It may have been cut off when it was copied. Open it from the message again, or use the command line: nightshift incidents.',
  },
  altered: {
    tone: 'refused',
    heading: 'This link was altered',
    text: 'Its signature doesn’t fit what it says. Open it from the message again, or use the command line: nightshift incidents.',
  },
  'unknown-key': {
    tone: 'refused',
    heading: 'This link isn’t valid any more',
    text: 'The key that it was signed with has been replaced. Use a newer message, or the command line: nightshift incidents.',
  },
  expired: {
    tone: 'refused',
    heading: 'This link has expired',
    text: 'Links end so that old messages can’t act. Use a newer message, or the command line: nightshift incidents.',
  },
  unconfirmed: {
    tone: 'refused',
    heading: 'Please press the button',
    text: 'What was sent didn’t come from this link’s page. Open the link and press its button.',
  },
  unreachable: {
    tone: 'refused',
    heading: 'Nightshift can’t reach its journal',
    text: 'Whether it was written down isn’t known. Open the link again in a minute: it says whether it was used. Pages and alarms don’t depend on this.',
  },
} as const satisfies Record<string, Message>;
