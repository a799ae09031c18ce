/**
 * An action from its recorded intent to its end: made, failed, or resumed by a later delivery after this one died. One file in spite of its length: which end follows
 * which failure is one state machine, whose invariants (lease, attempt, intent) are only seen together.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import type { JournalEntry } from '../../events/journal.ts';
import type { Outcome } from '../../events/outcome.ts';
import { checkAuthority } from './authority.ts';
import { CHANGING_CALL_BUDGET_MS } from './clients.ts';
import type { Protected } from './config.ts';
import { type Context, leaseEnd, readTarget } from './context.ts';
import {
  ChangedBySomeoneElseError,
  EngineError,
  FrozenError,
  InFlightError,
  OutOfTimeError,
  PermissionError,
  RetryableError,
} from './errors.ts';
import { SOON_MS } from './guard.ts';
import { holdsBy } from './holds.ts';
import { type ActionItem, actionKey, type EventItem, eventKey, type Key, type TargetItem, workOf } from './items.ts';
import { handOnText, nextFor, nothingLeft } from './ladder.ts';
import { type Lapse, whyLapsed } from './lapse.ts';
import type { ActReport } from './remediation.ts';
import type { Labelled, Store } from './store.ts';
import { readSwitch } from './switch.ts';
import { acted, alarmsOk, handedBack, handsOff, holdPutBack, released, renewed } from './target-state.ts';
import {
  entryMaker,
  finishEvent,
  putEntry,
  putNextRung,
  putTarget,
  putWork,
  removeWork,
  updateAction,
} from './writes.ts';

/** Time kept free after the change to write down that it was made. */
const JOURNAL_BUDGET_MS = 4_000;
/** Deliveries that may try one intent before a person is called. */
const MAX_ATTEMPTS = 3;
const CAS_TRIES = 10;

/** What an ending writes besides the target: computed from the target as it is at that moment. */
export interface Ending {
  readonly next: TargetItem;
  readonly items: readonly Labelled[];
}

/**
 * Writes a change of a target's item, reading again whenever somebody else wrote first.
 * @throws RetryableError when it kept moving.
 */
export async function writeTarget(
  store: Store,
  target: string,
  ending: (present: TargetItem) => Ending,
): Promise<void> {
  for (let tries = 0; tries < CAS_TRIES; tries++) {
    if (tries > 0) await sleep(Math.random() * 20 * tries);
    const present = await readTarget(store, target);
    const { next, items } = ending(present);
    const result = await store.transact([putTarget(store.table, target, present.version, next), ...items]);
    if (result.ok) return;
    const other = [...result.failed.keys()].find((label) => label !== 'target');
    if (other) throw new InFlightError(`${target}: ${other} was changed by another delivery`);
  }
  throw new RetryableError(`${target}: its journal item kept changing`);
}

/**
 * Makes the recorded change and writes down what came of it.
 * @throws EngineError (retryable) when the change may or may not have happened: the intent stays open and is resumed.
 */
export async function carryOut<T extends Protected, O>(
  context: Context<T, O>,
  target: T,
  action: ActionItem,
): Promise<Outcome> {
  if (context.remaining() < CHANGING_CALL_BUDGET_MS + JOURNAL_BUDGET_MS) {
    throw new OutOfTimeError(`${action.actionId}: ${context.remaining()} ms left, too little to finish the change`);
  }
  let report: ActReport;
  try {
    report = await context.remediation.act(target, action.change, context.remaining, context.config, () =>
      mayGoOn(context, action),
    );
  } catch (error) {
    if (error instanceof FrozenError) return frozen(context, action);
    if (error instanceof ChangedBySomeoneElseError) return giveWay(context, action, error);
    if (error instanceof EngineError && !error.retryable) return refused(context, action, error);
    throw error;
  }
  return finish(context, action, report);
}

/** The commit has checked the switch a moment ago; this is for what comes after the first changing call, or some time later. */
async function mayGoOn<T extends Protected, O>({ store }: Context<T, O>, { actionId }: ActionItem): Promise<void> {
  if ((await readSwitch(store)) === 'freeze')
    throw new FrozenError(`${actionId}: Nightshift was frozen while it was under way`);
}

