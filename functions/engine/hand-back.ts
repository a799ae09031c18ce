/** Handing back what was temporary: the undo is an action like any other. */
import type { JournalEntry } from '../../events/journal.ts';
import type { Outcome } from '../../events/outcome.ts';
import { carryOut, putTargetWork, writeTarget } from './action.ts';
import { checkAuthority } from './authority.ts';
import { anySlots, chooseSlots, claimSlots, listFree, removalBudget } from './budget.ts';
import { mayChange, type Protected } from './config.ts';
import { type Context, leaseEnd, limitsOf, readTarget } from './context.ts';
import { describeTakeOver, SOON_MS, type Stop, takenOverBy } from './guard.ts';
import { heldOf, holdsBy, valueWithout } from './holds.ts';
import { type ActionItem, type TargetItem, workOf } from './items.ts';
import type { Hold } from './remediation.ts';
import type { Labelled, Store } from './store.ts';
import { anyCopy, readSwitch } from './switch.ts';
import { handBacksLately, holdDropped, leased } from './target-state.ts';
import { changeForbidden } from './windows.ts';
import { checkSwitch, entryMaker, newId, putAction, putEntry, putTarget, putWork, removeWork } from './writes.ts';

/** After as many cycles of acting and undoing it isn't undone again: the load has grown, or two controllers pull at it. */
const MOST_CYCLES = 3;

/** The work that brings holds up once the target has been quiet for their stabilisation windows; nothing where nothing is held. */
export function handBackWork(store: Store, target: string, { holds, okSince }: TargetItem, now: number): Labelled[] {
  // One piece of work for each remediation, due with the first of its holds.
  const first = new Map<string, number>();
  for (const { remediation, stabiliseForSeconds } of holds) {
    const dueAt = (okSince ?? now) + stabiliseForSeconds * 1000;
    first.set(remediation, Math.min(dueAt, first.get(remediation) ?? dueAt));
  }
  return [...first].map(([remediation, dueAt]) => putTargetWork(store, 'hand-back', target, remediation, dueAt));
}

/**
 * Hands a temporary change back if the target has been quiet for its stabilisation window and the live value is still ours.
 * The undo is an action like any other: it goes through the switch, the lease and a recorded intent.
 */
