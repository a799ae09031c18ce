/**
 * How the outcome of a signal that changes nothing is written down: with its event, its lines in the timeline, and when it is looked at again. One file in spite of
 * its length: the outcomes are a closed set that ends in one transaction (`record`), and are read side by side.
 */
import type { Guardrail, Outcome } from '../../events/outcome.ts';
import { hasLevel, type Signal } from '../../events/signal.ts';
import { putTargetWork } from './action.ts';
import type { Protected } from './config.ts';
import { type Context, calledLately, deadlineOf, limitsOf, type Situation } from './context.ts';
import type { Echo } from './echo.ts';
import { RetryableError } from './errors.ts';
import { SOON_MS, type Stop, type Upstream } from './guard.ts';
import { openIncident } from './incident.ts';
import type { Cooling, TargetItem, WorkItem } from './items.ts';
import { handOnText, type NextRung, nextFor, nothingLeft } from './ladder.ts';
import type { Change, Decision } from './remediation.ts';
import type { Labelled } from './store.ts';
import { stormAround, stormStory } from './storm.ts';
import { alarmSeen, nothingWaits, othersVerifying } from './target-state.ts';
import { wantedOf } from './would.ts';
import {
  alarmFired,
  checkOpen,
  checkWork,
  claimStormPage,
  entryMaker,
  putEntry,
  putEvent,
  putNextRung,
  putRecheck,
  putTarget,
  removeWork,
} from './writes.ts';

/** Why a remediation can't go on. */
export type Escalation = Omit<Extract<Decision, { kind: 'escalate' }>, 'kind'>;

