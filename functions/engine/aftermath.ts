/** After the change: the alarm that goes back to OK, verification, resolution or a call for a person. */

import type { Outcome } from '../../events/outcome.ts';
import { hasLevel, type Signal } from '../../events/signal.ts';
import { type Ending, putTargetWork, readAction, writeTarget } from './action.ts';
import { mayChange, type Protected } from './config.ts';
import { type Context, limitsOf, readTarget } from './context.ts';
import { InFlightError } from './errors.ts';
import { SOON_MS } from './guard.ts';
import type { ActionItem, AlarmItem, TargetItem } from './items.ts';
import { alarmKey, eventKey } from './items.ts';
import { type AlarmStates, noVerify, recheckOf, resolve } from './resolution.ts';
import type { Labelled } from './store.ts';
import { alarmSeen, allOk, othersVerifying } from './target-state.ts';
import { judgeAction } from './verification.ts';
import { compareWould } from './would.ts';
import { alarmOk, entryMaker, putEntry, putEvent, removeWork } from './writes.ts';

/** An alarm went back to OK, or AWS closed an event of AWS Health: noted in its incident, which is verified and resolved when all its alarms are OK. */
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
    if (!ours) return leftJoined(context, signal, present, items, now);
    const make = entryMaker(present.openIncidentId ?? '', remediation.manifest.name, now);
    const entry = make('alarm-ok', hasLevel(signal) ? `alarm ${signal.name} is OK` : `${signal.name} is over`, {
      subject: signal.subject,
      at: signal.at,
    });
    return {
      next: alarmSeen(present, { [signal.subject]: 'OK' }, now),
      items: [
        ...items,
        putEntry(store.table, entry),
        ...settlers(present, remediation.manifest.name).map((name) =>
          putTargetWork(store, 'verify', signal.target, name, now),
        ),
      ],
    };
  });
}

/** What had joined another target's incident is told there. */
function leftJoined<T extends Protected, O>(
  { store, remediation }: Context<T, O>,
  signal: Signal,
  present: TargetItem,
  items: readonly Labelled[],
  now: number,
): Ending {
  const { joinedTo, ...rest } = present;
  if (joinedTo === undefined) return { next: present, items };
  const make = entryMaker(joinedTo, remediation.manifest.name, now);
  const entry = make('note', `${signal.name} on ${signal.target} is OK`, { joined: signal.subject });
  return { next: rest, items: [...items, putEntry(store.table, entry)] };
}

/**
 * Who looks at the target now that an alarm of it is OK: whoever waits for a verification, and the remediation that heard of it. Should a
 * function die before it has done so, the reconciler has it done.
 */
const settlers = (target: TargetItem, name: string): string[] => [name, ...othersVerifying(target, name)];

/**
 * Looks whether the open incident of a target is over: every alarm OK and every remediation's last action verified. Each remediation judges its
 * own, at the latest at its deadline, when it calls a person; the last one resolves the incident.
 * @param told States of alarms as CloudWatch tells them now, when the caller has asked.
 */
export async function settle<T extends Protected, O>(
  context: Context<T, O>,
  targetName: string,
  told: AlarmStates = {},
): Promise<Outcome> {
  const { store, remediation } = context;
  const { name } = remediation.manifest;
  const present = await readTarget(store, targetName);
  // Nobody will judge the alarms of what isn't protected any more.
  const protectedTarget = remediation.targetOf(targetName, context.config);
  const configured = protectedTarget !== undefined;
  const seen: AlarmStates = configured
    ? told
    : Object.fromEntries(Object.keys(present.alarms).map((arn) => [arn, 'GONE' as const]));
  const target = alarmSeen(present, seen, context.now());
  if (!target.openIncidentId) {
    // Together with the target as it was read: an incident opened meanwhile keeps its work.
    await writeTarget(store, targetName, (read) => ({
      next: read,
      items: read.openIncidentId ? [] : [noVerify(store, targetName, name), ...recheckOf(store, seen)],
    }));
    return { kind: 'noted', detail: `${targetName} has no open incident` };
  }
  if (target.leaseHolder) {
    // Its change is being made, or its function died and it is resumed: until it ends nobody can say that the incident is over.
    const overdue = await overdueAction(context, target);
    if (overdue) return judgeAction(context, targetName, seen, target, overdue);
    const dueAt = Math.max(target.leaseUntil ?? 0, context.now() + SOON_MS);
    await store.transact([putTargetWork(store, 'verify', targetName, name, dueAt)]);
    return { kind: 'noted', detail: `${targetName}: ${target.leaseHolder} is under way` };
  }
  if (Object.keys(target.alarms).length === 0)
    return resolve(
      context,
      targetName,
      seen,
      target.verifying[name],
      undefined,
      configured ? 'its last alarm was deleted while it was open' : 'its target was taken out of the configuration',
    );
  const actionId = target.verifying[name];
  const action = actionId === undefined ? undefined : await readAction(store, actionId);
  if (action) return judgeAction(context, targetName, seen, target, action);
  if (protectedTarget && !mayChange(limitsOf(context).mode))
    await compareWould(context, protectedTarget, target.openIncidentId);
  if (!allOk(target)) {
    // Together with the target as it was read: a change made meanwhile keeps its own time. Written, so that the order counts as taken up.
    const dueAt = context.now() + context.config.reconcileEverySeconds * 1000;
    await writeTarget(store, targetName, (read) => ({
      next: read,
      items: read.verifying[name] || read.leaseHolder ? [] : [putTargetWork(store, 'verify', targetName, name, dueAt)],
    }));
    return stillFiring(targetName);
  }
  const how = target.escalatedAt === undefined ? 'cleared without a change' : 'after a person was called';
  return resolve(context, targetName, seen, actionId, undefined, how);
}

/**
 * The action of this remediation that should be verified by now, where another one's intent is open and nobody is at work on it. A freeze may keep it open for
 * as long as people like, and whether an earlier change helped is to be known all the same (invariant I7).
 */
async function overdueAction<T extends Protected, O>(
  { store, remediation, now }: Context<T, O>,
  { leaseHolder, leaseUntil = 0, verifying }: TargetItem,
): Promise<ActionItem | undefined> {
  const actionId = verifying[remediation.manifest.name];
  if (actionId === undefined || actionId === leaseHolder || leaseUntil > now()) return undefined;
  const action = await readAction(store, actionId);
  return now() >= (action?.verifyBy ?? Number.POSITIVE_INFINITY) ? action : undefined;
}

const stillFiring = (target: string): Outcome => ({ kind: 'noted', detail: `${target}: an alarm is still firing` });
