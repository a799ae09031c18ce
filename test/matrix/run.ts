/** One point from its target's making to its verdict. */
import { setTimeout as sleep } from 'node:timers/promises';
import { orderFor, vote } from '../../functions/engine/approvals.ts';
import { Store } from '../../functions/engine/store.ts';
import { age } from './age.ts';
import { type DeliveredEvent, type MatrixAlarm, makeAlarm } from './alarms.ts';
import { deliver, invokeOnce } from './deliveries.ts';
import { arm } from './faults.ts';
import { guarded } from './guard.ts';
import { afterDeliveries, atTheEnd, eachOfBoth, type Facts, isSettled } from './invariants.ts';
import { claimOrder, dropWork, type Journal } from './journal.ts';
import { journalOf, type Matrix } from './matrix.ts';
import { type MatrixTarget, nameOf, type Point, type Stage } from './types.ts';

export interface Verdict {
  readonly point: Point;
  readonly delivered: boolean;
  /** What didn't hold. */
  readonly violations: readonly string[];
}

/** A target on its way. */
export interface Subject {
  readonly matrix: Matrix;
  readonly target: MatrixTarget;
  readonly remediation: string;
  readonly alarm: MatrixAlarm;
  readonly functionName: string;
  /** In mode `rival`. */
  readonly rival?: Rival;
}

/** Another remediation of the same target, with an alarm of its own. */
interface Rival {
  readonly remediation: string;
  readonly alarm: MatrixAlarm;
  readonly functionName: string;
}

/** What a stage delivers: an event with its id, or an order. */
export interface Parcel {
  readonly id: string;
  readonly payload: unknown;
}

/** Runs a point on a target of its own. @throws Error when what comes before the fault doesn't go as it should. */
export async function runPoint(matrix: Matrix, point: Point, token: string, index: number): Promise<Verdict> {
  const openCase = matrix.cases.get(point.remediation);
  if (!openCase) throw new Error(`no case for ${point.remediation}`);
  const target = guarded(matrix, openCase, await openCase.target(token, index));
  const alarm = await makeAlarm(matrix.place, target, point.remediation, 'first');
  const other = await alarmOfRival(matrix, target, point);
  const alarms = [alarm, ...(other ? [other.alarm] : [])];
  try {
    const after = await matrix.lanes.use(async (lane) => {
      const functionName = matrix.deployment.laneOf(point.remediation, lane);
      const rival = other && { ...other, functionName: matrix.deployment.laneOf(other.remediation, lane) };
      const { remediation } = point;
      return disturb({ matrix, target, alarm, functionName, remediation, ...(rival && { rival }) }, point);
    });
    const atEnd = after.delivered ? await settle(matrix, target, alarms, point, after.ids) : [];
    return { point, delivered: after.delivered, violations: [...new Set([...after.violations, ...atEnd])] };
  } finally {
    for (const each of alarms) await each.remove();
    await dropWork(matrix.place.clients.journal, matrix.deployment.table, matrix.place.observer.keysOf(token));
    await target.dispose();
    matrix.place.observer.forget(token);
  }
}

async function alarmOfRival(
  matrix: Matrix,
  target: MatrixTarget,
  { mode, remediation }: Point,
): Promise<Omit<Rival, 'functionName'> | undefined> {
  const rival = mode === 'rival' ? matrix.rivals.get(remediation) : undefined;
  if (!rival) return undefined;
  const about = { ...target, metric: target.metricOfRival ?? target.metric };
  return { remediation: rival, alarm: await makeAlarm(matrix.place, about, rival, 'rival') };
}

/** What became of a point before the reconciler had its turn. */
interface Disturbed {
  readonly delivered: boolean;
  readonly violations: string[];
  /** Of the events that were delivered. */
  readonly ids: readonly string[];
}

