/** The one door: a single transaction that admits an action or says which guardrail refused it, and records the intent. */

import type { Signal } from '../../events/signal.ts';
import type { Protected } from './config.ts';
import { type Context, calledLately, leaseEnd, limitsOf, type Situation } from './context.ts';
import { RetryableError } from './errors.ts';
import { budgetWindow, nextBudgetWindow, SOON_MS, type Stop } from './guard.ts';
import { type Opening, openIncident } from './incident.ts';
import { type ActionItem, slotKey } from './items.ts';
import type { Change } from './remediation.ts';
import type { Labelled, Store } from './store.ts';
import { leased } from './target-state.ts';
import {
  alarmFired,
  checkSwitch,
  claimSlot,
  newId,
  putAction,
  putEntry,
  putEvent,
  putTarget,
  putWork,
} from './writes.ts';

export type CommitResult =
  | { readonly kind: 'committed'; readonly action: ActionItem }
  /** Target or event moved since they were read: look again. */
  | { readonly kind: 'moved' }
  | { readonly kind: 'stopped'; readonly stop: Stop };

/** How often another free slot is tried when the chosen one was taken meanwhile. */
const SLOT_ROUNDS = 4;

interface Slots {
  readonly window: number;
  readonly runbook: number;
  readonly fleet: number;
}

/**
 * Commits the intent to make `change`.
 * @throws RetryableError when the journal can't be written, or every free slot was taken first.
 */
export async function commitIntent<T extends Protected, O>(
  context: Context<T, O>,
  signal: Signal,
  situation: Situation,
  change: Change,
): Promise<CommitResult> {
  const { store, remediation, config, random } = context;
  const limits = limitsOf(context);
  const opening = openIncident(context, signal, situation.target, situation.now);
  const action = newAction(context, signal, situation, change, opening.incidentId);
  const window = budgetWindow(situation.now);
  let slots: Slots = {
    window,
    runbook: Math.floor(random() * limits.perRunbookPerHour),
    fleet: Math.floor(random() * config.fleet.changesPerHour),
  };
  for (let round = 0; round < SLOT_ROUNDS; round++) {
    const result = await store.transact(intentItems(context, signal, situation, opening, action, slots));
    if (result.ok) return { kind: 'committed', action };
    if (ownCommit(result.failed.get('event'), action)) return { kind: 'committed', action };
    if (result.failed.size === 0) return { kind: 'moved' };
    const stop = refusal(result.failed, situation, signal);
    if (stop) return stop;
    const free = await freeSlots(store, remediation.manifest.name, slots, {
      runbook: limits.perRunbookPerHour,
      fleet: config.fleet.changesPerHour,
      random,
    });
    if (free.kind === 'stopped') return free;
    slots = free.slots;
  }
  throw new RetryableError(`commit on ${signal.target}: every slot that looked free was taken first`);
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
  return {
    actionId: `act-${newId(now)}`,
    remediation: context.remediation.manifest.name,
    target: signal.target,
    incidentId,
    purpose: 'remediate',
    signalId: signal.id,
    alarmArn: signal.alarmArn,
    change,
    status: 'intended',
    attempt: 1,
    leaseUntil: leaseEnd(context),
    requestId: context.requestId,
    verifyNotBefore: now + (change.verifyNotBeforeSeconds ?? 0) * 1000,
    verifyBy: now + (context.config.verifyWithinSeconds + (change.verifyNotBeforeSeconds ?? 0)) * 1000,
  };
}