/** The intent stays as it is, and the reconciler brings it up again: no failed invocation for what a person asked for. */
function frozen<T extends Protected, O>({ now }: Context<T, O>, { actionId }: ActionItem): Outcome {
  const recheckAt = new Date(now() + SOON_MS).toISOString();
  return { kind: 'held', reason: 'paused', detail: `${actionId}: Nightshift is frozen`, recheckAt };
}

/**
 * Takes up an intent that a delivery left unfinished.
 * @throws InFlightError while that delivery may still be at work.
 */
export async function resume<T extends Protected, O>(context: Context<T, O>, actionId: string): Promise<Outcome> {
  const { remediation, config, store } = context;
  const action = await readAction(store, actionId);
  if (!action) throw new RetryableError(`${actionId}: the journal has no such action`);
  if (action.status !== 'intended') return { kind: 'duplicate', of: `${actionId} (${action.status})` };
  // Lambda's retry of the same request comes after its end; but the same request may also be delivered twice at once, which only
  // matters where a change can't be repeated.
  const retried = action.requestId === context.requestId && remediation.manifest.idempotency !== 'evidence';
  if (!retried && action.leaseUntil > context.now()) {
    throw new InFlightError(`${actionId} is under way until ${new Date(action.leaseUntil).toISOString()}`);
  }
  if (action.attempt >= MAX_ATTEMPTS)
    return fail(context, action, `${action.attempt} attempts ended without an answer`, MAYBE);
  if ((await readSwitch(store)) === 'freeze') return frozen(context, action);
  const target = remediation.targetOf(action.target, config);
  if (!target) return fail(context, action, `${action.target} is no longer in the configuration`, MAYBE);
  const mine = await takeOver(context, action);
  let observation: O;
  try {
    observation = await remediation.observe(target, config);
  } catch (error) {
    if (error instanceof EngineError && !error.retryable) return refused(context, mine, error);
    throw error;
  }
  switch (remediation.alreadyApplied(action.change, observation)) {
    case 'yes':
      return finish(context, mine, { summary: 'the change was found in effect', data: {} });
    case 'no': {
      const lapsed = await whyLapsed(context, mine);
      return lapsed ? lapse(context, mine, lapsed) : carryOut(context, target, mine);
    }
    case 'unclear':
      return fail(context, mine, 'an earlier attempt may or may not have made the change; it is not repeated', MAYBE);
  }
}

/** An intent whose reason has gone is ended without its change. */
async function lapse<T extends Protected, O>(
  context: Context<T, O>,
  action: ActionItem,
  { why, outcome }: Lapse,
): Promise<Outcome> {
  const make = entryMaker(action.incidentId, action.remediation, context.now());
  const entry = make('left-as-is', `did not ${action.change.summary}: ${why}`, { actionId: action.actionId });
  await end(context, action, outcome, [entry], (target) => target);
  return outcome;
}

export async function readAction(store: Store, actionId: string): Promise<ActionItem | undefined> {
  const item = (await store.read(actionKey(actionId))) as (ActionItem & Key) | undefined;
  if (!item) return undefined;
  const { pk: _pk, sk: _sk, ...action } = item;
  return action;
}

/** Attempt n becomes n + 1, by one delivery only, with a lease of its own. */
async function takeOver<T extends Protected, O>(context: Context<T, O>, action: ActionItem): Promise<ActionItem> {
  const { store } = context;
  const mine: ActionItem = {
    ...action,
    attempt: action.attempt + 1,
    leaseUntil: leaseEnd(context),
    requestId: context.requestId,
  };
  await writeTarget(store, action.target, (present) => {
    const other = present.leaseHolder !== undefined && present.leaseHolder !== action.actionId;
    if (other && (present.leaseUntil ?? 0) > context.now())
      throw new InFlightError(`${action.target} is leased to ${present.leaseHolder}`);
    const items = [updateAction(store.table, action, mine), unfinished(store, mine)];
    const authority = checkAuthority(store.table, context.config, action.target, mine.leaseUntil);
    return { next: renewed(present, mine), items: [...items, ...authority] };
  });
  return mine;
}

