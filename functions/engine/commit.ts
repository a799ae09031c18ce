/** The one door: a single transaction that admits an action or says which guardrail refused it, and records the intent. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Signal } from '../../events/signal.ts';
import { type Approval, approvers } from './approval.ts';
import { useApproval } from './approvals.ts';
import { checkAuthority } from './authority.ts';
import { anySlots, budgetsOf, type ChosenSlots, chooseSlots, claimSlots, type FreeSlots, listFree } from './budget.ts';
import type { Protected } from './config.ts';
import { type Context, calledLately, deadlineOf, leaseEnd, limitsOf, type Situation } from './context.ts';
import { SOON_MS, type Stop } from './guard.ts';
import type { GuardReadings } from './guard-metrics.ts';
import { type Opening, openIncident } from './incident.ts';
import type { ActionItem } from './items.ts';
import type { Change } from './remediation.ts';
import type { Cancelled, Labelled } from './store.ts';
import { anyCopy } from './switch.ts';
import { leased } from './target-state.ts';
import {
  alarmFired,
  checkSwitch,
  newId,
  putAction,
  putEntry,
  putEvent,
  putRecheck,
  putTarget,
  putWork,
} from './writes.ts';

export type CommitResult =
  | { readonly kind: 'committed'; readonly action: ActionItem }
  /** Target or event moved since they were read: look again. */
  | { readonly kind: 'moved' }
  | { readonly kind: 'stopped'; readonly stop: Stop };

/** Tries of one commit. Where others were, another copy of the switch or another slot is taken; the rest stays as it was. */
const TRIES = 12;
/** Pauses between them are random, at most this long; they double up to it. */
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 1_000;
/** Slots that turned out to be taken before the taken ones are listed, which costs a read of the whole budget. */
const PROBES = 2;

/** What a commit needs one of, and any will do: chosen at random, so that commits that have nothing to do with each other rarely meet. */
interface Choice {
  readonly switchCopy: number;
  readonly free: FreeSlots;
  readonly slots: ChosenSlots;
}

/**
 * Commits the intent to make `change`.
 * @param basis Guard metrics as observed before it; the approval that lets it be made, which is used up by it.
 * @throws EngineError when the journal can't be written.
 */
export async function commitIntent<T extends Protected, O>(
  context: Context<T, O>,
  signal: Signal,
  situation: Situation,
  change: Change,
  basis: { readonly guardsBefore?: GuardReadings | undefined; readonly approval?: Approval | undefined } = {},
): Promise<CommitResult> {
  const { store, remediation, config, random } = context;
  const limits = limitsOf(context);
  const opening = openIncident(context, signal, situation.target, situation.now);
  const { guardsBefore, approval } = basis;
  const action = {
    ...newAction(context, signal, situation, change, opening.incidentId),
    ...(guardsBefore && Object.keys(guardsBefore).length > 0 && { guardsBefore }),
    ...(approval && { approvalId: approval.approvalId }),
  };
  const budgets = budgetsOf(remediation.manifest, limits, config);
  const anyFree = anySlots(budgets);
  let choice: Choice = { switchCopy: anyCopy(random), free: anyFree, slots: chooseSlots(anyFree, random) };
  let taken = 0;
  for (let tries = 1; tries <= TRIES; tries++) {
    const result = await store.transactOnce(intentItems(context, signal, situation, opening, action, choice, approval));
    if (result.ok) return { kind: 'committed', action };
    if (ownCommit(result.failed.get('event'), action)) return { kind: 'committed', action };
    const stop = refusal(result.failed, situation, signal);
    if (stop) return stop;
    let { free } = choice;
    if (result.failed.size > 0 && ++taken >= PROBES) {
      const listed = await listFree(store, budgets, situation.now);
      if ('stop' in listed) return { kind: 'stopped', stop: listed.stop };
      free = listed.free;
    }
    choice = chooseAgain(choice, free, result, random);
    if (tries < TRIES) await sleep(random() * Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** tries));
  }
  // Nothing was refused: others were quicker each time. The target is looked at again, and in the end the signal is put aside as contended.
  return { kind: 'moved' };
}

/** Pure: keeps what nobody was at, because what is free for one is likely to be free a moment later, and moves on where somebody was. */
function chooseAgain({ switchCopy, slots }: Choice, free: FreeSlots, { failed, met }: Cancelled, random: () => number) {
  const keep = Object.fromEntries(Object.entries(slots).filter(([label]) => !failed.has(label) && !met.has(label)));
  return {
    switchCopy: met.has('switch') ? anyCopy(random) : switchCopy,
    free,
    slots: chooseSlots(free, random, keep),
  };
}

