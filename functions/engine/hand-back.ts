/** Handing back what was temporary: the undo is an action like any other. */
import type { Outcome } from '../../events/outcome.ts';
import { carryOut, writeTarget } from './action.ts';
import { anySlots, claimOneOfEach, listFree, removalBudget } from './budget.ts';
import type { Protected } from './config.ts';
import { type Context, leaseEnd, limitsOf, readSwitch, readTarget } from './context.ts';
import { describeTakeOver, SOON_MS, type Stop, takenOverBy } from './guard.ts';
import type { ActionItem, TargetItem } from './items.ts';
import type { Labelled, Store } from './store.ts';
import { handBacksLately, holdDropped, leased } from './target-state.ts';
import { changeForbidden } from './windows.ts';
import { checkSwitch, entryMaker, newId, putAction, putEntry, putTarget, putWork, removeWork } from './writes.ts';

/** After as many cycles of acting and undoing it isn't undone again: the load has grown, or two controllers pull at it. */
const MOST_CYCLES = 3;

/** The work that brings a hold up once the target has been quiet for its stabilisation window; nothing where nothing is held. */
export function handBackWork(store: Store, target: string, { hold, okSince }: TargetItem, now: number): Labelled[] {
  if (!hold) return [];
  const dueAt = (okSince ?? now) + hold.stabiliseForSeconds * 1000;
  return [
    putWork(store.table, { kind: 'hand-back', id: target, remediation: hold.remediation, target, dueAt, attempts: 0 }),
  ];
}

/**
 * Hands a temporary change back if the target has been quiet for its stabilisation window and the live value is still ours.
 * The undo is an action like any other: it goes through the switch, the lease and a recorded intent.
 */
export async function handBack<T extends Protected, O>(context: Context<T, O>, targetName: string): Promise<Outcome> {
  const { store, remediation, config } = context;
  const now = context.now();
  const present = await readTarget(store, targetName);
  const { hold } = present;
  const target = remediation.targetOf(targetName, config);
  const { name } = remediation.manifest;
  if (!hold || hold.remediation !== name) {
    // Together with the target as it was read: a change made meanwhile keeps its work.
    await writeTarget(store, targetName, (read) => ({
      next: read,
      items: read.hold?.remediation === name ? [] : [removeWork(store.table, 'hand-back', targetName)],
    }));
    return { kind: 'noted', detail: `${targetName} holds nothing of ${name}` };
  }
  if (!target) {
    const detail = `${targetName} is no longer in the configuration: ${hold.field} stays ${hold.value}, it was ${hold.baseline}`;
    return forget(context, targetName, detail);
  }
  const quietFrom = (present.okSince ?? now) + hold.stabiliseForSeconds * 1000;
  const { mode } = limitsOf(context);
  if (mode !== 'auto')
    return postpone(context, targetName, now + config.handsOffSeconds * 1000, `mode is ${mode}, so nothing is changed`);
  if (present.openIncidentId)
    return postpone(context, targetName, now + hold.stabiliseForSeconds * 1000, 'an incident is open');
  if (quietFrom > now) return postpone(context, targetName, quietFrom, 'still stabilising');
  const taken = takenOverBy(present, now);
  if (taken) return postpone(context, targetName, taken.until, describeTakeOver(taken));
  const forbidden = changeForbidden(config.windows, targetName, now);
  if (forbidden) return postpone(context, targetName, forbidden.until, forbidden.detail);
  // Also when the lease has run out: its intent is unfinished, and what it may have changed must not be taken for somebody else's work.
  if (present.leaseHolder !== undefined)
    return postpone(
      context,
      targetName,
      Math.max(present.leaseUntil ?? now, now + SOON_MS),
      'another action has the target',
    );
  const verdict = remediation.decideHandBack?.({
    target,
    hold,
    observation: await remediation.observe(target, config),
  });
  if (!verdict || verdict.kind === 'leave')
    return forget(context, targetName, verdict?.detail ?? 'this remediation hands nothing back');
  if (verdict.kind === 'wait')
    return postpone(context, targetName, now + verdict.recheckAfterSeconds * 1000, verdict.detail);
  if (handBacksLately(present, now).length >= MOST_CYCLES) {
    const stays = `${hold.field} stays ${hold.value} instead of ${hold.baseline}`;
    const reason = `handed back ${MOST_CYCLES} times within six hours and needed again each time: ${stays}`;
    return forget(context, targetName, reason, true);
  }
  const action: ActionItem = {
    actionId: `act-${newId(now)}`,
    remediation: remediation.manifest.name,
    target: targetName,
    incidentId: hold.incidentId,
    purpose: 'hand-back',
    signalId: `hand-back-${hold.incidentId}`,
    change: verdict.change,
    status: 'intended',
    attempt: 1,
    leaseUntil: leaseEnd(context),
    requestId: context.requestId,
  };
  const later = await commitHandBack(context, present, action);
  return later ? postpone(context, targetName, later.at, later.why) : carryOut(context, target, action);
}