async function disturb(subject: Subject, point: Point): Promise<Disturbed> {
  const { matrix, target, functionName } = subject;
  const parcel = await lead(subject, point.stage);
  const neighbour =
    point.mode === 'concurrent' && (point.stage === 'firing' || point.stage === 'asked')
      ? await secondAlarm(subject)
      : undefined;
  const { seam, kind } = point;
  const armed = arm(matrix.place, target, { name: `${target.token} ${nameOf(point)}`, seam, kind }, functionName);
  try {
    const deliveries = subject.rival
      ? await deliverBoth(subject, subject.rival, parcel, armed.delivered)
      : await deliverBy(subject, point, parcel, neighbour?.parcel);
    const journal = await journalOf(matrix, target.token);
    const facts = await factsOf(journal, target, point.stage, callsOnly(subject), deliveries);
    return {
      delivered: armed.delivered(),
      violations: [...afterDeliveries(facts), ...(await lost(matrix, deliveries))],
      ids: deliveries.map(({ id }) => id),
    };
  } finally {
    armed.disarm();
    await neighbour?.alarm.remove();
  }
}

/** Takes a new target up to the delivery of `stage`, which is returned and not yet delivered. */
export async function lead(subject: Subject, stage: Stage): Promise<Parcel> {
  const { target, alarm } = subject;
  await target.ready('firing');
  const firing = parcelOf(await alarm.set('ALARM'));
  if (stage === 'firing' || stage === 'asked') return firing;
  if (stage === 'approved') {
    await expectOutcome(subject, firing, 'awaiting-approval');
    return approve(subject);
  }
  await expectOutcome(subject, firing, callsOnly(subject) ? 'escalated' : 'remediated');
  await target.ready('resolved');
  const over = parcelOf(await alarm.set('OK'));
  if (stage === 'resolved') return over;
  await expectOutcome(subject, over, 'noted');
  await target.ready('hand-back');
  await takeOrder(subject);
  return { id: 'hand-back', payload: { nightshift: 1, command: 'hand-back', target: target.key } };
}

/** Long enough for the target to count as quiet: `stabiliseForSeconds` is 1. */
const QUIET_AFTER_MS = 1_050;
const RESOLVED_WITHIN_MS = 10_000;

/** Hands the order to hand back out before the reconciler does, and waits until it is time for it. */
async function takeOrder({ matrix, target }: Subject): Promise<void> {
  const { place, deployment } = matrix;
  for (const until = Date.now() + RESOLVED_WITHIN_MS; Date.now() < until; await sleep(100)) {
    const { target: item, work } = await journalOf(matrix, target.token);
    if (!item?.holds.length || item.openIncidentId) continue;
    await claimOrder(place.clients.journal, deployment.table, work, 'hand-back');
    return sleep(Math.max(0, (item.okSince ?? 0) + QUIET_AFTER_MS - Date.now()));
  }
  throw new Error(`${target.token}: nothing to hand back after an undisturbed incident`);
}

/** The one person who has to approves it. @returns the order that this gives, which the reconciler would give a little later. */
async function approve({ matrix, target }: Subject): Promise<Parcel> {
  const { place, deployment } = matrix;
  const store = new Store(deployment.table, place.clients.journal);
  const { entries } = await journalOf(matrix, target.token);
  const asked = entries.find(({ kind }) => kind === 'approval-requested');
  const voted = await vote(store, String(asked?.data.approvalId), { decision: 'approve', by: 'person:jane' });
  if (voted.kind !== 'complete') throw new Error(`${target.token}: the approval is ${voted.kind}, expected complete`);
  const { work } = await journalOf(matrix, target.token);
  await claimOrder(place.clients.journal, deployment.table, work, 'recheck');
  const order = orderFor(voted.approval);
  return { id: order.signal.id, payload: order };
}

const callsOnly = ({ matrix, remediation }: Pick<Subject, 'matrix' | 'remediation'>): boolean =>
  matrix.callsOnly.has(remediation);

const parcelOf = (event: DeliveredEvent): Parcel => ({ id: event.id, payload: event });

async function secondAlarm({ matrix, target, remediation }: Subject): Promise<{ alarm: MatrixAlarm; parcel: Parcel }> {
  const alarm = await makeAlarm(matrix.place, target, remediation, 'second');
  return { alarm, parcel: parcelOf(await alarm.set('ALARM')) };
}

async function expectOutcome({ matrix, functionName, target }: Subject, parcel: Parcel, kind: string): Promise<void> {
  const outcome = await invokeOnce(matrix.place, functionName, parcel.payload);
  if (outcome?.kind !== kind)
    throw new Error(`${target.token}: an undisturbed delivery ended as ${JSON.stringify(outcome)}, expected ${kind}`);
}

