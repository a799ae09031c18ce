/** What a POST does: one operation, once, in the recipient's name, together with the mark that the link is used. */
import { type Approval, personKnown } from '../../engine/approval.ts';
import { orderFor, VoteRefusedError, vote } from '../../engine/approvals.ts';
import { InFlightError } from '../../engine/errors.ts';
import { log } from '../../engine/log.ts';
import { acknowledge, NotPossibleError, resolveByPerson, takeOver } from '../../engine/operator.ts';
import type { Labelled, Store } from '../../engine/store.ts';
import type { Link } from '../link-token.ts';
import type { Message } from './page.ts';
import type { Form } from './request.ts';
import type { Subject } from './subject.ts';
import { readUsed, type UsedLink, useLink } from './used.ts';
import { duration } from './words.ts';

export interface ActContext {
  readonly store: Store;
  readonly now: () => number;
  readonly takeOverSeconds: number;
  /** Tells a remediation to judge again. @throws EngineError when it can't be told: the reconciler does it then. */
  readonly order: (remediation: string, payload: object) => Promise<void>;
  readonly people: Readonly<Record<string, { readonly identities: readonly string[] }>>;
}

export interface Valid {
  readonly link: Link;
  readonly hash: string;
}

type Words = Pick<UsedLink, 'heading' | 'text'>;

/**
 * Does what the link is for. Killed at any point, it has either done everything that is written down, or nothing; sent again, it says so.
 * @throws EngineError when the journal can't be read or written.
 */
export async function act(valid: Valid, form: Form, subject: Subject, context: ActContext): Promise<Message> {
  const now = context.now();
  const by = `person:${valid.link.recipient}`;
  const used = ({ heading, text }: Words): Labelled =>
    useLink(context.store.table, valid.hash, valid.link, {
      operation: valid.link.operation,
      by,
      at: new Date(now).toISOString(),
      heading,
      text,
    });
  try {
    const words = await carryOut({ ...valid, by, form, subject, now, used }, context);
    log('INFO', `link used: ${valid.link.operation}`, { subject: valid.link.subject, by });
    return { tone: 'done', ...words };
  } catch (error) {
    if (error instanceof NotPossibleError || error instanceof VoteRefusedError || error instanceof InFlightError) {
      const before = await readUsed(context.store, valid.hash);
      return before
        ? usedMessage(before)
        : { tone: 'refused', heading: 'This isn’t possible now', text: error.message };
    }
    throw error;
  }
}

/** What a used link still says. */
export const usedMessage = ({ at, by, heading, text }: UsedLink): Message => ({
  tone: 'refused',
  heading: 'This link was used before',
  text: `${by.replace(/^person:/, '')} used it at ${at}. What came of it then: ${heading}. ${text}`,
});

interface Job extends Valid {
  readonly by: string;
  readonly form: Form;
  readonly subject: Subject;
  readonly now: number;
  readonly used: (words: Words) => Labelled;
}

async function carryOut(job: Job, context: ActContext): Promise<Words> {
  const { link, by, form, subject, now, used } = job;
  const { store, takeOverSeconds } = context;
  const { incident } = subject;
  switch (link.operation) {
    case 'ack': {
      const words = {
        heading: `${link.recipient} is looking at it`,
        text: `${incident.title}: the timeline says so now.`,
      };
      const before = await acknowledge(store, incident.id, by, now, [used(words)]);
      if (before) throw new NotPossibleError(`${before.replace(/^person:/, '')} acknowledged it a moment ago.`);
      return words;
    }
    case 'take-over': {
      const until = now + takeOverSeconds * 1000;
      const words = {
        heading: `${incident.target} is in your hands`,
        text: `Nightshift changes nothing on it for ${duration(takeOverSeconds)}, until ${new Date(until).toISOString()}. Give it back earlier with: nightshift release ${incident.target}`,
      };
      const reason = form.reason || 'taken over by link';
      const { leaseHolder } = await takeOver(store, incident.target, { by, reason, until, also: [used(words)] }, now);
      return leaseHolder
        ? { ...words, text: `${words.text} ${leaseHolder} was under way already and may still be made.` }
        : words;
    }
    case 'resolve': {
      if (!form.reason)
        throw new NotPossibleError('The journal keeps why a person ended an incident: go back and say why.');
      const words = { heading: 'The incident is over', text: `${incident.title}: ended by your word.` };
      await resolveByPerson(store, incident.id, { by, reason: form.reason, also: [used(words)] }, now);
      return words;
    }
    case 'approve':
    case 'deny':
      return decide(job, context, link.operation);
    default:
      return link.operation satisfies never;
  }
}

async function decide(
  { by, form, subject, now, used }: Job,
  context: ActContext,
  decision: 'approve' | 'deny',
): Promise<Words> {
  const { approval } = subject;
  if (!approval) throw new NotPossibleError('There is nothing to approve.');
  // A link's recipient is one of `people`; the name of somebody who was taken out meanwhile doesn't count any more.
  const person = personKnown(context.people, by);
  if (!person)
    throw new NotPossibleError(`${by.replace(/^person:/, '')} isn't one of this deployment's people any more.`);
  const words = wordsOf(decision, approval);
  const voted = await vote(
    context.store,
    approval.approvalId,
    { decision, by: person, reason: form.reason || undefined },
    { now, also: [used(words)] },
  );
  switch (voted.kind) {
    case 'complete':
      await tell(voted.approval, context);
      return {
        heading: 'The change is approved',
        text: `${approval.change.summary}: Nightshift looks again now and makes it if nothing differs. The timeline of ${approval.incidentId} tells.`,
      };
    case 'counted':
      return {
        heading: 'Your approval is written down',
        text: `${approval.change.summary}: ${voted.missing} more to go.`,
      };
    case 'denied':
      await tell(voted.approval, context);
      return words;
    case 'repeated':
      throw new NotPossibleError('You have approved it already: one person counts once.');
    default:
      return voted satisfies never;
  }
}

const wordsOf = (decision: 'approve' | 'deny', { change }: Approval): Words =>
  decision === 'approve'
    ? { heading: 'Approved', text: `${change.summary}.` }
    : { heading: 'The change is denied', text: `${change.summary}: it isn't made. The incident is left to people.` };

/** The decision stands and the reconciler brings it up: that the remediation can't be told now only takes longer. */
async function tell(approval: Approval, { order }: ActContext): Promise<void> {
  // A plan's run looks for the answer itself.
  if (approval.run !== undefined) return;
  try {
    await order(approval.remediation, orderFor(approval));
  } catch (error) {
    log('WARN', `${approval.approvalId}: ${approval.status}, left to the reconciler`, {
      error: error instanceof Error ? error.message : String(error),
    });
  }
}