interface Later {
  readonly at: number;
  readonly why: string;
}

/** Tries of one hand-back, each with another slot of the removal budget. */
const TRIES = 4;

/** Undefined when the intent is written; else why and until when it is put off. */
async function commitHandBack<T extends Protected, O>(
  context: Context<T, O>,
  present: TargetItem,
  action: ActionItem,
): Promise<Later | undefined> {
  const { store, config, random } = context;
  const now = context.now();
  const soon: Later = { at: now + SOON_MS, why: 'the target moved, or Nightshift is paused' };
  const budgets = [removalBudget(config)];
  let free = anySlots(budgets);
  for (let tries = 0; tries < TRIES; tries++) {
    const slots = claimOneOfEach(store.table, free, action.actionId, now, random);
    const result = await store.transact([...(await intentItems(context, present, action)), ...slots]);
    if (result.ok) return undefined;
    if ([...result.failed.keys()].join() !== 'removal-budget') return soon;
    const listed = await listFree(store, budgets, now);
    if ('stop' in listed) return spentUntil(listed.stop, soon);
    free = listed.free;
  }
  return soon;
}

const spentUntil = (stop: Stop, soon: Later): Later =>
  stop.kind === 'refused' ? { at: stop.recheckAt, why: `${stop.setting}: ${stop.present}` } : soon;

async function intentItems<T extends Protected, O>(
  context: Context<T, O>,
  present: TargetItem,
  action: ActionItem,
): Promise<Labelled[]> {
  const { table } = context.store;
  const now = context.now();
  const { copy } = await readSwitch(context);
  const { change, remediation, target, actionId } = action;
  const entry = entryMaker(action.incidentId, remediation, now)('intent', `will ${change.summary}`, {
    actionId,
    remediation,
    change: change.summary,
    before: change.before,
    after: change.after,
    undo: change.undo,
  });
  return [
    checkSwitch(table, copy),
    putTarget(table, target, present.version, leased(present, action, limitsOf(context).cooldownSeconds, now), { now }),
    putAction(table, action),
    putEntry(table, entry),
    putWork(table, { kind: 'unfinished', id: actionId, remediation, target, dueAt: action.leaseUntil, attempts: 0 }),
  ];
}

async function postpone<T extends Protected, O>(
  { store, remediation }: Context<T, O>,
  target: string,
  dueAt: number,
  why: string,
): Promise<Outcome> {
  const { name } = remediation.manifest;
  await store.transact([
    putWork(store.table, { kind: 'hand-back', id: target, remediation: name, target, dueAt, attempts: 0 }),
  ]);
  return {
    kind: 'held',
    reason: 'change-under-way',
    detail: `${target} is not handed back yet: ${why}`,
    recheckAt: new Date(dueAt).toISOString(),
  };
}

/**
 * The value stays, and is nobody's hold any more: somebody decided otherwise, or a person has to.
 * @param call Set when a person is called, because nobody else will lower it.
 */
async function forget<T extends Protected, O>(
  context: Context<T, O>,
  target: string,
  detail: string,
  call = false,
): Promise<Outcome> {
  const { store, remediation } = context;
  await writeTarget(store, target, (present) => {
    const make = entryMaker(
      present.hold?.incidentId ?? present.openIncidentId ?? '',
      remediation.manifest.name,
      context.now(),
    );
    const { hold } = present;
    const entries = hold ? [putEntry(store.table, make('left-as-is', detail, { hold }))] : [];
    if (hold && call) entries.push(putEntry(store.table, make('escalated', `${target}: ${detail}`, { hold })));
    return { next: holdDropped(present), items: [...entries, removeWork(store.table, 'hand-back', target)] };
  });
  return { kind: 'noted', detail };
}
