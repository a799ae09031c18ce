/** After the change: the alarm that goes back to OK, verification, resolution or a call for a person. */

import type { JournalEntry } from '../../events/journal.ts';
import type { Outcome } from '../../events/outcome.ts';
import { isAlarm, type Signal } from '../../events/signal.ts';
import { putTargetWork, readAction, writeTarget } from './action.ts';
import type { Protected } from './config.ts';
import { type Context, readTarget } from './context.ts';
import { EngineError, InFlightError } from './errors.ts';
import { SOON_MS } from './guard.ts';
import { handBackWork } from './hand-back.ts';
import type { ActionItem, AlarmItem, TargetItem } from './items.ts';
import { alarmKey, eventKey, workOf } from './items.ts';
import { handOnText, nextFor, nothingLeft } from './ladder.ts';
import type { Verification } from './remediation.ts';
import type { Labelled, Store } from './store.ts';
import { alarmSeen, alarmsOk, allOk, judged, keptAway, othersVerifying, resolved } from './target-state.ts';
import { alarmOk, entryMaker, putEntry, putEvent, putNextRung, removeWork, updateAction } from './writes.ts';

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
        ...settlers(present, remediation.manifest.name).map((name) =>
          putTargetWork(store, 'verify', signal.target, name, now),
        ),
      ],
    };
  });
}

/**
 * Who looks at the target now that an alarm of it is OK: whoever waits for a verification, and the remediation that heard of it. Should a
 * function die before it has done so, the reconciler has it done.
 */
const settlers = (target: TargetItem, name: string): string[] => [name, ...othersVerifying(target, name)];

/** Deleted alarms aren't looked at again. */
const recheckOf = (store: Store, seen: AlarmStates): Labelled[] =>
  Object.keys(seen)
    .filter((arn) => seen[arn] === 'GONE')
    .map((arn) => removeWork(store.table, 'recheck', arn));

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
  const configured = remediation.targetOf(targetName, context.config) !== undefined;
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

const stillOpen = ({ alarms }: TargetItem): string[] => Object.keys(alarms).filter((each) => alarms[each] !== 'OK');

const noVerify = (store: Store, target: string, remediation: string): Labelled =>
  removeWork(store.table, 'verify', workOf(target, remediation));

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
  const quiet = alarmsOk(target);
  const verdict = await look(context, targetName, action, quiet);
  if (verdict.kind === 'good' && quiet)
    return resolve(context, targetName, seen, action.actionId, action, verdict.detail);
  if (verdict.kind === 'bad')
    return notVerified(context, targetName, action, verdict.detail, now + verdict.stopForSeconds * 1000);
  if (now >= (action.verifyBy ?? 0)) {
    const why = quiet ? verdict.detail : `the alarm is still firing; ${verdict.detail}`;
    return notVerified(context, targetName, action, why, undefined);
  }
  // A target that is quiet but not yet as wanted is looked at again soon; one that still fires, at the deadline or by its OK event.
  await putVerify(context, targetName, action, quiet ? now : (action.verifyBy ?? now));
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
  { remediation }: ActionItem,
  dueAt: number,
): Promise<void> {
  await store.transact([putTargetWork(store, 'verify', target, remediation, dueAt)]);
}

/**
 * Nothing is left to do for this remediation, whose action helped if it made one. The incident is over with it, unless an action of another
 * remediation waits for its own verification: that one ends it.
 * @param waited id of the action of this remediation that waited for its verification when the target was read.
 */
