/**
 * The protocol for a firing signal: prefilter, observe, decide, commit, act (design section 1). Every path ends in exactly one outcome,
 * written with its event, or throws a retryable error after which Lambda delivers the event again.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Outcome } from '../../events/outcome.ts';
import type { Signal } from '../../events/signal.ts';
import { carryOut, resume } from './action.ts';
import { settle } from './aftermath.ts';
import { commitIntent } from './commit.ts';
import type { Protected } from './config.ts';
import { type Context, calledLately, limitsOf, readSituation, type Situation } from './context.ts';
import { ActionFailedError, PermissionError, RetryableError } from './errors.ts';
import { preflight, SOON_MS, type Stop } from './guard.ts';
import { openIncident } from './incident.ts';
import type { EventItem, TargetItem } from './items.ts';
import type { Decision } from './remediation.ts';
import type { Labelled } from './store.ts';
import { stormAround, stormStory } from './storm.ts';
import { alarmFired, claimStormPage, putEntry, putEvent, putTarget, putWork } from './writes.ts';

/** How often a signal starts over because the target's item moved under it, before it is put aside as contended. */
const ROUNDS = 4;

/**
 * Handles a firing signal to its outcome.
 * @throws EngineError (retryable) when the journal or the target can't be read or written for the moment.
 */
export async function handleFiring<T extends Protected, O>(context: Context<T, O>, signal: Signal): Promise<Outcome> {
  const target = context.remediation.targetOf(signal.target, context.config);
  // What was put off for a target that is no longer protected ends with its incident.
  if (!target && signal.recheck > 0) return settle(context, signal.target);
  if (!target) return rejected(context, signal, `${signal.target} is not in the configuration`);
  for (let round = 0; round < ROUNDS; round++) {
    if (round > 0) await sleep(context.random() * 50 * 2 ** round);
    const situation = await readSituation(context, signal, context.remediation.upstreamsOf(target));
    if (situation.event) return repeated(context, situation.event);
    const outcome = await judge(context, signal, target, situation);
    if (outcome) return outcome;
  }
  return contended(context, signal);
}

/** One round; undefined means that the target moved meanwhile and everything has to be looked at again. */
async function judge<T extends Protected, O>(
  context: Context<T, O>,
  signal: Signal,
  target: T,
  situation: Situation,
): Promise<Outcome | undefined> {
  const limits = limitsOf(context);
  const stop = preflight({
    signal,
    remediation: context.remediation.manifest.name,
    limits,
    target: situation.target,
    alarm: situation.alarm,
    switchState: situation.switchState,
    upstreamsInTrouble: situation.upstreamsInTrouble,
    storm: stormOf(context, signal, situation),
    config: context.config,
    now: situation.now,
  });
  if (stop) return recordStop(context, signal, situation, stop);
  const decision = await observeAndDecide(context, signal, target, situation);
  switch (decision.kind) {
    case 'fine':
      return firesTooLong(context, signal, situation)
        ? recordEscalation(context, signal, situation, `firing since ${signal.at} although ${decision.reason}`)
        : recordFine(context, signal, situation, decision.reason);
    case 'hold': {
      const recheckAt = situation.now + decision.recheckAfterSeconds * 1000;
      const held: Stop = { kind: 'held', reason: decision.reason, detail: decision.detail, recheckAt };
      return recordStop(context, signal, situation, held);
    }
    case 'escalate':
      return recordEscalation(context, signal, situation, decision.reason, decision.recheckAfterSeconds);
    case 'act':
      return act(context, signal, target, situation, decision);
    default:
      return decision satisfies never;
  }
}

/** What can't be seen isn't changed (invariant I9): an unreadable target is a decision to call a person. */
async function observeAndDecide<T extends Protected, O>(
  context: Context<T, O>,
  signal: Signal,
  target: T,
  situation: Situation,
): Promise<Decision> {
  try {
    const observation = await context.remediation.observe(target, context.config);
    const { config } = context;
    return context.remediation.decide({ signal, target, observation, hold: situation.target.hold, config });
  } catch (error) {
    if (error instanceof PermissionError || error instanceof ActionFailedError) {
      return { kind: 'escalate', reason: error.message, recheckAfterSeconds: context.config.handsOffSeconds };
    }
    throw error;
  }
}

async function act<T extends Protected, O>(
  context: Context<T, O>,
  signal: Signal,
  target: T,
  situation: Situation,
  decision: Extract<Decision, { kind: 'act' }>,
): Promise<Outcome | undefined> {
  const { mode } = limitsOf(context);
  if (mode !== 'auto') return recordWouldAct(context, signal, situation, decision.change.summary);
  const result = await commitIntent(context, signal, situation, decision.change);
  switch (result.kind) {
    case 'committed':
      return carryOut(context, target, result.action);
    case 'moved':
      return undefined;
    case 'stopped':
      return recordStop(context, signal, situation, result.stop);
    default:
      return result satisfies never;
  }
}

