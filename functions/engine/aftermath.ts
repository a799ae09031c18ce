/** After the change: the alarm that goes back to OK, verification, resolution or a call for a person. */

import type { JournalEntry } from '../../events/journal.ts';
import type { Outcome } from '../../events/outcome.ts';
import type { Signal } from '../../events/signal.ts';
import { readAction, writeTarget } from './action.ts';
import type { Protected } from './config.ts';
import { type Context, readTarget } from './context.ts';
import { EngineError, InFlightError } from './errors.ts';
import { SOON_MS } from './guard.ts';
import { handBackWork } from './hand-back.ts';
import type { ActionItem, AlarmItem, TargetItem } from './items.ts';
import { alarmKey, eventKey } from './items.ts';
import type { Verification } from './remediation.ts';
import type { Labelled, Store } from './store.ts';
import { alarmSeen, allOk, resolved } from './target-state.ts';
import { alarmOk, entryMaker, putEntry, putEvent, putWork, removeWork, updateAction } from './writes.ts';

/** `GONE`: there is no such alarm any more. */
export type AlarmStates = Readonly<Record<string, 'ALARM' | 'OK' | 'INSUFFICIENT_DATA' | 'GONE'>>;

/** An alarm went back to OK: noted in its incident, which is verified and resolved when all its alarms are OK. */
export async function handleResolved<T extends Protected, O>(context: Context<T, O>, signal: Signal): Promise<Outcome> {
  const { store, remediation } = context;
  const { name } = remediation.manifest;
  if (!remediation.targetOf(signal.target, context.config)) {
    return {
      kind: 'rejected',
      reason: 'target-not-configured',
      detail: `${signal.target} is not in the configuration`,
    };
  }
  const at = Date.parse(signal.at);
  const known = await store.readAll([eventKey(name, signal.id), alarmKey(signal.subject)]);
  if (known.has(eventKey(name, signal.id).pk)) return { kind: 'duplicate', of: 'noted' };
  const alarm = known.get(alarmKey(signal.subject).pk) as AlarmItem | undefined;
  const isLate = alarm !== undefined && alarm.stateAt > at;
  const outcome: Outcome = isLate
    ? { kind: 'already-fine', reason: 'a later state of the alarm is known' }
    : { kind: 'noted', detail: `${signal.name} is OK` };
  const event = putEvent(
    store.table,
    name,
    signal.id,
    { requestId: context.requestId, status: 'done', outcome },
    context.now(),
  );
  if (isLate) {
    const written = await store.transact([event]);
    if (!written.ok && written.failed.size === 0)
      throw new InFlightError(`${signal.id}: another delivery of this event is being written down`);
    return outcome;
  }
  await noteOk(context, signal, [
    event,
    alarmOk(store.table, signal.subject, at),
    removeWork(store.table, 'recheck', signal.subject),
  ]);
  await settle(context, signal.target);
  return outcome;
}

async function noteOk<T extends Protected, O>(
  context: Context<T, O>,
  signal: Signal,
  items: readonly Labelled[],
): Promise<void> {
  const { store, remediation } = context;
  const now = context.now();
  await writeTarget(store, signal.target, (present) => {
    const ours = present.openIncidentId !== undefined && signal.subject in present.alarms;
    if (!ours) return { next: present, items };
    const make = entryMaker(present.openIncidentId ?? '', remediation.manifest.name, now);
    const entry = make('alarm-ok', `alarm ${signal.name} is OK`, { subject: signal.subject, at: signal.at });
    return {
      next: alarmSeen(present, { [signal.subject]: 'OK' }, now),
      items: [
        ...items,
        putEntry(store.table, entry),
        settleLater(store, remediation.manifest.name, signal.target, now),
      ],
    };
  });
}

/** Should this function die before it has settled the incident, the reconciler has it done. */
const settleLater = (store: Store, remediation: string, target: string, dueAt: number): Labelled =>
  putWork(store.table, { kind: 'verify', id: target, remediation, target, dueAt, attempts: 0 });