interface Delivered {
  readonly id: string;
  readonly acknowledged: boolean;
  /** Of an asynchronous delivery: what the failure queue knows it by. */
  readonly requestId?: string;
}

async function deliverBy(subject: Subject, point: Point, parcel: Parcel, neighbour?: Parcel): Promise<Delivered[]> {
  const { matrix, functionName } = subject;
  const { place } = matrix;
  if (point.mode === 'reconciler') {
    const outcome = await invokeOnce(place, functionName, parcel.payload);
    return [{ id: parcel.id, acknowledged: outcome !== undefined }];
  }
  const parcels = point.mode === 'retry' ? [parcel] : [parcel, parcel, ...(neighbour ? [neighbour] : [])];
  return Promise.all(
    parcels.map(async ({ id, payload }) => ({ id, ...(await deliver(place, functionName, payload)) })),
  );
}

/** The first, with Lambda's own retries; the other one's as soon as the fault is met, or the first has ended without meeting it. */
async function deliverBoth(
  { matrix: { place }, functionName }: Subject,
  rival: Rival,
  parcel: Parcel,
  isMet: () => boolean,
): Promise<Delivered[]> {
  const other = parcelOf(await rival.alarm.set('ALARM'));
  const state = { hasEnded: false };
  const first = deliver(place, functionName, parcel.payload).finally(() => {
    state.hasEnded = true;
  });
  while (!isMet() && !state.hasEnded) await sleep(2);
  const [one, two] = await Promise.all([first, deliver(place, rival.functionName, other.payload)]);
  return [
    { id: parcel.id, ...one },
    { id: other.id, ...two },
  ];
}

/** An event that Lambda gave up must stand in the failure queue (invariant I1). */
async function lost({ deployment }: Matrix, deliveries: readonly Delivered[]): Promise<string[]> {
  const givenUp = deliveries.filter(({ acknowledged, requestId }) => !acknowledged && requestId);
  for (let tries = 0; givenUp.length > 0; tries++) {
    const failures = await deployment.failures();
    const missing = givenUp.filter(({ requestId = '' }) => !failures.has(requestId));
    if (missing.length === 0) break;
    if (tries === 20) return missing.map(({ id }) => `I1: event ${id} was given up and isn't in the failure queue`);
    await sleep(100);
  }
  return [];
}

async function factsOf(
  journal: Journal,
  target: MatrixTarget,
  stage: Stage,
  callsOnly: boolean,
  deliveries: Facts['deliveries'] = [],
): Promise<Facts> {
  const inspection = await target.inspect(
    journal.actions.map(({ remediation, change: { before, after } }) => ({ remediation, before, after })),
  );
  return { stage, callsOnly, journal, inspection, now: Date.now(), deliveries };
}

/** A lease (45 s), or the half minute after which the sweep takes an alarm's event for lost. */
const LONG_ENOUGH_MS = 46_000;
/** How often that long passes, and the reconciler has its turn, before something counts as forgotten. */
const ROUNDS = 7;

/** Gives the reconciler its turns until nothing is left that should happen soon, and judges. */
async function settle(
  matrix: Matrix,
  target: MatrixTarget,
  alarms: readonly MatrixAlarm[],
  point: Point,
  ids: readonly string[],
): Promise<string[]> {
  const { place, deployment, found, reconciling } = matrix;
  const only = callsOnly({ matrix, remediation: point.remediation });
  const look = async () => factsOf(await journalOf(matrix, target.token), target, point.stage, only);
  const timePasses = async () => {
    await age(place.clients.journal, deployment.table, place.observer.keysOf(target.token), LONG_ENOUGH_MS);
    for (const alarm of alarms) await alarm.age(LONG_ENOUGH_MS);
  };
  const rival = point.mode === 'rival' ? matrix.rivals.get(point.remediation) : undefined;
  const isOver = (facts: Facts) =>
    isSettled(facts) && (!rival || ids.every((id) => facts.journal.events.get(id)?.status === 'done'));
  let facts = await look();
  for (let round = 0; reconciling && round < ROUNDS && !isOver(facts); round++) {
    await reconciling.turn(timePasses);
    facts = await look();
  }
  const between = rival ? eachOfBoth(facts.journal, [point.remediation, rival], ids) : [];
  return [...(found.get(target.token) ?? []), ...atTheEnd(facts), ...between];
}
