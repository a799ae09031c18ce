/** Did an action help? Judged by its remediation and by the guard metrics of its runbook; what follows when it didn't, or made things worse. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Outcome } from '../../events/outcome.ts';
import { putTargetWork, writeTarget } from './action.ts';
import type { Protected, RuntimeConfig } from './config.ts';
import type { Context } from './context.ts';
import { EngineError, InFlightError } from './errors.ts';
import { SOON_MS } from './guard.ts';
import { compareGuards, type GuardReadings } from './guard-metrics.ts';
import type { ActionItem, TargetItem } from './items.ts';
import { handOnText, nextFor, nothingLeft } from './ladder.ts';
import { log } from './log.ts';
import type { Verification } from './remediation.ts';
import { type AlarmStates, overWith, resolve } from './resolution.ts';
import type { GuardMetric } from './runbook.ts';
import { openedLately, turnInStorm } from './storm.ts';
import { alarmSeen, alarmsOk, judged, keptAway } from './target-state.ts';
import { undo } from './undo.ts';
import { entryMaker, putEntry, putNextRung, putWork, removeWork, updateAction } from './writes.ts';

/** However many targets are in trouble, and however little is asked of APIs. */
const LONGEST_TURN_MS = 15_000;
/** Of the function's time. */
const KEEP_FOR_VERIFYING_MS = 15_000;

/**
 * Judges the action of this remediation that waits for its verification.
 * @param target as read, with the alarms' states as CloudWatch tells them now.
 */
export async function judgeAction<T extends Protected, O>(
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
  await waitForTurn(context, targetName);
  const verdict = await look(context, targetName, action, quiet);
  if (verdict.kind === 'good' && quiet)
    return target.leaseHolder
      ? noteVerified(context, targetName, action, verdict.detail)
      : resolve(context, targetName, seen, action.actionId, action, verdict.detail);
  if (verdict.kind === 'worse') {
    const outcome = await madeWorse(context, targetName, action, verdict.detail, now + verdict.stopForSeconds * 1000);
    await undo(context, action.actionId);
    return outcome;
  }
  if (verdict.kind === 'bad')
    return notVerified(context, targetName, action, verdict.detail, now + verdict.stopForSeconds * 1000);
  if (now >= (action.verifyBy ?? 0)) {
    const why = quiet ? verdict.detail : `the alarm is still firing; ${verdict.detail}`;
    return notVerified(context, targetName, action, why, undefined);
  }
  // A target that is quiet but not yet as wanted is looked at again soon; one that still fires, at the deadline or by its OK event.
  // Where something else may have become worse, sooner.
  const guarded = guardsOf(context, action).length > 0 ? now + SOON_MS : Number.POSITIVE_INFINITY;
  await putVerify(context, targetName, action, quiet ? now : Math.min(guarded, action.verifyBy ?? now));
  return { kind: 'noted', detail: verdict.detail };
}

/** Orders to verify many targets may have waited in a queue together, and would be carried out in the same second. */
async function waitForTurn<T extends Protected, O>(
  { store, config, now, remaining }: Context<T, O>,
  target: string,
): Promise<void> {
  const turn = turnInStorm(await openedLately(store, config.storm, now()), target, config);
  const most = Math.min(LONGEST_TURN_MS, remaining() - KEEP_FOR_VERIFYING_MS);
  if (turn > 0 && most > 0) await sleep(Math.min(turn, most));
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
    const guards = guardsOf(context, action);
    const observation = await remediation.observe(target, config);
    const verdict = remediation.verify({ target, change: action.change, report: action.report, observation, alarmsOk });
    // While the trouble lasts or the change is on its way, what is read of hosts and requests says no more than the alarm does.
    const counts = alarmsOk && verdict.kind === 'good';
    const read = counts && guards.length > 0 ? await readAfter(context, target, action) : undefined;
    const own = remediation.guards?.(observation);
    const told = guards.filter((guard) => counts || own?.[guard] !== undefined);
    return guarded(verdict, told, action, { ...read, ...own }, config);
  } catch (error) {
    if (error instanceof EngineError && !error.retryable) return { kind: 'not-yet', detail: error.message };
    throw error;
  }
}