/** The same event again: its own unfinished intent is resumed if nobody else is at it; anything else is a duplicate. */
async function repeated<T extends Protected, O>(context: Context<T, O>, event: EventItem): Promise<Outcome> {
  if (event.status === 'committed' && event.actionId) return resume(context, event.actionId);
  return { kind: 'duplicate', of: event.outcome?.kind ?? event.status };
}

/** Writes an outcome that changes nothing but the journal. Undefined when target or event moved meanwhile. */
async function record<T extends Protected, O>(
  context: Context<T, O>,
  signal: Signal,
  situation: Situation,
  outcome: Outcome,
  more: readonly Labelled[],
): Promise<Outcome | undefined> {
  const { store, remediation, requestId } = context;
  const event = putEvent(
    store.table,
    remediation.manifest.name,
    signal.id,
    { requestId, status: 'done', outcome },
    situation.now,
  );
  const result = await store.transact([event, ...more]);
  return result.ok ? outcome : undefined;
}

function recheck<T extends Protected, O>(
  { store, remediation }: Context<T, O>,
  signal: Signal,
  dueAt: number,
): Labelled {
  const { name } = remediation.manifest;
  return putWork(store.table, {
    kind: 'recheck',
    id: signal.subject,
    remediation: name,
    target: signal.target,
    dueAt,
    attempts: 0,
    signal,
  });
}

async function recordStop<T extends Protected, O>(
  context: Context<T, O>,
  signal: Signal,
  situation: Situation,
  stop: Stop,
): Promise<Outcome | undefined> {
  if (stop.kind === 'recovered')
    return record(context, signal, situation, { kind: 'already-fine', reason: stop.detail }, []);
  const { table } = context.store;
  const { target, now } = situation;
  const { incidentId, make, entries, next } = openIncident(context, signal, target, now);
  const { outcome, summary } = describeStop(stop, incidentId);
  entries.push(make('decided', summary, { outcome }));
  const inStorm = stop.kind === 'held' && stop.reason === 'storm';
  const tooLate = stop.kind !== 'joined' && !inStorm && pastDeadline(context, target, stop.recheckAt, now);
  const call = tooLate && !calledLately(context, situation);
  const { name } = context.remediation.manifest;
  if (call) entries.push(make('escalated', `nothing is done for now: ${summary}`, { remediation: name }));
  const page = inStorm ? stormPage(context, signal, situation, make) : [];
  return record(context, signal, situation, outcome, [
    // The storm's page calls a person for this target, too.
    putTarget(table, signal.target, target.version, call || inStorm ? { ...next, escalatedAt: now } : next),
    alarmFired(table, signal),
    ...entries.map((entry) => putEntry(table, entry)),
    ...page,
    recheck(context, signal, stop.recheckAt),
  ]);
}

export const stormOf = <T extends Protected, O>({ config }: Context<T, O>, { target }: Signal, situation: Situation) =>
  stormAround(situation.opened, target, situation.target.openIncidentId, config.storm.targets);

/** One call for all targets of a storm, and again while it lasts, as for any trouble; nothing when somebody else has called. */
function stormPage<T extends Protected, O>(
  context: Context<T, O>,
  signal: Signal,
  situation: Situation,
  make: ReturnType<typeof openIncident>['make'],
): Labelled[] {
  const { config, store, remediation } = context;
  const storm = stormOf(context, signal, situation);
  const since = situation.now - Math.max(config.handsOffSeconds, config.storm.withinSeconds) * 1000;
  if (!storm || situation.stormPagedAt > since) return [];
  const { name } = remediation.manifest;
  const { headline, summary } = stormStory(storm, { target: signal.target, remediation: name }, config);
  return [
    putEntry(store.table, make('escalated', summary, { remediation: name, headline })),
    claimStormPage(store.table, situation.now, since),
  ];
}

function describeStop(
  stop: Exclude<Stop, { kind: 'recovered' }>,
  incidentId: string,
): { outcome: Outcome; summary: string } {
  const recheckAt = new Date(stop.recheckAt).toISOString();
  switch (stop.kind) {
    case 'joined':
      return {
        outcome: { kind: 'joined', incidentId, recheckAt },
        summary: 'joined: an action has the target in hand',
      };
    case 'held':
      return {
        outcome: { kind: 'held', reason: stop.reason, detail: stop.detail, recheckAt },
        summary: `held (${stop.reason}): ${stop.detail}`,
      };
    case 'refused':
      return {
        outcome: {
          kind: 'refused',
          guardrail: stop.guardrail,
          setting: stop.setting,
          present: stop.present,
          recheckAt,
        },
        summary: `refused by ${stop.guardrail} (${stop.setting}): ${stop.present}`,
      };
    default:
      return stop satisfies never;
  }
}