/** Writes an outcome that changes nothing but the journal. Undefined when target or event moved meanwhile. */
export async function record<T extends Protected, O>(
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

const recheck = <T extends Protected, O>(
  { store, remediation }: Context<T, O>,
  signal: Signal,
  dueAt: number,
  when: Pick<WorkItem, 'whenAuto'> = {},
): Labelled => putRecheck(store.table, remediation.manifest.name, signal, dueAt, when);

const OWN_LIMITS: readonly Guardrail[] = ['cooldown', 'target-budget', 'runbook-budget'];

export async function recordStop<T extends Protected, O>(
  context: Context<T, O>,
  signal: Signal,
  situation: Situation,
  stop: Stop,
): Promise<Outcome | undefined> {
  if (stop.kind === 'recovered')
    return record(context, signal, situation, { kind: 'already-fine', reason: stop.detail }, []);
  if (stop.kind === 'joined' && stop.upstream) return recordJoined(context, signal, situation, stop, stop.upstream);
  if (stop.kind === 'held' && stop.reason === 'actions-disabled' && !(signal.subject in situation.target.alarms))
    return recordSilenced(context, signal, situation, stop);
  const { table } = context.store;
  const { target, now } = situation;
  const { name } = context.remediation.manifest;
  const { incidentId, make, entries, next: opened } = openIncident(context, signal, target, now);
  const { outcome, summary } = describeStop(stop, incidentId);
  const cooling =
    stop.kind === 'refused' && stop.guardrail === 'cooldown' ? { incidentId, until: stop.recheckAt } : undefined;
  const next = cooling ? { ...opened, cooldownTold: { ...target.cooldownTold, [name]: cooling } } : opened;
  const decided = make('decided', summary, { outcome });
  const inStorm = stop.kind === 'held' && stop.reason === 'storm';
  const page = inStorm ? stormPage(context, signal, situation, make) : [];
  // In a storm the same alarms fire again and again. What is held already is only told: writing the target again would keep others from it.
  const heldAgain = inStorm && page.length === 0 && heldAlready(signal, situation);
  if (!heldAgain && !(cooling && coolingTold(signal, target.cooldownTold?.[name], cooling))) entries.push(decided);
  const tooLate = stop.kind !== 'joined' && !inStorm && pastDeadline(context, signal, target, stop.recheckAt, now);
  // Limits of this remediation only: another rung has its own. What holds for every rung calls a person.
  if (tooLate && stop.kind === 'refused' && OWN_LIMITS.includes(stop.guardrail)) {
    const onward = nextFor(context.config, signal, name);
    if (onward) return recordHandOn(context, signal, situation, { reason: summary }, onward);
  }
  // For a cooldown once in an incident: whoever was called knows, and the ladder of people goes on by itself. A storm's page has no ladder.
  const hasLadder = target.escalatedAt !== undefined && target.escalatedAt !== target.stormPagedAt;
  const upstream = stop.kind === 'held' ? stop.upstream : undefined;
  const call = tooLate && !upstream && !((cooling && hasLadder) || calledLately(context, situation));
  if (call) entries.push(make('escalated', `nothing is done for now: ${summary}`, { remediation: name }));
  if (heldAgain)
    return record(context, signal, situation, outcome, [
      alarmFired(table, signal),
      checkWork(table, 'recheck', signal.subject),
      ...entries.map((entry) => putEntry(table, entry)),
    ]);
  return record(context, signal, situation, outcome, [
    // The storm's page calls a person for this target, too.
    putTarget(table, signal.target, target.version, {
      ...next,
      ...((call || inStorm) && { escalatedAt: now }),
      ...(inStorm && { stormPagedAt: now }),
      ...(upstream && { joinedTo: upstream.incidentId }),
    }),
    ...(upstream ? toldUpstream(context, signal, target, upstream, incidentId, now) : []),
    alarmFired(table, signal),
    ...entries.map((entry) => putEntry(table, entry)),
    ...page,
    recheck(context, signal, stop.recheckAt),
  ]);
}

/**
 * An alarm may flap, and a target have many of them: that it is cooling down is said once for each cooldown. What is looked at again says so each
 * time, because whoever let it go reads there what came of it.
 */
const coolingTold = ({ recheck: times }: Signal, told: Cooling | undefined, { incidentId, until }: Cooling): boolean =>
  times === 0 && told?.incidentId === incidentId && told.until === until;

/**
 * The trouble belongs to the open incident of what the target depends on: told there once, and looked at again. When that incident is over and it
 * still fires, it becomes one of its own.
 */
async function recordJoined<T extends Protected, O>(
  context: Context<T, O>,
  signal: Signal,
  situation: Situation,
  { recheckAt }: Extract<Stop, { kind: 'joined' }>,
  { target: upstream, incidentId }: Upstream,
): Promise<Outcome | undefined> {
  const { table } = context.store;
  const { target, now } = situation;
  const { name } = context.remediation.manifest;
  const outcome: Outcome = { kind: 'joined', incidentId, recheckAt: new Date(recheckAt).toISOString() };
  const summary = `${signal.name} on ${signal.target}, which depends on ${upstream}: ${signal.evidence.reason}`;
  const { id: signalId, subject, evidence } = signal;
  const data = { signalId, joined: subject, target: signal.target, remediation: name, evidence };
  const told = target.joinedTo === incidentId;
  return record(context, signal, situation, outcome, [
    checkOpen(table, upstream, incidentId),
    ...(told
      ? []
      : [
          putTarget(table, signal.target, target.version, { ...target, joinedTo: incidentId }),
          putEntry(table, entryMaker(incidentId, name, now)('joined', summary, data)),
        ]),
    alarmFired(table, signal),
    recheck(context, signal, recheckAt),
  ]);
}

/**
 * An incident that was open before the one of what its target depends on keeps what was done in it, and is told there, once: those who are called for
 * that one see both, and nobody is called for this one meanwhile.
 */
function toldUpstream<T extends Protected, O>(
  { store: { table }, remediation }: Context<T, O>,
  signal: Signal,
  target: TargetItem,
  upstream: Upstream,
  incidentId: string,
  now: number,
): Labelled[] {
  const isOpen = checkOpen(table, upstream.target, upstream.incidentId);
  if (target.joinedTo === upstream.incidentId) return [isOpen];
  const { name } = remediation.manifest;
  const summary = `${signal.target}, which depends on ${upstream.target}, has incident ${incidentId}, which waits for this one`;
  const data = { joined: signal.subject, target: signal.target, remediation: name, incidentId };
  return [isOpen, putEntry(table, entryMaker(upstream.incidentId, name, now)('joined', summary, data))];
}

/** What our own change made AWS tell: evidence of its incident, and nothing to act on. */
export async function recordEcho<T extends Protected, O>(
  context: Context<T, O>,
  signal: Signal,
  situation: Situation,
  { actionId, incidentId }: Echo,
): Promise<Outcome | undefined> {
  const { name } = context.remediation.manifest;
  const { id: signalId, subject, evidence } = signal;
  const detail = `${signal.name} is an echo of ${actionId}`;
  const make = entryMaker(incidentId, name, situation.now);
  return record(context, signal, situation, { kind: 'noted', detail }, [
    putEntry(
      context.store.table,
      make('note', `${detail}: ${evidence.reason}`, { actionId, signalId, subject, evidence }),
    ),
  ]);
}

/** The target's open incident knows this alarm as firing. That its recheck is still there is a condition of the write: an OK removes it. */
const heldAlready = ({ subject, recheck: times }: Signal, { target, alarm }: Situation): boolean =>
  times === 0 &&
  target.openIncidentId !== undefined &&
  target.escalatedAt !== undefined &&
  target.alarms[subject] === 'ALARM' &&
  alarm?.state === 'ALARM';

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

/**
 * Whoever disables an alarm's actions wants nothing made of it: no incident, which would call nobody and keep others waiting for its end. It is judged
 * again once they are enabled and it still fires.
 */
async function recordSilenced<T extends Protected, O>(
  context: Context<T, O>,
  signal: Signal,
  situation: Situation,
  { reason, detail, recheckAt }: Extract<Stop, { kind: 'held' }>,
): Promise<Outcome | undefined> {
  const { table } = context.store;
  const outcome: Outcome = { kind: 'held', reason, detail, recheckAt: new Date(recheckAt).toISOString() };
  return record(context, signal, situation, outcome, [alarmFired(table, signal), recheck(context, signal, recheckAt)]);
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

export async function recordFine<T extends Protected, O>(
  context: Context<T, O>,
  signal: Signal,
  situation: Situation,
  reason: string,
): Promise<Outcome | undefined> {
  const dueAt = situation.now + SOON_MS;
  const { table } = context.store;
  if (!hasLevel(signal)) return recordOver(context, signal, situation, reason);
  return record(context, signal, situation, { kind: 'already-fine', reason }, [
    alarmFired(table, signal),
    recheck(context, signal, dueAt),
  ]);
}

/** No event tells that something without a level is over: the target that is seen to be well does. The caller settles its incident. */
async function recordOver<T extends Protected, O>(
  context: Context<T, O>,
  signal: Signal,
  situation: Situation,
  reason: string,
): Promise<Outcome | undefined> {
  const { table } = context.store;
  const { target, now } = situation;
  const { openIncidentId } = target;
  const outcome: Outcome = { kind: 'already-fine', reason };
  if (openIncidentId === undefined || !(signal.subject in target.alarms))
    return record(context, signal, situation, outcome, [removeWork(table, 'recheck', signal.subject)]);
  const { name } = context.remediation.manifest;
  const entry = entryMaker(openIncidentId, name, now)('alarm-ok', `${signal.name} is over: ${reason}`, {
    subject: signal.subject,
  });
  return record(context, signal, situation, outcome, [
    putTarget(table, signal.target, target.version, alarmSeen(target, { [signal.subject]: 'OK' }, now)),
    putEntry(table, entry),
    removeWork(table, 'recheck', signal.subject),
    ...[name, ...othersVerifying(target, name)].map((each) =>
      putTargetWork(context.store, 'verify', signal.target, each, now),
    ),
  ]);
}

/**
 * Whether a signal that is put off calls a person: it is not looked at again before the deadline, or it has been put off for that long,
 * and nothing was done that is still to be verified.
 */
function pastDeadline<T extends Protected, O>(
  context: Context<T, O>,
  signal: Signal,
  target: TargetItem,
  recheckAt: number,
  now: number,
): boolean {
  const deadline = deadlineOf(context, signal);
  return (
    recheckAt > now + deadline ||
    (nothingWaits(target) && target.openedAt !== undefined && now > target.openedAt + deadline)
  );
}

export async function recordEscalation<T extends Protected, O>(
  context: Context<T, O>,
  signal: Signal,
  situation: Situation,
  why: Escalation,
): Promise<Outcome | undefined> {
  const { name } = context.remediation.manifest;
  const onward = nextFor(context.config, signal, name);
  if (onward) return recordHandOn(context, signal, situation, why, onward);
  const { table } = context.store;
  const { incidentId, make, entries, next } = openIncident(context, signal, situation.target, situation.now);
  const { now, target } = situation;
  const known = calledLately(context, situation);
  const data = { remediation: name };
  const reason = `${why.reason}${nothingLeft(context.config, signal)}`;
  const { recheckAfterSeconds = context.config.handsOffSeconds } = why;
  entries.push(known ? make('decided', `still needs a person: ${reason}`, data) : make('escalated', reason, data));
  return record(context, signal, situation, { kind: 'escalated', incidentId, reason }, [
    putTarget(table, signal.target, target.version, known ? next : { ...next, escalatedAt: now }),
    alarmFired(table, signal),
    ...entries.map((entry) => putEntry(table, entry)),
    recheck(context, signal, situation.now + recheckAfterSeconds * 1000),
  ]);
}

/** The next rung gets the signal: its order is in the journal for the follow-through, and due work for the reconciler. */
async function recordHandOn<T extends Protected, O>(
  context: Context<T, O>,
  signal: Signal,
  situation: Situation,
  { reason, needsPerson = false }: Escalation,
  onward: NextRung,
): Promise<Outcome | undefined> {
  const { table } = context.store;
  const { now, target } = situation;
  const { incidentId, make, entries, next } = openIncident(context, signal, target, now);
  const { name } = context.remediation.manifest;
  const call = needsPerson && !calledLately(context, situation);
  if (call) entries.push(make('escalated', reason, { remediation: name }));
  entries.push(make('handed-on', handOnText(reason, onward), { remediation: name, next: onward }));
  const outcome: Outcome = { kind: 'handed-on', incidentId, to: onward.remediation, reason };
  return record(context, signal, situation, outcome, [
    putTarget(table, signal.target, target.version, call ? { ...next, escalatedAt: now } : next),
    alarmFired(table, signal),
    ...entries.map((entry) => putEntry(table, entry)),
    putNextRung(table, onward, now),
  ]);
}

export async function recordWouldAct<T extends Protected, O>(
  context: Context<T, O>,
  signal: Signal,
  situation: Situation,
  decided: Change,
): Promise<Outcome | undefined> {
  const { table } = context.store;
  const { summary: change } = decided;
  const { incidentId, make, entries, next } = openIncident(context, signal, situation.target, situation.now);
  const { name } = context.remediation.manifest;
  const dueAt = situation.now + context.config.verifyWithinSeconds * 1000;
  entries.push(
    make('decided', `would ${change}; mode is ${limitsOf(context).mode}, so nothing was changed`, {
      change,
      wanted: wantedOf(decided),
    }),
  );
  return record(context, signal, situation, { kind: 'would-act', incidentId, change }, [
    putTarget(table, signal.target, situation.target.version, next),
    alarmFired(table, signal),
    ...entries.map((entry) => putEntry(table, entry)),
    putTargetWork(context.store, 'verify', signal.target, name, dueAt),
    // What still fires when the runbook is promoted is acted on then: CloudWatch won't tell again. Of what has no level only looking again tells.
    recheck(context, signal, dueAt, hasLevel(signal) ? { whenAuto: true } : {}),
  ]);
}

export async function rejected<T extends Protected, O>(
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

/** Too many others were at the same target: put aside without touching it, after so many rounds. */
export async function contended<T extends Protected, O>(
  context: Context<T, O>,
  signal: Signal,
  rounds: number,
): Promise<Outcome> {
  const now = context.now();
  const recheckAt = now + SOON_MS;
  const outcome: Outcome = {
    kind: 'contended',
    detail: `${signal.target} kept changing while ${rounds} attempts were made`,
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