async function resolve<T extends Protected, O>(
  context: Context<T, O>,
  targetName: string,
  seen: AlarmStates,
  waited: string | undefined,
  action: ActionItem | undefined,
  detail: string,
): Promise<Outcome> {
  const { store, remediation } = context;
  const { name } = remediation.manifest;
  const now = context.now();
  let ended = '';
  await writeTarget(store, targetName, (read) => {
    // What happened without a level is over once the change that answers it is verified.
    const subject = action?.signal?.subject;
    const over = subject !== undefined && !isAlarm(subject) ? { [subject]: 'OK' as const } : {};
    const present = alarmSeen(read, { ...seen, ...over }, now);
    const { openIncidentId } = present;
    if (!openIncidentId || !alarmsOk(present) || present.verifying[name] !== waited)
      throw new InFlightError(`${targetName}: its incident changed while it was being resolved`);
    const make = entryMaker(openIncidentId, name, now);
    const entries: JournalEntry[] = [];
    if (action) entries.push(make('verified', detail, { actionId: action.actionId }));
    const items = [
      ...(action ? [updateAction(store.table, action, { ...action, status: 'verified' as const })] : []),
      ...recheckOf(store, seen),
      ...Object.keys(over).map((each) => removeWork(store.table, 'recheck', each)),
    ];
    const put = () => entries.map((entry) => putEntry(store.table, entry));
    const waiting = othersVerifying(present, name);
    const told = Object.keys(present.alarms).length > 0;
    if (waiting.length > 0 && told) {
      ended = `${openIncidentId} waits for the verification of ${waiting.join(' and ')}`;
      return { next: judged(present, name), items: [...items, noVerify(store, targetName, name), ...put()] };
    }
    if (!allOk(present)) {
      // Something else without a level is still to be judged by its own recheck.
      ended = `${openIncidentId} stays open: ${stillOpen(present).join(', ')}`;
      return { next: judged(present, name), items: [...items, noVerify(store, targetName, name), ...put()] };
    }
    ended = `${openIncidentId} resolved`;
    if (!told) entries.push(make('escalated', `${detail}: nothing tells any more whether the trouble is over`));
    entries.push(make('resolved', action ? 'all alarms OK, action verified' : `no alarm is firing: ${detail}`));
    return {
      next: resolved(present),
      items: [
        ...items,
        noVerify(store, targetName, name),
        ...put(),
        ...waiting.map((other) => noVerify(store, targetName, other)),
        ...handBackWork(store, targetName, present, now),
      ],
    };
  });
  return { kind: 'noted', detail: ended };
}

/** It didn't help: the next rung gets the signal as long as it is still firing, else a person is called; the incident stays open. */
async function notVerified<T extends Protected, O>(
  context: Context<T, O>,
  targetName: string,
  action: ActionItem,
  why: string,
  stopUntil: number | undefined,
): Promise<Outcome> {
  const { store, remediation, config } = context;
  const { table } = store;
  const now = context.now();
  const { remediation: name, actionId, incidentId, signal } = action;
  const make = entryMaker(incidentId, remediation.manifest.name, now);
  let outcome: Outcome = { kind: 'escalated', incidentId, reason: why };
  await writeTarget(store, targetName, (present) => {
    if (present.verifying[name] !== actionId)
      throw new InFlightError(`${targetName}: ${actionId} was judged by another delivery`);
    const firing = signal !== undefined && present.alarms[signal.subject] !== 'OK';
    const onward = firing ? nextFor(config, signal, name) : undefined;
    const left = firing && !onward ? nothingLeft(config, signal) : '';
    const reason = `${action.change.summary}: not verified: ${why}${left}`;
    outcome = onward
      ? { kind: 'handed-on', incidentId, to: onward.remediation, reason }
      : { kind: 'escalated', incidentId, reason };
    const entries = onward
      ? [
          make('not-verified', why, { actionId, next: onward }),
          make('handed-on', handOnText(reason, onward), { remediation: name, next: onward }),
        ]
      : [make('not-verified', why, { actionId }), make('escalated', reason, { actionId, undo: action.change.undo })];
    const next = judged(onward ? present : { ...present, escalatedAt: now }, name);
    return {
      next: stopUntil === undefined ? next : keptAway(next, name, stopUntil),
      items: [
        updateAction(table, action, { ...action, status: 'failed' }),
        ...entries.map((entry) => putEntry(table, entry)),
        putTargetWork(store, 'verify', targetName, name, stopUntil ?? now + SOON_MS),
        ...(onward ? [putNextRung(table, onward, now)] : []),
      ],
    };
  });
  return outcome;
}