export async function handBack<T extends Protected, O>(context: Context<T, O>, targetName: string): Promise<Outcome> {
  const { store, remediation, config } = context;
  const now = context.now();
  const present = await readTarget(store, targetName);
  const target = remediation.targetOf(targetName, config);
  const { name } = remediation.manifest;
  const [hold] = holdsBy(present.holds, name);
  if (!hold) {
    // Together with the target as it was read: a change made meanwhile keeps its work.
    await writeTarget(store, targetName, (read) => ({
      next: read,
      items: holdsBy(read.holds, name).length > 0 ? [] : [noHandBack(store, targetName, name)],
    }));
    return { kind: 'noted', detail: `${targetName} holds nothing of ${name}` };
  }
  if (!target) {
    const detail = `${targetName} is no longer in the configuration: ${hold.field} stays ${hold.value}, it was ${hold.baseline}`;
    return forget(context, targetName, hold, detail);
  }
  const quietFrom = (present.okSince ?? now) + hold.stabiliseForSeconds * 1000;
  const { mode } = limitsOf(context);
  // What was approved includes its undo.
  if (!mayChange(mode))
    return postpone(
      context,
      hold,
      targetName,
      now + config.handsOffSeconds * 1000,
      'mode',
      `mode is ${mode}, so nothing is changed`,
    );
  if (present.openIncidentId)
    return postpone(
      context,
      hold,
      targetName,
      now + hold.stabiliseForSeconds * 1000,
      'incident',
      'an incident is open',
    );
  if (quietFrom > now) return postpone(context, hold, targetName, quietFrom, 'stabilising', 'still stabilising');
  const taken = takenOverBy(present, now);
  if (taken) return postpone(context, hold, targetName, taken.until, 'taken-over', describeTakeOver(taken));
  const forbidden = changeForbidden(config.windows, targetName, now);
  if (forbidden) return postpone(context, hold, targetName, forbidden.until, 'window', forbidden.detail);
  // Also when the lease has run out: its intent is unfinished, and what it may have changed must not be taken for somebody else's work.
  if (present.leaseHolder !== undefined)
    return postpone(
      context,
      hold,
      targetName,
      Math.max(present.leaseUntil ?? now, now + SOON_MS),
      'lease',
      'another action has the target',
    );
  const held = heldOf(present.holds, hold.field) ?? hold;
  const back = valueWithout(present.holds, hold);
  if (back === held.value) return letGo(context, targetName, hold, back);
  const verdict = remediation.decideHandBack?.({
    target,
    hold: { ...hold, value: held.value, baseline: back },
    observation: await remediation.observe(target, config),
  });
  if (!verdict || verdict.kind === 'leave')
    return forget(context, targetName, hold, verdict?.detail ?? 'this remediation hands nothing back');
  if (verdict.kind === 'wait')
    return postpone(context, hold, targetName, now + verdict.recheckAfterSeconds * 1000, 'load', verdict.detail);
  if (handBacksLately(present, name, now).length >= MOST_CYCLES) {
    const stays = `${hold.field} stays ${held.value} instead of ${back}`;
    const reason = `handed back ${MOST_CYCLES} times within six hours and needed again each time: ${stays}`;
    return forget(context, targetName, hold, reason, true);
  }
  const action: ActionItem = {
    actionId: `act-${newId(now)}`,
    remediation: remediation.manifest.name,
    target: targetName,
    incidentId: hold.incidentId,
    purpose: 'hand-back',
    field: hold.field,
    signalId: `hand-back-${hold.incidentId}`,
    change: verdict.change,
    status: 'intended',
    attempt: 1,
    leaseUntil: leaseEnd(context),
    requestId: context.requestId,
  };
  const later = await commitHandBack(context, present, action);
  return later
    ? postpone(context, hold, targetName, later.at, later.reason, later.why)
    : carryOut(context, target, action);
}

interface Later {
  readonly at: number;
  readonly reason: Postponement;
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
  const soon: Later = {
    at: context.now() + SOON_MS,
    reason: 'moved',
    why: 'the target moved, or Nightshift is paused',
  };
  const budgets = [removalBudget(config)];
  // A copy alone doesn't tell of a pause that was cut short after its master.
  if ((await readSwitch(store)) !== 'run') return soon;
  let free = anySlots(budgets);
  for (let tries = 0; tries < TRIES; tries++) {
    // One moment for both: the hour of a slot that was claimed before would end before the hour of its intent.
    const now = context.now();
    const slots = claimSlots(store.table, free, chooseSlots(free, random), action.actionId, now);
    const result = await store.transact([...intentItems(context, present, action, now), ...slots]);
    if (result.ok) return undefined;
    if ([...result.failed.keys()].join() !== 'removal-budget') return soon;
    const listed = await listFree(store, budgets, now);
    if ('stop' in listed) return spentUntil(listed.stop, soon);
    free = listed.free;
  }
  return soon;
}

const spentUntil = (stop: Stop, soon: Later): Later =>
  stop.kind === 'refused' ? { at: stop.recheckAt, reason: 'budget', why: `${stop.setting}: ${stop.present}` } : soon;

function intentItems<T extends Protected, O>(
  context: Context<T, O>,
  present: TargetItem,
  action: ActionItem,
  now: number,
): Labelled[] {
  const { table } = context.store;
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
    checkSwitch(table, anyCopy(context.random)),
    ...checkAuthority(table, context.config, target, action.leaseUntil),
    putTarget(table, target, present.version, leased(present, action, limitsOf(context).cooldownSeconds, now), { now }),
    putAction(table, action),
    putEntry(table, entry),
    putWork(table, { kind: 'unfinished', id: actionId, remediation, target, dueAt: action.leaseUntil, attempts: 0 }),
  ];
}

