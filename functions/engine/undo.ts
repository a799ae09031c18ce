/**
 * A change that made things worse is undone at once, while its incident is open and a person is being called. The undo is an action like any
 * other: switch, lease, recorded intent. It claims no budget: putting back what we just did must not wait for a free slot.
 */
import type { Outcome } from '../../events/outcome.ts';
import { carryOut, readAction } from './action.ts';
import { checkAuthority } from './authority.ts';
import { mayChange, type Protected } from './config.ts';
import { type Context, leaseEnd, limitsOf, readTarget } from './context.ts';
import { EngineError } from './errors.ts';
import { describeTakeOver, SOON_MS, takenOverBy } from './guard.ts';
import { heldOf, valueWithout } from './holds.ts';
import { type ActionItem, type TargetItem, workKey } from './items.ts';
import type { Change, Hold } from './remediation.ts';
import { anyCopy, readSwitch } from './switch.ts';
import { leased } from './target-state.ts';
import { checkSwitch, entryMaker, newId, putAction, putEntry, putTarget, putWork, removeWork } from './writes.ts';

/** How a change is undone, or why it can't be by itself. */
type Undo =
  | { readonly kind: 'change'; readonly change: Change; readonly field?: string; readonly heldBefore?: Hold }
  | { readonly kind: 'none'; readonly why: string };

/**
 * Undoes the change of an action that was judged to have made things worse. Repeating it is harmless: the work that asks for it goes with the
 * commit of the undo.
 */
export async function undo<T extends Protected, O>(context: Context<T, O>, actionId: string): Promise<Outcome> {
  const { store, remediation, config } = context;
  const now = context.now();
  const bad = await readAction(store, actionId);
  const work = await store.read(workKey('undo', actionId));
  if (!bad || !work) return { kind: 'noted', detail: `${actionId}: nothing is to be undone` };
  const present = await readTarget(store, bad.target);
  const target = remediation.targetOf(bad.target, config);
  if (!target) return leave(context, bad, `${bad.target} is no longer in the configuration`);
  const { mode } = limitsOf(context);
  if (!mayChange(mode)) return leave(context, bad, `mode is ${mode} now`);
  const taken = takenOverBy(present, now);
  if (taken) return leave(context, bad, describeTakeOver(taken));
  if (present.leaseHolder !== undefined)
    return later(context, bad, 'another action has the target in hand', present.leaseUntil);
  const how = await undoOf(context, target, bad, present);
  if (how.kind === 'none') return leave(context, bad, how.why);
  const action: ActionItem = {
    actionId: `act-${newId(now)}`,
    remediation: bad.remediation,
    target: bad.target,
    incidentId: bad.incidentId,
    purpose: 'undo',
    ...(how.field !== undefined && { field: how.field }),
    ...(how.heldBefore && { heldBefore: how.heldBefore }),
    signalId: `undo-${actionId}`,
    change: how.change,
    status: 'intended',
    attempt: 1,
    leaseUntil: leaseEnd(context),
    requestId: context.requestId,
  };
  if (!(await commitUndo(context, present, action, actionId)))
    return later(context, bad, 'the target moved, or Nightshift is paused');
  return carryOut(context, target, action);
}

async function undoOf<T extends Protected, O>(
  { remediation, config }: Context<T, O>,
  target: T,
  bad: ActionItem,
  { holds }: TargetItem,
): Promise<Undo> {
  const { change, remediation: name, heldBefore } = bad;
  const field = change.hold?.field;
  const later = heldSince(holds, bad, remediation.manifest.holds ?? []);
  if (later) return { kind: 'none', why: `${later.remediation} has changed ${later.field} since` };
  if (change.undoChange)
    return {
      ...{ kind: 'change', change: change.undoChange },
      ...(field !== undefined && { field }),
      ...(heldBefore && { heldBefore }),
    };
  const hold = holds.find((each) => each.remediation === name && each.field === field);
  if (!hold || !remediation.decideHandBack) return { kind: 'none', why: 'its change carries no reverse' };
  const shown = {
    ...hold,
    value: heldOf(holds, hold.field)?.value ?? hold.value,
    baseline: valueWithout(holds, hold),
  };
  try {
    const observation = await remediation.observe(target, config);
    const verdict = remediation.decideHandBack({ target, hold: shown, observation, urgent: true });
    if (verdict.kind === 'restore') return { kind: 'change', change: verdict.change, field: hold.field };
    return { kind: 'none', why: verdict.detail };
  } catch (error) {
    if (error instanceof EngineError && !error.retryable) return { kind: 'none', why: error.message };
    throw error;
  }
}

/** What another remediation of ours has held since of a field that this one changes: its change is no stranger's, and counts for more than what was before both. */
const heldSince = (
  holds: readonly Hold[],
  { remediation, change, doneAt = 0 }: ActionItem,
  fields: readonly string[],
) =>
  change.hold
    ? undefined
    : holds.find(
        (each) => each.remediation !== remediation && fields.includes(each.field) && Date.parse(each.since) >= doneAt,
      );

async function commitUndo<T extends Protected, O>(
  context: Context<T, O>,
  present: TargetItem,
  action: ActionItem,
  undoes: string,
): Promise<boolean> {
  const { store } = context;
  const { table } = store;
  const now = context.now();
  const { change, remediation, target, actionId, incidentId } = action;
  // A copy alone doesn't tell of a pause that was cut short after its master.
  if ((await readSwitch(store)) !== 'run') return false;
  const data = { actionId, remediation, undoes, change: change.summary, before: change.before, after: change.after };
  const entry = entryMaker(incidentId, remediation, now)('intent', `will ${change.summary}`, data);
  const result = await store.transact([
    checkSwitch(table, anyCopy(context.random)),
    ...checkAuthority(table, context.config, target, action.leaseUntil),
    putTarget(table, target, present.version, leased(present, action, limitsOf(context).cooldownSeconds, now), { now }),
    putAction(table, action),
    putEntry(table, entry),
    putWork(table, { kind: 'unfinished', id: actionId, remediation, target, dueAt: action.leaseUntil, attempts: 0 }),
    removeWork(table, 'undo', undoes),
  ]);
  return result.ok;
}

/** A person was called already when the change was judged; the timeline says that it stays. */
async function leave<T extends Protected, O>(
  { store, now }: Context<T, O>,
  { actionId, incidentId, remediation, change }: ActionItem,
  why: string,
): Promise<Outcome> {
  const detail = `${change.summary} is not undone: ${why}`;
  const entry = entryMaker(incidentId, remediation, now())('left-as-is', detail, { actionId, undo: change.undo });
  await store.transact([putEntry(store.table, entry), removeWork(store.table, 'undo', actionId)]);
  return { kind: 'noted', detail };
}

async function later<T extends Protected, O>(
  { store, now }: Context<T, O>,
  { actionId, remediation, target }: ActionItem,
  why: string,
  until = 0,
): Promise<Outcome> {
  const dueAt = Math.max(until, now() + SOON_MS);
  await store.transact([putWork(store.table, { kind: 'undo', id: actionId, remediation, target, dueAt, attempts: 0 })]);
  return {
    kind: 'held',
    reason: 'change-under-way',
    detail: `${actionId} is not undone yet: ${why}`,
    recheckAt: new Date(dueAt).toISOString(),
  };
}
