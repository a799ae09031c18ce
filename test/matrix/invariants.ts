/** What must hold after a point, by the numbers of the design's invariants. Pure: facts in, sentences about what doesn't hold out. */
import type { Journal } from './journal.ts';
import { APPROVE_STAGES, type Inspection, isFiring, type Stage } from './types.ts';

export interface Facts {
  readonly stage: Stage;
  /** Nothing else is done than calling a person: that one was called is no end. */
  readonly callsOnly?: boolean;
  readonly journal: Journal;
  readonly inspection: Inspection;
  /** Epoch milliseconds. */
  readonly now: number;
  /** Ids of the events that were delivered, and whether Lambda was told that they are dealt with. */
  readonly deliveries: readonly { readonly id: string; readonly acknowledged: boolean }[];
}

const remediations = ({ actions }: Journal) => actions.filter(({ purpose }) => purpose === 'remediate');
const escalated = ({ entries }: Journal) => entries.some(({ kind }) => kind === 'escalated');

/** Once the deliveries have ended, before the reconciler has had its time. */
export function afterDeliveries({ stage, journal, deliveries }: Facts): string[] {
  const found: string[] = [];
  // An order has no event item: its work item stays until it is done.
  if (stage !== 'hand-back')
    for (const { id, acknowledged } of deliveries) {
      const status = journal.events.get(id)?.status ?? 'missing';
      if (acknowledged && status !== 'done')
        found.push(`I1: event ${id} was acknowledged, and its item is ${status} instead of done`);
    }
  return [...found, ...always(journal)];
}

/** At every moment. */
export function always(journal: Journal): string[] {
  const found: string[] = [];
  const acted = remediations(journal);
  for (const [remediation, own] of Map.groupBy(acted, (action) => action.remediation))
    if (own.length > 1)
      found.push(`I5: ${own.length} actions of ${remediation} within one cooldown, expected 1 at most`);
  const underWay = journal.actions.filter(({ status }) => status === 'intended');
  if (underWay.length > 1) found.push(`I2: ${underWay.length} intents under way on one target`);
  for (const { actionId, signalId, status } of acted) {
    const event = journal.events.get(signalId);
    if (event?.actionId !== actionId)
      found.push(`I4: the event of ${actionId} doesn't name it, so a redelivery can't know that it is a repetition`);
    else if (status === 'intended' && event.status !== 'committed')
      found.push(`I1: the event of ${actionId} has the outcome ${event.outcome?.kind} while its intent is unfinished`);
  }
  return found;
}

/** Whether nothing is left that should happen soon. */
export function isSettled({
  stage,
  callsOnly = false,
  journal,
  now,
}: Pick<Facts, 'stage' | 'callsOnly' | 'journal' | 'now'>): boolean {
  const { target, actions, events } = journal;
  if (actions.some(({ status }) => status === 'intended')) return false;
  if ((target?.leaseUntil ?? 0) > now) return false;
  if (stage === 'approved') return actions.length > 0 || leftToPeople(journal);
  if (isFiring(stage)) return [...events.values()].some(({ status }) => status === 'done');
  if (escalated(journal) && !callsOnly) return true;
  return stage === 'resolved' ? target?.openIncidentId === undefined : !target?.holds.length;
}

/** After the reconciler has had its time. */
export function atTheEnd(facts: Facts): string[] {
  const { journal, inspection, stage, now } = facts;
  const found = always(journal);
  if (!isSettled(facts)) found.push(`I1: not settled: ${unsettled(facts)}`);
  if (inspection.state === 'beyond') found.push(`I4: neither before nor after: ${inspection.detail}`);
  if (inspection.changes > journal.actions.length)
    found.push(`I4: changed ${inspection.changes} times by ${journal.actions.length} intents: ${inspection.detail}`);
  if (journal.entries.some(({ kind }) => kind === 'left-as-is'))
    found.push('I4: somebody else is said to have changed the target, and nobody did');
  if (journal.target?.leaseUntil !== undefined && journal.target.leaseUntil <= now)
    found.push(`I2: the lease of ${journal.target.leaseHolder} has run out and was never given back`);
  const isUntold = facts.callsOnly && isFiring(stage) && !escalated(journal);
  if (isUntold) found.push('I7: nobody was called');
  const asked = APPROVE_STAGES.includes(stage) ? withConsent(facts) : [];
  return [...found, ...accountedFor(facts), ...(isFiring(stage) ? keptInView(facts) : []), ...asked];
}