const noHandBack = (store: Store, target: string, remediation: string): Labelled =>
  removeWork(store.table, 'hand-back', workOf(target, remediation));

/** Kinds of reasons for which a hand-back is put off. */
type Postponement =
  | 'mode'
  | 'incident'
  | 'stabilising'
  | 'taken-over'
  | 'window'
  | 'lease'
  | 'load'
  | 'budget'
  | 'moved';
/** They pass by themselves within moments, or belong to every hand-back: not worth a line in the timeline. */
const ROUTINE: readonly Postponement[] = ['incident', 'stabilising', 'lease', 'moved'];

/** Put off: with its hold for whoever looks at the target, and once for each reason in the timeline. */
async function postpone<T extends Protected, O>(
  { store, remediation, now }: Context<T, O>,
  hold: Hold,
  target: string,
  dueAt: number,
  reason: Postponement,
  why: string,
): Promise<Outcome> {
  const { name } = remediation.manifest;
  const detail = `${target} is not handed back yet: ${why}`;
  await writeTarget(store, target, (present) => {
    const mine = present.holds.find((each) => each.remediation === name && each.field === hold.field);
    const holds = present.holds.map((each) =>
      each === mine ? { ...each, postponed: { reason, why, until: dueAt } } : each,
    );
    const told = ROUTINE.includes(reason) || mine?.postponed?.reason === reason;
    const entry = entryMaker(hold.incidentId, name, now())('note', detail, { hold: { ...hold }, reason });
    return {
      next: { ...present, holds },
      items: [
        putTargetWork(store, 'hand-back', target, name, dueAt),
        ...(mine && !told ? [putEntry(store.table, entry)] : []),
      ],
    };
  });
  return { kind: 'held', reason: 'change-under-way', detail, recheckAt: new Date(dueAt).toISOString() };
}

/** Others hold as much of the field: nothing is changed, there is only one less who needs it. */
async function letGo<T extends Protected, O>(
  context: Context<T, O>,
  target: string,
  hold: Hold,
  stays: number,
): Promise<Outcome> {
  const detail = `${hold.remediation} no longer needs ${hold.field} at ${hold.value}; others keep it at ${stays}`;
  return endHold(context, target, hold, detail, (make) => [make('note', detail, { hold })]);
}

/**
 * The value stays, and is nobody's hold any more: somebody decided otherwise, or a person has to.
 * @param call Set when a person is called, because nobody else will lower it.
 */
async function forget<T extends Protected, O>(
  context: Context<T, O>,
  target: string,
  hold: Hold,
  detail: string,
  call = false,
): Promise<Outcome> {
  return endHold(context, target, hold, detail, (make) => [
    make('left-as-is', detail, { hold }),
    ...(call ? [make('escalated', `${target}: ${detail}`, { hold })] : []),
  ]);
}

async function endHold<T extends Protected, O>(
  context: Context<T, O>,
  target: string,
  hold: Hold,
  detail: string,
  tell: (make: ReturnType<typeof entryMaker>) => readonly JournalEntry[],
): Promise<Outcome> {
  const { store } = context;
  const { remediation, field } = hold;
  const now = context.now();
  await writeTarget(store, target, (present) => {
    const still = holdsBy(present.holds, remediation).find((each) => each.field === field);
    const next = holdDropped(present, remediation, field);
    const more = holdsBy(next.holds, remediation).length > 0;
    const entries = still ? tell(entryMaker(still.incidentId, remediation, now)) : [];
    return {
      next,
      items: [
        ...entries.map((entry) => putEntry(store.table, entry)),
        more ? putTargetWork(store, 'hand-back', target, remediation, now) : noHandBack(store, target, remediation),
      ],
    };
  });
  return { kind: 'noted', detail };
}
