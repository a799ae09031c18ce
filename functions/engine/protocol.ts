/**
 * The protocol for a firing signal: prefilter, observe, decide, commit, act (design section 1). Every path ends in exactly one outcome,
 * written with its event, or throws a retryable error after which Lambda delivers the event again.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Outcome } from '../../events/outcome.ts';
import { hasLevel, type Signal } from '../../events/signal.ts';
import { carryOut, resume } from './action.ts';
import { settle } from './aftermath.ts';
import { commitIntent } from './commit.ts';
import { mayChange, type Protected } from './config.ts';
import { consentTo, peopleNeeded } from './consent.ts';
import { type Context, limitsOf, readSituation, type Situation } from './context.ts';
import { echoOf } from './echo.ts';
import { ActionFailedError, PermissionError } from './errors.ts';
import { preflight, type Stop } from './guard.ts';
import type { GuardReadings } from './guard-metrics.ts';
import { holdShown } from './holds.ts';
import type { EventItem } from './items.ts';
import {
  contended,
  type Escalation,
  recordEcho,
  recordEscalation,
  recordFine,
  recordStop,
  recordWouldAct,
  rejected,
  stormOf,
} from './record.ts';
import type { Decision } from './remediation.ts';
import { nothingWaits } from './target-state.ts';

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
    // Nothing else would: no event tells that it is over.
    if (outcome?.kind === 'already-fine' && !hasLevel(signal)) await settle(context, signal.target);
    if (outcome) return outcome;
  }
  return contended(context, signal, ROUNDS);
}

/** One round; undefined means that the target moved meanwhile and everything has to be looked at again. */
async function judge<T extends Protected, O>(
  context: Context<T, O>,
  signal: Signal,
  target: T,
  situation: Situation,
): Promise<Outcome | undefined> {
  const echo = echoOf(situation.target, signal);
  if (echo) return recordEcho(context, signal, situation, echo);
  const limits = limitsOf(context);
  const stop = preflight({
    signal,
    remediation: context.remediation.manifest.name,
    limits,
    target: situation.target,
    alarm: situation.alarm,
    switchState: situation.switchState,
    upstreamsInTrouble: situation.upstreamsInTrouble,
    severity: target.severity,
    storm: stormOf(context, signal, situation),
    config: context.config,
    now: situation.now,
  });
  if (stop) return recordStop(context, signal, situation, stop);
  const seen = await observeAndDecide(context, signal, target, situation);
  if (seen.kind === 'unseen') return recordEscalation(context, signal, situation, seen);
  const { decision } = seen;
  switch (decision.kind) {
    case 'fine':
      return firesTooLong(context, signal, situation)
        ? recordEscalation(context, signal, situation, {
            reason: `firing since ${signal.at} although ${decision.reason}`,
          })
        : recordFine(context, signal, situation, decision.reason);
    case 'hold': {
      const recheckAt = situation.now + decision.recheckAfterSeconds * 1000;
      const held: Stop = { kind: 'held', reason: decision.reason, detail: decision.detail, recheckAt };
      return recordStop(context, signal, situation, held);
    }
    case 'escalate':
      return recordEscalation(context, signal, situation, decision);
    case 'act':
      return act(context, signal, target, situation, { ...seen, decision });
    default:
      return decision satisfies never;
  }
}

type Seen<O> =
  | { readonly kind: 'seen'; readonly observation: O; readonly guards: GuardReadings; readonly decision: Decision }
  | ({ readonly kind: 'unseen' } & Escalation);

/** What can't be seen isn't changed (invariant I9): an unreadable target calls a person, or the next rung. */
async function observeAndDecide<T extends Protected, O>(
  context: Context<T, O>,
  signal: Signal,
  target: T,
  situation: Situation,
): Promise<Seen<O>> {
  try {
    const { config } = context;
    const [observation, read] = await Promise.all([
      context.remediation.observe(target, config),
      readGuards(context, signal, target),
    ]);
    const { name, holds = [] } = context.remediation.manifest;
    const hold = holdShown(situation.target.holds, name, holds);
    const decision = context.remediation.decide({ signal, target, observation, hold, config });
    const guards = { ...context.remediation.guards?.(observation), ...read };
    return { kind: 'seen', observation, guards, decision };
  } catch (error) {
    if (error instanceof PermissionError || error instanceof ActionFailedError) {
      const needsPerson = error instanceof PermissionError;
      return { kind: 'unseen', reason: error.message, needsPerson };
    }
    throw error;
  }
}

/** What the runbook guards by, before a change; nothing is read where none can follow. */
async function readGuards<T extends Protected, O>(
  context: Context<T, O>,
  { runbook }: Signal,
  target: T,
): Promise<GuardReadings> {
  const { remediation, config } = context;
  const guards = runbook === undefined ? [] : (config.ladders[runbook]?.guards ?? []);
  if (!remediation.readGuards || guards.length === 0 || !mayChange(limitsOf(context).mode)) return {};
  return remediation.readGuards(target, config);
}

async function act<T extends Protected, O>(
  context: Context<T, O>,
  signal: Signal,
  target: T,
  situation: Situation,
  seen: {
    readonly decision: Extract<Decision, { kind: 'act' }>;
    readonly observation: O;
    readonly guards: GuardReadings;
  },
): Promise<Outcome | undefined> {
  const { decision, observation, guards } = seen;
  const { mode } = limitsOf(context);
  if (!mayChange(mode)) return recordWouldAct(context, signal, situation, decision.change);
  const people = peopleNeeded(mode, context.remediation.manifest, decision);
  const consent = people !== 0 && (await consentTo(context, signal, situation, { decision, observation, people }));
  if (consent && consent.kind === 'recorded') return consent.outcome;
  const approval = consent ? consent.approval : undefined;
  const result = await commitIntent(context, signal, situation, approval?.change ?? decision.change, {
    guardsBefore: guards,
    approval,
  });
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

/** An alarm that doesn't see what Nightshift sees is wrong, or Nightshift is: a person has to tell. */
function firesTooLong<T extends Protected, O>(
  { config }: Context<T, O>,
  signal: Signal,
  { now, target }: Situation,
): boolean {
  const { at } = signal;
  return hasLevel(signal) && nothingWaits(target) && now > Date.parse(at) + config.verifyWithinSeconds * 1000;
}
