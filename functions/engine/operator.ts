/** What a person does by hand to the journal: taking a target over and giving it back, acknowledging and ending an incident. */
import type { IncidentWithTimeline, JournalEntry, Severity } from '../../events/journal.ts';
import { freshAcknowledgement } from './acknowledgement.ts';
import { writeTarget } from './action.ts';
import { EngineError } from './errors.ts';
import { describeTakeOver, takenOverBy } from './guard.ts';
import { handBackWork } from './hand-back.ts';
import { NEW_TARGET, type TakeOver, type TargetItem, targetKey, type WorkItem, workKey, workOf } from './items.ts';
import { readIncident } from './journal-reader.ts';
import { runOfHolder } from './plan-items.ts';
import type { Labelled, Store } from './store.ts';
import { givenBack, resolved, takenOver } from './target-state.ts';
import { bumpWork, entryMaker, putEntry, removeWork } from './writes.ts';

/** What was asked doesn't fit what the journal says; nothing was written. The message says what to do. */
export class NotPossibleError extends EngineError {
  readonly retryable = false;
}

/** The person named an incident that isn't there: wrong usage, as for every name that isn't known. */
export class NoSuchIncidentError extends NotPossibleError {
  readonly exitCode = 2;
}

/** Who decides (`person:<name>`) and why. */
export interface Decided {
  readonly by: string;
  readonly reason: string;
  /** Written together with it, or it isn't written: a link that is used up by it. */
  readonly also?: readonly Labelled[];
}

/**
 * Takes a target out of Nightshift's hands until `until` (epoch ms); taking it over again replaces who, until when and why. A change
 * that is under way can't be called back: the target that is returned says so by its lease.
 * @returns the target as it was written.
 * @throws EngineError when the journal can't be read or written.
 */
export async function takeOver(
  store: Store,
  target: string,
  { by, reason, until, also = [] }: Decided & { readonly until: number },
  now = Date.now(),
): Promise<TargetItem> {
  const taken: TakeOver = { by, reason, until, since: new Date(now).toISOString() };
  let written: TargetItem | undefined;
  await writeTarget(store, target, (present) => {
    written = takenOver(present, taken);
    return {
      next: written,
      items: [...noteIn(store, present, by, now, 'taken-over', describeTakeOver(taken), { ...taken }), ...also],
    };
  });
  return written ?? NEW_TARGET;
}

/**
 * Gives a target back, whether a person took it over or Nightshift keeps its hands off by itself. What waits for it is due at once, and is
 * judged by the live value as it is then.
 * @throws NotPossibleError when Nightshift isn't kept away from it.
 */
export async function release(
  store: Store,
  target: string,
  { by, reason }: Decided,
  now = Date.now(),
): Promise<TargetItem> {
  let written: TargetItem | undefined;
  await writeTarget(store, target, (present) => {
    if (!takenOverBy(present, now) && !keptAwayUntil(present, now))
      throw new NotPossibleError(`${target} is in Nightshift's hands already: nobody has taken it over`);
    written = givenBack(present);
    return { next: written, items: noteIn(store, present, by, now, 'released', `given back to Nightshift: ${reason}`) };
  });
  await dueNow(store, target, written ?? NEW_TARGET, now);
  return written ?? NEW_TARGET;
}

/** Until when Nightshift keeps itself away, altogether or with one of its remediations; undefined when it doesn't. */
function keptAwayUntil({ handsOffUntil = 0, keptAway = {} }: TargetItem, now: number): number | undefined {
  const until = Math.max(handsOffUntil, ...Object.values(keptAway));
  return until > now ? until : undefined;
}

/** In the open incident, if there is one. */
function noteIn(
  { table }: Store,
  { openIncidentId }: TargetItem,
  by: string,
  now: number,
  kind: 'taken-over' | 'released',
  summary: string,
  data: Readonly<Record<string, unknown>> = {},
): Labelled[] {
  return openIncidentId ? [putEntry(table, entryMaker(openIncidentId, by, now)(kind, summary, data))] : [];
}

/** What was put off until a take-over, or a recovery plan, lets go of the target. */
export async function dueNow(
  store: Store,
  target: string,
  { alarms, holds, verifying }: TargetItem,
  now: number,
  andVerify?: 'and-verify',
): Promise<void> {
  const keys = [
    ...(andVerify ? Object.keys(verifying).map((name) => workKey('verify', workOf(target, name))) : []),
    ...Object.keys(alarms).map((subject) => workKey('recheck', subject)),
    ...holds.map(({ remediation }) => workKey('hand-back', workOf(target, remediation))),
  ];
  const waiting = [...(await store.readAll(keys)).values()] as unknown as WorkItem[];
  // Its refusal is ignored: whoever changed it meanwhile gave it a time that fits.
  for (const work of waiting.filter(({ dueAt }) => dueAt > now))
    await store.transact([bumpWork(store.table, work, now)]);
}

/**
 * Ends an incident by a person's word: its open work is removed and its target free. What Nightshift holds is handed back as after any other
 * incident. Alarms that still fire start a new incident only when they fire anew.
 * @returns ARNs of the alarms that were not OK.
 * @throws NotPossibleError when there is no such incident, it is over already, or a change is under way.
 */