/** Nothing where they can't be read: then they are waited for until the deadline, which must not be kept from coming. */
async function readAfter<T extends Protected, O>(
  { remediation, config }: Context<T, O>,
  target: T,
  { actionId, doneAt }: ActionItem,
): Promise<GuardReadings | undefined> {
  try {
    return await remediation.readGuards?.(target, config, doneAt);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    log('WARN', `${actionId}: its guard metrics can't be read now: ${error.message}`);
    return undefined;
  }
}

/** The guard metrics of the runbook that the action belongs to, as far as they were known before it. */
function guardsOf<T extends Protected, O>({ config }: Context<T, O>, { signal, guardsBefore }: ActionItem) {
  const ladder = signal?.runbook === undefined ? undefined : config.ladders[signal.runbook];
  return (ladder?.guards ?? []).filter((guard) => guardsBefore?.[guard] !== undefined);
}

/** The verdict with what else is to be as good as before; what can't be told is waited for. */
function guarded(
  verdict: Verification,
  guards: readonly GuardMetric[],
  { guardsBefore }: ActionItem,
  after: GuardReadings | undefined,
  { handsOffSeconds }: Pick<RuntimeConfig, 'handsOffSeconds'>,
): Verification {
  const { worse, unknown } = compareGuards(guards, guardsBefore, after);
  if (worse.length > 0) return { kind: 'worse', detail: worse.join('; '), stopForSeconds: handsOffSeconds };
  if (verdict.kind === 'good' && unknown.length > 0)
    return { kind: 'not-yet', detail: `${verdict.detail}, but ${unknown.join(' and ')} can't be told now` };
  return verdict;
}

async function putVerify<T extends Protected, O>(
  { store }: Context<T, O>,
  target: string,
  { remediation }: ActionItem,
  dueAt: number,
): Promise<void> {
  await store.transact([putTargetWork(store, 'verify', target, remediation, dueAt)]);
}

/** It helped, and another action's intent is still open: whoever looks again after that has ended ends the incident. */
async function noteVerified<T extends Protected, O>(
  { store, now }: Context<T, O>,
  targetName: string,
  action: ActionItem,
  detail: string,
): Promise<Outcome> {
  const { table } = store;
  const at = now();
  const { remediation: name, actionId, incidentId } = action;
  const over = overWith(action);
  await writeTarget(store, targetName, (present) => {
    if (present.verifying[name] !== actionId)
      throw new InFlightError(`${targetName}: ${actionId} was judged by another delivery`);
    return {
      next: judged(alarmSeen(present, over, at), name),
      items: [
        ...Object.keys(over).map((each) => removeWork(table, 'recheck', each)),
        updateAction(table, action, { ...action, status: 'verified' as const }),
        putEntry(table, entryMaker(incidentId, name, at)('verified', detail, { actionId })),
        putTargetWork(store, 'verify', targetName, name, at + SOON_MS),
      ],
    };
  });
  return { kind: 'noted', detail: `${actionId} is verified; another action of ${targetName} is under way` };
}

/** It made things worse: a person is called, and its undo is due at once, whoever gets to it. No other rung changes anything on top of it. */
async function madeWorse<T extends Protected, O>(
  { store, now }: Context<T, O>,
  targetName: string,
  action: ActionItem,
  why: string,
  stopUntil: number,
): Promise<Outcome> {
  const { table } = store;
  const at = now();
  const { remediation: name, actionId, incidentId, change } = action;
  const make = entryMaker(incidentId, name, at);
  const reason = `${change.summary} made it worse, so it is being undone: ${why}`;
  await writeTarget(store, targetName, (present) => {
    if (present.verifying[name] !== actionId)
      throw new InFlightError(`${targetName}: ${actionId} was judged by another delivery`);
    return {
      next: keptAway(judged({ ...present, escalatedAt: at }, name), name, stopUntil),
      items: [
        updateAction(table, action, { ...action, status: 'failed' }),
        putEntry(table, make('not-verified', why, { actionId })),
        putEntry(table, make('escalated', reason, { actionId, undo: change.undo })),
        putTargetWork(store, 'verify', targetName, name, at + SOON_MS),
        putWork(table, { kind: 'undo', id: actionId, remediation: name, target: targetName, dueAt: at, attempts: 0 }),
      ],
    };
  });
  return { kind: 'escalated', incidentId, reason };
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