/** Deleted alarms aren't looked at again. */
const recheckOf = (store: Store, seen: AlarmStates): Labelled[] =>
  Object.keys(seen)
    .filter((arn) => seen[arn] === 'GONE')
    .map((arn) => removeWork(store.table, 'recheck', arn));

/**
 * Looks whether the open incident of a target is over: every alarm OK and the last action verified; else, at the deadline, calls a person.
 * @param seen States of alarms as CloudWatch tells them now, when the caller has asked.
 */
export async function settle<T extends Protected, O>(
  context: Context<T, O>,
  targetName: string,
  told: AlarmStates = {},
): Promise<Outcome> {
  const { store } = context;
  const present = await readTarget(store, targetName);
  // Nobody will judge the alarms of what isn't protected any more.
  const configured = context.remediation.targetOf(targetName, context.config) !== undefined;
  const seen: AlarmStates = configured
    ? told
    : Object.fromEntries(Object.keys(present.alarms).map((arn) => [arn, 'GONE' as const]));
  const target = alarmSeen(present, seen, context.now());
  if (!target.openIncidentId) {
    // Together with the target as it was read: an incident opened meanwhile keeps its work.
    await writeTarget(store, targetName, (read) => ({
      next: read,
      items: read.openIncidentId ? [] : [removeWork(store.table, 'verify', targetName), ...recheckOf(store, seen)],
    }));
    return { kind: 'noted', detail: `${targetName} has no open incident` };
  }
  if (target.leaseHolder) {
    // Its change is being made, or its function died and it is resumed: until it ends nobody can say that the incident is over.
    const dueAt = Math.max(target.leaseUntil ?? 0, context.now() + SOON_MS);
    await store.transact([settleLater(store, context.remediation.manifest.name, targetName, dueAt)]);
    return { kind: 'noted', detail: `${targetName}: ${target.leaseHolder} is under way` };
  }
  if (Object.keys(target.alarms).length === 0)
    return resolve(
      context,
      targetName,
      seen,
      undefined,
      configured ? 'its last alarm was deleted while it was open' : 'its target was taken out of the configuration',
    );
  const action = target.verifying ? await readAction(store, target.verifying) : undefined;
  if (!action)
    return allOk(target)
      ? resolve(context, targetName, seen, undefined, 'cleared without a change')
      : stillFiring(targetName);
  return judgeAction(context, targetName, seen, target, action);
}

const stillFiring = (target: string): Outcome => ({ kind: 'noted', detail: `${target}: an alarm is still firing` });

async function judgeAction<T extends Protected, O>(
  context: Context<T, O>,
  targetName: string,
  seen: AlarmStates,
  target: TargetItem,
  action: ActionItem,
): Promise<Outcome> {
  const now = context.now();
  if (now < (action.verifyNotBefore ?? 0)) {
    await putVerify(context, targetName, action, action.verifyNotBefore ?? now);
    return { kind: 'noted', detail: `${action.actionId} is verified later` };
  }
  const alarmsOk = allOk(target);
  if (action.status === 'failed') {
    // Already escalated: a person has it. It ends when the alarms are OK, and isn't the action's success.
    if (alarmsOk) return resolve(context, targetName, seen, undefined, 'after a person was called');
    await putVerify(context, targetName, action, now + SOON_MS);
    return stillFiring(targetName);
  }
  const verdict = await look(context, targetName, action, alarmsOk);
  if (verdict.kind === 'good' && alarmsOk) return resolve(context, targetName, seen, action, verdict.detail);
  if (verdict.kind === 'bad')
    return notVerified(context, targetName, action, verdict.detail, now + verdict.stopForSeconds * 1000);
  if (now >= (action.verifyBy ?? 0)) {
    const why = alarmsOk ? verdict.detail : `the alarm is still firing; ${verdict.detail}`;
    return notVerified(context, targetName, action, why, undefined);
  }
  // A target that is quiet but not yet as wanted is looked at again soon; one that still fires, at the deadline or by its OK event.
  await putVerify(context, targetName, action, alarmsOk ? now : (action.verifyBy ?? now));
  return { kind: 'noted', detail: verdict.detail };
}