/** Pure: the items of the commit, in the order in which their refusals are named. */
function intentItems<T extends Protected, O>(
  context: Context<T, O>,
  signal: Signal,
  situation: Situation,
  opening: Opening,
  action: ActionItem,
  slots: Slots,
): Labelled[] {
  const { store, remediation, requestId } = context;
  const { table } = store;
  const { now, target, switchCopy } = situation;
  const { name } = remediation.manifest;
  const limits = limitsOf(context);
  const { change } = action;
  const entries = [
    ...opening.entries,
    opening.make('intent', `will ${change.summary}`, {
      actionId: action.actionId,
      remediation: name,
      change: change.summary,
      before: change.before,
      after: change.after,
      undo: change.undo,
      verifyBy: action.verifyBy && new Date(action.verifyBy).toISOString(),
    }),
  ];
  // Change after change, each with a deadline of its own, must not put off the call for a person for ever.
  const deadline = context.config.verifyWithinSeconds * 1000;
  const call = target.openedAt !== undefined && now > target.openedAt + deadline && !calledLately(context, situation);
  if (call)
    entries.push(
      opening.make('escalated', `still firing after earlier changes; will ${change.summary}`, {
        actionId: action.actionId,
      }),
    );
  const next = call ? { ...opening.next, escalatedAt: now } : opening.next;
  return [
    putEvent(table, name, signal.id, { requestId, status: 'committed', actionId: action.actionId }, now),
    checkSwitch(table, switchCopy),
    putTarget(table, signal.target, target.version, leased(next, action, limits.cooldownSeconds, now), { now }),
    claimSlot(table, 'runbook-budget', name, slots.window, slots.runbook, action.actionId),
    claimSlot(table, 'fleet-budget', 'fleet', slots.window, slots.fleet, action.actionId),
    alarmFired(table, signal),
    putAction(table, action),
    ...entries.map((entry) => putEntry(table, entry)),
    putWork(table, {
      kind: 'unfinished',
      id: action.actionId,
      remediation: name,
      target: signal.target,
      dueAt: action.leaseUntil,
      attempts: 0,
    }),
    putWork(table, {
      kind: 'recheck',
      id: signal.alarmArn,
      remediation: name,
      target: signal.target,
      dueAt: now + limits.cooldownSeconds * 1000,
      attempts: 0,
      signal,
    }),
  ];
}

/** Which refusal ends the attempt; undefined when only slots were taken, for then other slots may be free. */
function refusal(failed: ReadonlyMap<string, unknown>, situation: Situation, signal: Signal): CommitResult | undefined {
  if (failed.has('event') || failed.has('target')) return { kind: 'moved' };
  const recheckAt = situation.now + SOON_MS;
  if (failed.has('switch')) {
    return {
      kind: 'stopped',
      stop: { kind: 'held', reason: 'paused', detail: 'Nightshift was paused meanwhile', recheckAt },
    };
  }
  if (failed.has('alarm-recovered')) {
    return { kind: 'stopped', stop: { kind: 'recovered', detail: `${signal.alarmName} went back to OK meanwhile` } };
  }
  return undefined;
}

interface SlotLimits {
  readonly runbook: number;
  readonly fleet: number;
  readonly random: () => number;
}

async function freeSlots(
  store: Store,
  remediation: string,
  { window }: Slots,
  limits: SlotLimits,
): Promise<{ kind: 'free'; slots: Slots } | Extract<CommitResult, { kind: 'stopped' }>> {
  const runbook = await freeSlot(store, remediation, window, limits.runbook, limits.random);
  if (runbook === undefined)
    return budgetSpent('runbook-budget', `perRunbookPerHour ${limits.runbook}`, limits.runbook, window);
  const fleet = await freeSlot(store, 'fleet', window, limits.fleet, limits.random);
  if (fleet === undefined)
    return budgetSpent('fleet-budget', `fleet.changesPerHour ${limits.fleet}`, limits.fleet, window);
  return { kind: 'free', slots: { window, runbook, fleet } };
}

async function freeSlot(
  store: Store,
  scope: string,
  window: number,
  limit: number,
  random: () => number,
): Promise<number | undefined> {
  const taken = await store.query({
    KeyConditionExpression: 'pk = :pk',
    ExpressionAttributeValues: { ':pk': { S: slotKey(scope, window, 0).pk } },
    ConsistentRead: true,
  });
  const names = new Set(taken.map((item) => item.sk));
  const free = Array.from({ length: limit }, (_, slot) => slot).filter(
    (slot) => !names.has(slotKey(scope, window, slot).sk),
  );
  return free[Math.floor(random() * free.length)];
}

function budgetSpent(guardrail: 'runbook-budget' | 'fleet-budget', setting: string, limit: number, window: number) {
  const present = `${limit} changes since ${new Date(window).toISOString()}`;
  const stop: Stop = { kind: 'refused', guardrail, setting, present, recheckAt: nextBudgetWindow(window) };
  return { kind: 'stopped' as const, stop };
}