const unfinished = (store: Store, action: ActionItem): Labelled =>
  putWork(store.table, {
    kind: 'unfinished',
    id: action.actionId,
    remediation: action.remediation,
    target: action.target,
    dueAt: action.leaseUntil,
    attempts: 0,
  });

/** The change was made. */
async function finish<T extends Protected, O>(
  context: Context<T, O>,
  action: ActionItem,
  report: ActReport,
): Promise<Outcome> {
  const { store, remediation } = context;
  const now = context.now();
  const { incidentId, actionId } = action;
  const make = entryMaker(incidentId, remediation.manifest.name, now);
  const done: ActionItem = { ...action, status: 'done', report, doneAt: now };
  const outcome: Outcome = { kind: 'remediated', incidentId, actionId };
  const handingBack = action.purpose !== 'remediate';
  const data = { actionId, attempt: action.attempt, ...report.data };
  // Of this remediation only: what another one did is verified by itself.
  const superseded = (before: string | undefined) =>
    before === undefined || before === actionId
      ? []
      : [
          putEntry(
            store.table,
            make('not-verified', `the alarm still fired, so ${actionId} followed`, { actionId: before }),
          ),
        ];
  await writeTarget(store, action.target, (present) => {
    const next = handingBack ? putBack(released(present, actionId), action, now) : acted(present, action, now);
    const { hold } = action.change;
    const heldBefore = hold && holdsBy(present.holds, action.remediation).find(({ field }) => field === hold.field);
    return {
      next,
      items: [
        updateAction(store.table, action, { ...done, ...(heldBefore && { heldBefore }) }),
        putEntry(store.table, make(handingBack ? 'handed-back' : 'acted', report.summary, data)),
        removeWork(store.table, 'unfinished', actionId),
        ...(handingBack
          ? [nextHandBack(store, action, next, now)]
          : [
              ...superseded(present.verifying[action.remediation]),
              verifyWork(store, action, now, alarmsOk(present)),
              finishEvent(store.table, action.remediation, action.signalId, outcome),
            ]),
      ],
    };
  });
  return outcome;
}

/** What is undone without a hold leaves none behind; else a cycle of acting and undoing is complete, and what was held before that is held again. */
function putBack(target: TargetItem, { remediation, field, heldBefore }: ActionItem, now: number): TargetItem {
  if (field === undefined) return target;
  return heldBefore ? holdPutBack(target, heldBefore, now) : handedBack(target, remediation, field, now);
}

/** A remediation that holds another field, too, hands that back next. */
function nextHandBack(store: Store, { target, remediation }: ActionItem, next: TargetItem, dueAt: number): Labelled {
  const more = holdsBy(next.holds, remediation).length > 0;
  return more
    ? putTargetWork(store, 'hand-back', target, remediation, dueAt)
    : removeWork(store.table, 'hand-back', workOf(target, remediation));
}

/** A remediation's own work for a target: verification, or handing back. */
export const putTargetWork = (
  { table }: Store,
  kind: 'verify' | 'hand-back',
  target: string,
  remediation: string,
  dueAt: number,
): Labelled => putWork(table, { kind, id: workOf(target, remediation), remediation, target, dueAt, attempts: 0 });

/** Due when verification may first be believed; after that at the deadline, or at once when the alarms are OK already. */
function verifyWork(store: Store, action: ActionItem, now: number, alarmsOk: boolean): Labelled {
  const notBefore = action.verifyNotBefore ?? now;
  // Where guard metrics were read, something else may have become worse long before the deadline.
  const firing = Math.min(action.verifyBy ?? now, action.guardsBefore ? now + SOON_MS : Number.POSITIVE_INFINITY);
  const dueAt = notBefore > now ? notBefore : alarmsOk ? now : firing;
  return putTargetWork(store, 'verify', action.target, action.remediation, dueAt);
}