/** An alarm that doesn't see what Nightshift sees is wrong, or Nightshift is: a person has to tell. */
function firesTooLong<T extends Protected, O>(
  { config }: Context<T, O>,
  { at }: Signal,
  { now, target }: Situation,
): boolean {
  return !target.verifying && now > Date.parse(at) + config.verifyWithinSeconds * 1000;
}

async function recordFine<T extends Protected, O>(
  context: Context<T, O>,
  signal: Signal,
  situation: Situation,
  reason: string,
): Promise<Outcome | undefined> {
  const dueAt = situation.now + SOON_MS;
  const { table } = context.store;
  return record(context, signal, situation, { kind: 'already-fine', reason }, [
    alarmFired(table, signal),
    recheck(context, signal, dueAt),
  ]);
}

/**
 * Whether a signal that is put off calls a person: it is not looked at again before the deadline, or it has been put off for that long,
 * and nothing was done that is still to be verified.
 */
function pastDeadline<T extends Protected, O>(
  { config }: Context<T, O>,
  { openedAt, verifying }: TargetItem,
  recheckAt: number,
  now: number,
): boolean {
  const deadline = config.verifyWithinSeconds * 1000;
  return recheckAt > now + deadline || (!verifying && openedAt !== undefined && now > openedAt + deadline);
}

async function recordEscalation<T extends Protected, O>(
  context: Context<T, O>,
  signal: Signal,
  situation: Situation,
  reason: string,
  recheckAfterSeconds = context.config.handsOffSeconds,
): Promise<Outcome | undefined> {
  const { table } = context.store;
  const { incidentId, make, entries, next } = openIncident(context, signal, situation.target, situation.now);
  const { now, target } = situation;
  const known = calledLately(context, situation);
  const data = { remediation: context.remediation.manifest.name };
  entries.push(known ? make('decided', `still needs a person: ${reason}`, data) : make('escalated', reason, data));
  return record(context, signal, situation, { kind: 'escalated', incidentId, reason }, [
    putTarget(table, signal.target, target.version, known ? next : { ...next, escalatedAt: now }),
    alarmFired(table, signal),
    ...entries.map((entry) => putEntry(table, entry)),
    recheck(context, signal, situation.now + recheckAfterSeconds * 1000),
  ]);
}

async function recordWouldAct<T extends Protected, O>(
  context: Context<T, O>,
  signal: Signal,
  situation: Situation,
  change: string,
): Promise<Outcome | undefined> {
  const { table } = context.store;
  const { incidentId, make, entries, next } = openIncident(context, signal, situation.target, situation.now);
  const { name } = context.remediation.manifest;
  const dueAt = situation.now + context.config.verifyWithinSeconds * 1000;
  entries.push(
    make('decided', `would ${change}; mode is ${limitsOf(context).mode}, so nothing was changed`, { change }),
  );
  return record(context, signal, situation, { kind: 'would-act', incidentId, change }, [
    putTarget(table, signal.target, situation.target.version, next),
    alarmFired(table, signal),
    ...entries.map((entry) => putEntry(table, entry)),
    putWork(table, { kind: 'verify', id: signal.target, remediation: name, target: signal.target, dueAt, attempts: 0 }),
  ]);
}

async function rejected<T extends Protected, O>(
  context: Context<T, O>,
  signal: Signal,
  detail: string,
): Promise<Outcome> {
  const outcome: Outcome = { kind: 'rejected', reason: 'target-not-configured', detail };
  const { store, remediation, requestId } = context;
  await store.transact([
    putEvent(store.table, remediation.manifest.name, signal.id, { requestId, status: 'done', outcome }, context.now()),
  ]);
  return outcome;
}

/** Too many others were at the same target: put aside without touching it. */
async function contended<T extends Protected, O>(context: Context<T, O>, signal: Signal): Promise<Outcome> {
  const now = context.now();
  const recheckAt = now + SOON_MS;
  const outcome: Outcome = {
    kind: 'contended',
    detail: `${signal.target} kept changing while ${ROUNDS} attempts were made`,
    recheckAt: new Date(recheckAt).toISOString(),
  };
  const { store, remediation, requestId } = context;
  const result = await store.transact([
    putEvent(store.table, remediation.manifest.name, signal.id, { requestId, status: 'done', outcome }, now),
    recheck(context, signal, recheckAt),
  ]);
  if (!result.ok) throw new RetryableError(`${signal.target}: contended, and that could not be written either`);
  return outcome;
}