export async function resolveByPerson(
  store: Store,
  incidentId: string,
  { by, reason, also = [] }: Decided,
  now = Date.now(),
): Promise<readonly string[]> {
  const incident = await openOne(store, incidentId);
  let firing: string[] = [];
  await writeTarget(store, incident.target, (present) => {
    const entry = putEntry(store.table, entryMaker(incidentId, by, now)('resolved', `ended by a person: ${reason}`));
    // Only its entries are open: what was held was left behind, or its target is in a later incident.
    if (present.openIncidentId !== incidentId) return { next: present, items: [entry, ...also] };
    if (present.leaseHolder !== undefined) throw new NotPossibleError(underWay(incident.target, present, now));
    firing = Object.keys(present.alarms).filter((arn) => present.alarms[arn] !== 'OK');
    // Quiet from now on, by the person's word: else a hold would wait for an alarm that nobody looks at any more.
    const next = { ...resolved(present), okSince: present.okSince ?? now };
    return {
      next,
      items: [
        entry,
        ...also,
        ...Object.keys(present.verifying).map((name) =>
          removeWork(store.table, 'verify', workOf(incident.target, name)),
        ),
        ...Object.keys(present.alarms).map((arn) => removeWork(store.table, 'recheck', arn)),
        ...handBackWork(store, incident.target, next, now),
      ],
    };
  });
  return firing;
}

/** Why an incident can't be ended now: what has its target in hand, and what ends that. Pure. */
export function underWay(target: string, { leaseHolder, leaseUntil = 0 }: TargetItem, now: number): string {
  const when = new Date(leaseUntil).toISOString();
  const run = runOfHolder(leaseHolder);
  if (run !== undefined)
    return leaseUntil > now
      ? `${target}: the run ${run} of a recovery plan has it in hand: wait for its end, or "nightshift stop ${run}"`
      : `${target}: the run ${run} of a recovery plan was left unfinished at ${when}: "nightshift stop ${run}" has it backed out`;
  return leaseUntil > now
    ? `${target}: ${leaseHolder} is under way until ${when}: wait for its end`
    : `${target}: ${leaseHolder} was left unfinished at ${when}: the reconciler takes it up; wait for its end`;
}

/**
 * Writes down that a person is looking at an incident, unless somebody said so a moment ago: an older acknowledgement may have lapsed, or have been
 * about trouble that is over, while people are called again.
 * @returns who had said so; nothing was written then.
 * @throws NotPossibleError when there is no such incident, or it is over.
 */
export async function acknowledge(
  store: Store,
  incidentId: string,
  by: string,
  now = Date.now(),
  also: readonly Labelled[] = [],
): Promise<string | undefined> {
  const { timeline } = await openOne(store, incidentId);
  const before = freshAcknowledgement(timeline, now);
  if (before) return before.by;
  const entry = entryMaker(incidentId, by, now)('acknowledged', `${by.replace(/^person:/, '')} is looking at it`);
  const result = await store.transact([putEntry(store.table, entry), ...also]);
  if (!result.ok) throw new NotPossibleError(`${incidentId}: its journal is being written by others: try again`);
  return undefined;
}

/**
 * Leaves people in peace about an open incident until `until` (epoch ms): its ladder stands still and begins anew afterwards.
 * @throws NotPossibleError when there is no such incident, or it is over.
 */
export async function snooze(
  store: Store,
  incidentId: string,
  { by, reason, until }: Decided & { readonly until: number },
  now = Date.now(),
): Promise<void> {
  await openOne(store, incidentId);
  const summary = `nobody is called until ${new Date(until).toISOString()}: ${reason}`;
  await note(store, entryMaker(incidentId, by, now)('snoozed', summary, { until, reason }));
}

/**
 * Changes how severe an open incident is: from then on its people are called as that severity says.
 * @throws NotPossibleError when there is no such incident, or it is over.
 */
export async function changeSeverity(
  store: Store,
  incidentId: string,
  { by, reason, severity }: Decided & { readonly severity: Severity },
  now = Date.now(),
): Promise<void> {
  const before = await openOne(store, incidentId);
  const summary = `${before.severity} becomes ${severity}: ${reason}`;
  await note(store, entryMaker(incidentId, by, now)('severity-changed', summary, { severity, reason }));
}

async function note(store: Store, entry: JournalEntry): Promise<void> {
  const result = await store.transact([putEntry(store.table, entry)]);
  if (!result.ok) throw new NotPossibleError(`${entry.incidentId}: its journal is being written by others: try again`);
}

async function openOne(store: Store, incidentId: string): Promise<IncidentWithTimeline> {
  const incident = await readIncident(store, incidentId);
  if (!incident) throw new NoSuchIncidentError(`no incident "${incidentId}" there: see "nightshift incidents"`);
  if (incident.state === 'resolved')
    throw new NotPossibleError(`${incidentId} is over since ${incident.resolvedAt ?? 'some time'}`);
  return incident;
}

/** The items of those targets, by name; one that was never touched is as new. */
export async function readTargets(store: Store, targets: readonly string[]): Promise<Map<string, TargetItem>> {
  const found = await store.readAll(targets.map(targetKey));
  return new Map(
    targets.map((name) => [name, { ...NEW_TARGET, ...(found.get(targetKey(name).pk) as Partial<TargetItem>) }]),
  );
}