/** Somebody else changed the target between our look and our write: hands off, the alarm is looked at again later. */
async function giveWay<T extends Protected, O>(
  context: Context<T, O>,
  action: ActionItem,
  error: ChangedBySomeoneElseError,
): Promise<Outcome> {
  const now = context.now();
  const until = now + context.config.handsOffSeconds * 1000;
  const outcome: Outcome = {
    kind: 'held',
    reason: 'hands-off',
    detail: error.message,
    recheckAt: new Date(until).toISOString(),
  };
  const make = entryMaker(action.incidentId, action.remediation, now);
  await end(context, action, outcome, [make('left-as-is', error.message, { actionId: action.actionId })], (target) =>
    handsOff(target, until, action.field ?? action.change.hold?.field),
  );
  return outcome;
}

interface Failure {
  /** A person is told how to undo it only where it may have been made; then no other rung changes anything on top of it. */
  readonly mayHaveHappened: boolean;
  readonly needsPerson: boolean;
}
const MAYBE: Failure = { mayHaveHappened: true, needsPerson: true };

/** AWS said no, so nothing was changed. A missing permission is for a person to mend, whatever the next rung can do. */
const refused = <T extends Protected, O>(context: Context<T, O>, action: ActionItem, error: EngineError) =>
  fail(context, action, error.message, {
    mayHaveHappened: false,
    needsPerson: error instanceof PermissionError,
  });

/** The change can't be made: the next rung gets the signal, or a person is called. */
async function fail<T extends Protected, O>(
  context: Context<T, O>,
  action: ActionItem,
  reason: string,
  { mayHaveHappened, needsPerson }: Failure,
): Promise<Outcome> {
  const { incidentId, actionId, change, remediation, signal } = action;
  const now = context.now();
  const make = entryMaker(incidentId, remediation, now);
  const onward = signal && !mayHaveHappened ? nextFor(context.config, signal, remediation) : undefined;
  const call = needsPerson || !onward;
  const left = signal && !onward && !mayHaveHappened ? nothingLeft(context.config, signal) : '';
  const told = `${change.summary} failed: ${reason}`;
  const entries = [
    make('act-failed', `could not ${change.summary}: ${reason}`, { actionId, attempt: action.attempt }),
    ...(call ? [make('escalated', `${told}${left}`, { actionId, ...(mayHaveHappened && { undo: change.undo }) })] : []),
    ...(onward ? [make('handed-on', handOnText(told, onward), { remediation, next: onward })] : []),
  ];
  const outcome: Outcome = onward
    ? { kind: 'handed-on', incidentId, to: onward.remediation, reason }
    : { kind: 'escalated', incidentId, reason };
  const more = onward ? [putNextRung(context.store.table, onward, now)] : [];
  await end(
    context,
    action,
    outcome,
    entries,
    // A hand-back that fails after its incident must not silence the next one.
    (target) => (call && target.openIncidentId ? { ...target, escalatedAt: now } : target),
    more,
  );
  return outcome;
}

/** A hand-back that failed is tried again later, unless the target was taken over by somebody else. */
function handBackLater(
  store: Store,
  { target, remediation, incidentId }: ActionItem,
  present: TargetItem,
  dueAt: number,
): Labelled {
  const holds = holdsBy(present.holds, remediation);
  if (!holds.some((hold) => hold.incidentId === incidentId))
    return removeWork(store.table, 'hand-back', workOf(target, remediation));
  return putTargetWork(store, 'hand-back', target, remediation, dueAt);
}

async function end<T extends Protected, O>(
  { store, remediation, config, now }: Context<T, O>,
  action: ActionItem,
  outcome: Outcome,
  entries: readonly JournalEntry[],
  change: (target: TargetItem) => TargetItem,
  more: readonly Labelled[] = [],
): Promise<void> {
  const { actionId } = action;
  const retryAt = now() + config.handsOffSeconds * 1000;
  const event = (await store.read(eventKey(remediation.manifest.name, action.signalId))) as EventItem | undefined;
  await writeTarget(store, action.target, (present) => ({
    next: change(released(present, actionId)),
    items: [
      updateAction(store.table, action, { ...action, status: 'failed' }),
      ...entries.map((entry) => putEntry(store.table, entry)),
      removeWork(store.table, 'unfinished', actionId),
      ...(action.purpose === 'hand-back' ? [handBackLater(store, action, present, retryAt)] : []),
      ...(event ? [finishEvent(store.table, action.remediation, action.signalId, outcome)] : []),
      ...more,
    ],
  }));
}
