/** What a link is about, as the journal tells it now. */
import type { IncidentWithTimeline } from '../../../events/journal.ts';
import { freshAcknowledgement } from '../../engine/acknowledgement.ts';
import { type Approval, whyOver } from '../../engine/approval.ts';
import { readApproval } from '../../engine/approvals.ts';
import { takenOverBy } from '../../engine/guard.ts';
import { readIncident } from '../../engine/journal-reader.ts';
import { readTargets } from '../../engine/operator.ts';
import type { Store } from '../../engine/store.ts';
import type { Link } from '../link-token.ts';

export interface Subject {
  readonly incident: IncidentWithTimeline;
  readonly approval?: Approval;
  /** Who has the target in hand now, in a sentence; only looked at for take-overs. */
  readonly takenOver?: string;
}

export type Found =
  | { readonly kind: 'open'; readonly subject: Subject }
  /** There is nothing to do any more; the sentence says why. */
  | { readonly kind: 'over'; readonly why: string };

const over = (why: string): Found => ({ kind: 'over', why });

/** @param now Epoch milliseconds. @throws EngineError when the journal can't be read. */
export async function findSubject(store: Store, link: Link, now: number): Promise<Found> {
  if (link.operation === 'approve' || link.operation === 'deny') return findApproval(store, link, now);
  const incident = await readIncident(store, link.subject);
  if (!incident) return over(`The journal holds no incident ${link.subject}.`);
  if (incident.state === 'resolved') return over(`${incident.id} is over since ${incident.resolvedAt}.`);
  const acknowledged = link.operation === 'ack' && freshAcknowledgement(incident.timeline, now);
  if (acknowledged) return over(`${nameOf(acknowledged.by)} acknowledged it at ${acknowledged.at}.`);
  if (link.operation !== 'take-over') return { kind: 'open', subject: { incident } };
  const target = (await readTargets(store, [incident.target])).get(incident.target);
  const taken = target && takenOverBy(target, now);
  if (!taken) return { kind: 'open', subject: { incident } };
  const takenOver = `${nameOf(taken.by)} has it until ${new Date(taken.until).toISOString()}: ${taken.reason}`;
  return { kind: 'open', subject: { incident, takenOver } };
}

async function findApproval(store: Store, link: Link, now: number): Promise<Found> {
  const approval = await readApproval(store, link.subject);
  if (!approval) return over(`The journal holds no approval ${link.subject}.`);
  // The link was made for another question than the one that is stored: never the case unless somebody wrote to the table.
  if (approval.state !== link.state) return over('What this link was made for isn’t what is asked now.');
  const why = whyOver(approval, now);
  if (why) return over(`${why[0]?.toUpperCase()}${why.slice(1)}.`);
  const incident = await readIncident(store, approval.incidentId);
  if (!incident || incident.state === 'resolved') return over(`Its incident ${approval.incidentId} is over.`);
  if (link.operation === 'approve' && approval.approvedBy.includes(`person:${link.recipient}`))
    return over(`${link.recipient} has approved it already; ${missing(approval)}.`);
  return { kind: 'open', subject: { incident, approval } };
}

export const missing = ({ people, approvedBy }: Approval): string => {
  const left = people - approvedBy.length;
  return left === 1 ? 'one more person has to' : `${left} more people have to`;
};

export const nameOf = (by: string): string => by.replace(/^person:/, '');