/** An earlier try of this very transaction took effect though its answer was lost. */
const ownCommit = (event: Record<string, unknown> | undefined, action: ActionItem) =>
  event?.actionId === action.actionId;

function newAction<T extends Protected, O>(
  context: Context<T, O>,
  signal: Signal,
  { now }: Situation,
  change: Change,
  incidentId: string,
): ActionItem {
  const within = limitsOf(context).verifyWithinSeconds ?? context.config.verifyWithinSeconds;
  return {
    actionId: `act-${newId(now)}`,
    remediation: context.remediation.manifest.name,
    target: signal.target,
    incidentId,
    purpose: 'remediate',
    signalId: signal.id,
    signal,
    change,
    status: 'intended',
    attempt: 1,
    leaseUntil: leaseEnd(context),
    requestId: context.requestId,
    verifyNotBefore: now + (change.verifyNotBeforeSeconds ?? 0) * 1000,
    verifyBy: now + (within + (change.verifyNotBeforeSeconds ?? 0)) * 1000,
  };
}

/** Pure: the items of the commit, in the order in which their refusals are named. */
function intentItems<T extends Protected, O>(
  context: Context<T, O>,
  signal: Signal,
  situation: Situation,
  opening: Opening,
  action: ActionItem,
  choice: Choice,
  approval: Approval | undefined,
): Labelled[] {
  const { store, remediation, requestId } = context;
  const { table } = store;
  const { now, target } = situation;
  const { name } = remediation.manifest;
  const limits = limitsOf(context);
  const { change } = action;
  const entries = [
    ...opening.entries,
    opening.make('intent', `will ${change.summary}${approval ? `, approved by ${approvers(approval)}` : ''}`, {
      actionId: action.actionId,
      remediation: name,
      change: change.summary,
      before: change.before,
      after: change.after,
      undo: change.undo,
      ...(approval && { approvalId: approval.approvalId }),
      verifyBy: action.verifyBy && new Date(action.verifyBy).toISOString(),
    }),
  ];
  // Change after change, each with a deadline of its own, must not put off the call for a person for ever.
  const call =
    target.openedAt !== undefined &&
    now > target.openedAt + deadlineOf(context, signal) &&
    !calledLately(context, situation);
  if (call)
    entries.push(
      opening.make('escalated', `still firing after earlier changes; will ${change.summary}`, {
        actionId: action.actionId,
      }),
    );
  const next = call ? { ...opening.next, escalatedAt: now } : opening.next;
  return [
    putEvent(table, name, signal.id, { requestId, status: 'committed', actionId: action.actionId }, now),
    checkSwitch(table, choice.switchCopy),
    ...checkAuthority(table, context.config, signal.target, action.leaseUntil),
    putTarget(table, signal.target, target.version, leased(next, action, limits.cooldownSeconds, now), { now }),
    ...claimSlots(table, choice.free, choice.slots, action.actionId, now),
    alarmFired(table, signal),
    putAction(table, action),
    ...(approval ? [useApproval(table, approval)] : []),
    ...entries.map((entry) => putEntry(table, entry)),
    putWork(table, {
      kind: 'unfinished',
      id: action.actionId,
      remediation: name,
      target: signal.target,
      dueAt: action.leaseUntil,
      attempts: 0,
    }),
    putRecheck(table, name, signal, now + limits.cooldownSeconds * 1000),
  ];
}

/** Which refusal ends the attempt; undefined when only slots were taken, for then other slots may be free. */
function refusal(failed: ReadonlyMap<string, unknown>, situation: Situation, signal: Signal): CommitResult | undefined {
  if (failed.has('event') || failed.has('target') || failed.has('approval')) return { kind: 'moved' };
  const recheckAt = situation.now + SOON_MS;
  if (failed.has('switch')) {
    return {
      kind: 'stopped',
      stop: { kind: 'held', reason: 'paused', detail: 'Nightshift was paused meanwhile', recheckAt },
    };
  }
  if (failed.has('authority')) {
    const detail = `the standby's region grants no time to act on ${signal.target}: it may be taking over`;
    return { kind: 'stopped', stop: { kind: 'held', reason: 'lease', detail, recheckAt } };
  }
  if (failed.has('alarm-recovered')) {
    return { kind: 'stopped', stop: { kind: 'recovered', detail: `${signal.name} went back to OK meanwhile` } };
  }
  return undefined;
}