async function look<T extends Protected, O>(
  context: Context<T, O>,
  targetName: string,
  action: ActionItem,
  alarmsOk: boolean,
): Promise<Verification> {
  const { remediation, config } = context;
  const target = remediation.targetOf(targetName, config);
  if (!target) return { kind: 'not-yet', detail: `${targetName} is no longer in the configuration` };
  try {
    const observation = await remediation.observe(target, config);
    return remediation.verify({ target, change: action.change, report: action.report, observation, alarmsOk });
  } catch (error) {
    if (error instanceof EngineError && !error.retryable) return { kind: 'not-yet', detail: error.message };
    throw error;
  }
}

async function putVerify<T extends Protected, O>(
  { store }: Context<T, O>,
  target: string,
  action: ActionItem,
  dueAt: number,
): Promise<void> {
  const { remediation } = action;
  await store.transact([putWork(store.table, { kind: 'verify', id: target, remediation, target, dueAt, attempts: 0 })]);
}

async function resolve<T extends Protected, O>(
  context: Context<T, O>,
  targetName: string,
  seen: AlarmStates,
  action: ActionItem | undefined,
  detail: string,
): Promise<Outcome> {
  const { store, remediation } = context;
  const now = context.now();
  const verified = action && { ...action, status: 'verified' as const };
  let incidentId = '';
  await writeTarget(store, targetName, (read) => {
    const present = alarmSeen(read, seen, now);
    if (!present.openIncidentId || !allOk(present))
      throw new InFlightError(`${targetName}: its incident changed while it was being resolved`);
    incidentId = present.openIncidentId;
    const make = entryMaker(incidentId, remediation.manifest.name, now);
    const entries: JournalEntry[] = [];
    if (action) entries.push(make('verified', detail, { actionId: action.actionId }));
    if (Object.keys(present.alarms).length === 0)
      entries.push(make('escalated', `${detail}: nothing tells any more whether the trouble is over`));
    entries.push(make('resolved', action ? 'all alarms OK, action verified' : `no alarm is firing: ${detail}`));
    return {
      next: resolved(present),
      items: [
        ...(action && verified ? [updateAction(store.table, action, verified)] : []),
        ...entries.map((entry) => putEntry(store.table, entry)),
        removeWork(store.table, 'verify', targetName),
        ...recheckOf(store, seen),
        ...handBackWork(store, targetName, present, now),
      ],
    };
  });
  return { kind: 'noted', detail: `${incidentId} resolved` };
}

/** It didn't help: a person is called, and the incident stays open. */
async function notVerified<T extends Protected, O>(
  context: Context<T, O>,
  targetName: string,
  action: ActionItem,
  why: string,
  stopUntil: number | undefined,
): Promise<Outcome> {
  const { store, remediation } = context;
  const now = context.now();
  const reason = `${action.change.summary}: not verified: ${why}`;
  const make = entryMaker(action.incidentId, remediation.manifest.name, now);
  const { remediation: name } = action;
  await writeTarget(store, targetName, (present) => ({
    next: { ...present, escalatedAt: now, ...(stopUntil && { handsOffUntil: stopUntil }) },
    items: [
      updateAction(store.table, action, { ...action, status: 'failed' }),
      putEntry(store.table, make('not-verified', why, { actionId: action.actionId })),
      putEntry(store.table, make('escalated', reason, { actionId: action.actionId, undo: action.change.undo })),
      putWork(store.table, {
        kind: 'verify',
        id: targetName,
        remediation: name,
        target: targetName,
        dueAt: stopUntil ?? now + SOON_MS,
        attempts: 0,
      }),
    ],
  }));
  return { kind: 'escalated', incidentId: action.incidentId, reason };
}