/**
 * Of two remediations whose alarms fire on one target: never both at once (`always`), and whichever hasn't acted is looked at again.
 * @param ids of the events that were delivered, one to each.
 */
export function eachOfBoth(journal: Journal, both: readonly string[], ids: readonly string[]): string[] {
  const unfinished = ids.filter((id) => journal.events.get(id)?.status !== 'done');
  const acted = new Set(remediations(journal).map(({ remediation }) => remediation));
  const forgotten = both.filter(
    (name) => !acted.has(name) && !journal.work.some((work) => work.kind === 'recheck' && work.remediation === name),
  );
  return [
    ...unfinished.map((id) => `I1: event ${id} has no outcome`),
    ...forgotten.map((name) => `I1: ${name} didn't act, and nothing looks at its alarm again`),
    ...(acted.size === 0 && !escalated(journal) ? ['I1: neither remediation acted, and nobody was called'] : []),
  ];
}

/** What couldn't be read, for instance, is left to them; who was called to answer already isn't called for that anew. */
const leftToPeople = ({ entries, events }: Journal): boolean =>
  entries.some(({ kind, data }) => kind === 'escalated' && data.asks === undefined) ||
  [...events.values()].some(({ outcome }) => outcome?.kind === 'escalated');

/** I6: asked once, and nothing is changed that nobody approved. */
function withConsent({ stage, journal, inspection }: Facts): string[] {
  const found: string[] = [];
  const asked = journal.entries.filter(({ kind }) => kind === 'approval-requested').length;
  if (asked > 1 || (asked === 0 && !leftToPeople(journal)))
    found.push(`I6: people were asked ${asked} times, expected once`);
  if (stage === 'asked' && (journal.actions.length > 0 || inspection.changes > 0))
    found.push(`I6: ${journal.actions.length} actions and ${inspection.changes} changes that nobody approved`);
  for (const { actionId, approvalId } of remediations(journal))
    if (approvalId === undefined) found.push(`I6: ${actionId} names no approval`);
  return found;
}

function unsettled({ journal, inspection }: Facts): string {
  const actions = journal.actions.map(({ purpose, status, attempt }) => `${purpose} ${status} (attempt ${attempt})`);
  const work = journal.work.map(({ kind, dueAt }) => `${kind} due ${new Date(dueAt).toISOString()}`);
  return `${actions.join(', ') || 'no action'}; ${work.join(', ') || 'no work'}; ${inspection.detail}`;
}

/** I7, and that the journal doesn't say otherwise than the world. */
function accountedFor({ journal, inspection }: Facts): string[] {
  const found: string[] = [];
  const last = journal.actions.at(-1);
  if (!last) return found;
  const done = last.status === 'done' || last.status === 'verified';
  if (done && inspection.state !== 'after')
    found.push(`I7: ${last.actionId} is ${last.status}, and the target isn't changed: ${inspection.detail}`);
  if (last.status === 'failed' && !escalated(journal)) found.push(`I7: ${last.actionId} failed and nobody was called`);
  return found;
}

/** What has no level is over for a delivery that comes so late that it finds the change made: it is verified then, and nothing is open any more. */
const foundDone = ({ target, actions, events }: Journal): boolean =>
  target?.openIncidentId === undefined &&
  actions.length > 0 &&
  actions.every(({ status }) => status === 'verified') &&
  [...events.values()].some(({ outcome }) => outcome?.kind === 'already-fine');

/** The alarm is still firing: something must bring it up again. */
function keptInView({ journal, inspection, now }: Facts): string[] {
  const { work, actions } = journal;
  const found: string[] = [];
  if (inspection.withoutLevel && inspection.state === 'after' && foundDone(journal)) return found;
  if (!work.some(({ kind }) => kind === 'recheck')) found.push('I1: the alarm fires and nothing looks at it again');
  // Of each remediation the last: it stands in the place of those before it.
  const last = new Map(actions.filter(({ status }) => status === 'done').map((action) => [action.remediation, action]));
  for (const [remediation, waiting] of last) {
    const verify = work.find((each) => each.kind === 'verify' && each.remediation === remediation);
    if (!verify) found.push(`I7: ${waiting.actionId} is done and its verification is never due`);
    else if (verify.dueAt > Math.max(now, waiting.verifyBy ?? 0) + 60_000)
      found.push(`I7: the verification of ${waiting.actionId} is due long after its deadline`);
  }
  return found;
}
