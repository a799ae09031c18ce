/** One look at an incident: what is due is done, what is left to wait for is written down and returned to the state machine. */
import type { IncidentWithTimeline, JournalEntry } from '../../../events/journal.ts';
import { RetryableError } from '../../engine/errors.ts';
import { nextCall } from '../../engine/escalation.ts';
import { countNews, type FollowItem, followKey, followPartition, readFollowing } from '../../engine/following.ts';
import { readIncident } from '../../engine/journal-reader.ts';
import type { Measure } from '../../engine/metrics.ts';
import type { Labelled, Store } from '../../engine/store.ts';
import { READS_OF_A_LOOK } from '../../engine/storm.ts';
import { entryMaker, putEntry } from '../../engine/writes.ts';
import { orderOfWait, putFollowing, storeToken, type Wait } from '../follow-item.ts';
import type { CloudWatchIn } from '../regional-alarms.ts';
import { stepMeasures } from './measures.ts';
import {
  type AlarmsSeen,
  alarmsInJournal,
  alarmsOf,
  type FollowRules,
  nextStep,
  type Progress,
  type Step,
  untilTurn,
} from './next-step.ts';
import { describe, type Orders, order, rungCommand, settleCommand } from './orders.ts';
import type { TakeTurn } from './turns.ts';

export interface Around extends Orders {
  readonly store: Store;
  readonly cloudwatchIn: CloudWatchIn;
  readonly config: FollowRules & { readonly region: string };
  readonly now: () => number;
  readonly takeTurn: TakeTurn;
  /** Told of what was done. */
  readonly measured?: (measures: readonly Measure[]) => void;
}

export interface Look {
  readonly incidentId: string;
  readonly generation: number;
  readonly round: number;
  /** Somebody else looks than the execution that follows it: this may wait, and is still to be woken by its token. */
  readonly isFromOutside?: true;
}

/** What the state machine does next. `seconds`: how long it waits for news. */
export interface Looked {
  readonly next: 'wait' | 'end' | 'continue-as-new';
  readonly seconds: number;
}

/** Deeds of one look; more are left to the next one. */
const DEEDS = 20;
/** The reconciler starts what is late by this. */
const OVERDUE_MS = 120_000;
/** Clocks differ a little. */
const EARLY_MS = 2_000;
const KEPT_SECONDS = 90 * 24 * 3600;
/** Of several that were told at the same time to wait equally long, not all look at the same time. */
const SPREAD = 0.05;

/**
 * Does what is due, one deed after the other, each written down with the item's version, so that two looks at once don't do it twice.
 * @throws EngineError when the journal, CloudWatch or Lambda can't be reached; nothing is lost: the next look finds the same due.
 */
export async function look(around: Around, asked: Look): Promise<Looked> {
  const { incidentId, generation, round, isFromOutside } = asked;
  const { store, now } = around;
  for (let deed = 0; deed < DEEDS; deed++) {
    const item = await readFollowing(store, incidentId);
    // A later execution follows it.
    if (item && item.generation > generation) return { next: 'end', seconds: 0 };
    const incident = await readIncident(store, incidentId);
    if (!incident) return { next: 'end', seconds: 0 };
    const { step, alarms } = await judge(around, incident, item, round);
    const done = await perform(around, incident, step, alarms);
    const kept = item && isStillWaiting(item, asked) ? waitOf(item) : {};
    const lookedBefore = isFromOutside ? item?.round : round;
    const next = itemAfter(around, incident, item, {
      step,
      generation,
      extra: { ...done.extra, ...kept, ...(lookedBefore !== undefined && { round: lookedBefore }) },
    });
    const written = await store.transact([putFollowing(store.table, item, next), ...done.entries]);
    if (!written.ok) continue;
    around.measured?.(stepMeasures(step, now()));
    if (step.kind === 'end') {
      const after = await readIncident(store, incidentId);
      // What came while it was ending found nobody to wake.
      if (after && countNews(after.timeline) !== next.seen) continue;
      return { next: 'end', seconds: 0 };
    }
    if (step.kind === 'continue-as-new') return { next: 'continue-as-new', seconds: 0 };
    if (step.kind === 'wait-for-ok' || step.kind === 'snooze')
      return { next: 'wait', seconds: Math.max(1, Math.ceil((next.until - now()) / 1000)) };
  }
  throw new RetryableError(`${incidentId}: still not everything that is due was done`);
}

/**
 * Whether the token of the item is still to be woken by: a look begins when the wait before it is over, unless it comes from elsewhere, or so late that its
 * execution has asked again, been answered, and waits.
 */
const isStillWaiting = (item: FollowItem, { generation, round, isFromOutside }: Look): boolean =>
  isFromOutside === true || (item.generation === generation && item.round === round);

const waitOf = ({ token, waitOrder }: FollowItem): Partial<FollowItem> => ({
  ...(token !== undefined && { token }),
  ...(waitOrder !== undefined && { waitOrder }),
});

/** CloudWatch is asked only when the journal alone doesn't settle it: when nobody brought news in time, or before a remediation is ordered. In turns. */
async function judge(
  { cloudwatchIn, config, now, takeTurn }: Around,
  incident: IncidentWithTimeline,
  item: FollowItem | undefined,
  round: number,
): Promise<{ step: Step; alarms: AlarmsSeen }> {
  const progress: Progress = { round, settledAt: item?.settledAt, settles: item?.settles, rungs: item?.rungs };
  const known = alarmsInJournal(incident);
  const step = nextStep(incident, known, progress, config, now());
  const timedOut = item?.token !== undefined && now() >= item.until - EARLY_MS;
  const isDue = step.kind === 'wait-for-ok' && (timedOut || item?.turnAt !== undefined);
  if (step.kind !== 'settle' && !isDue) return { step, alarms: known };
  const reads = (step.kind === 'settle' ? READS_OF_A_LOOK : 0) + (alarmsOf(incident.alarms).length > 0 ? 1 : 0);
  const turnAt = item?.turnAt ?? (reads > 0 ? await takeTurn(reads) : now());
  if (turnAt > now()) return { step: untilTurn(incident, turnAt, config, now()), alarms: known };
  const alarms = await describe(cloudwatchIn, incident, config.region);
  return { step: nextStep(incident, alarms, progress, config, now()), alarms };
}

interface Done {
  readonly entries: readonly Labelled[];
  readonly extra: Partial<FollowItem>;
}

/** Orders are given before they are written down: given twice they do nothing, forgotten they would leave somebody waiting. */
async function perform(around: Around, incident: IncidentWithTimeline, step: Step, alarms: AlarmsSeen): Promise<Done> {
  const { store, now } = around;
  switch (step.kind) {
    case 'settle':
      for (const remediation of step.remediations) await order(around, remediation, settleCommand(incident, alarms));
      return { entries: [], extra: { settledAt: now() } };
    case 'next-rung': {
      const command = rungCommand(incident, step.key);
      if (command) await order(around, step.remediation, command);
      return { entries: [], extra: { rungs: [step.key] } };
    }
    case 'escalate':
      return { entries: [putEntry(store.table, callEntry(incident, step, now()))], extra: {} };
    case 'wait-for-ok':
    case 'snooze':
    case 'end':
    case 'continue-as-new':
      return { entries: [], extra: {} };
    default:
      return step satisfies never;
  }
}

/** The line that calls people: the publisher and the announcer read it from the stream. */
function callEntry(
  incident: IncidentWithTimeline,
  { call, isLast }: Extract<Step, { kind: 'escalate' }>,
  now: number,
): JournalEntry {
  const who = typeof call.level === 'number' ? `level ${call.level} (${call.name})` : call.name;
  const data = { level: call.level, name: call.name, ...(isLast && { isLast }) };
  return entryMaker(incident.id, 'follow-through', now)('called', `${who} is called: ${call.why}`, data);
}

function itemAfter(
  { config, now }: Around,
  incident: IncidentWithTimeline,
  item: FollowItem | undefined,
  { step, generation, extra }: { step: Step; generation: number; extra: Partial<FollowItem> },
): FollowItem {
  const at = now();
  const waits = step.kind === 'wait-for-ok' || step.kind === 'snooze';
  const call = nextCall(incident, config, at);
  const until = waits ? untilOf(step, at, call?.at) : at;
  const turnAt = turnAfter(step, item);
  const { settledAt = item?.settledAt, rungs = [], token, waitOrder, round } = extra;
  const settles = (item?.settles ?? 0) + (extra.settledAt === undefined ? 0 : 1);
  const base = {
    ...followKey(incident.id),
    incidentId: incident.id,
    version: (item?.version ?? 0) + 1,
    generation,
    seen: countNews(incident.timeline),
    until,
    doing: doingOf(step),
    rungs: [...(item?.rungs ?? []), ...rungs],
    ...(settledAt !== undefined && { settledAt, settles }),
    ...(token !== undefined && { token }),
    ...(waitOrder !== undefined && { waitOrder }),
    ...(round !== undefined && { round }),
    ...(turnAt !== undefined && { turnAt }),
    ...(call && { nextCall: { name: call.name, at: call.at } }),
  };
  if (step.kind === 'end') return { ...base, endedAt: at, expiresAt: Math.floor(at / 1000) + KEPT_SECONDS };
  return { ...base, duePk: followPartition(incident.id), dueAt: until + OVERDUE_MS };
}

/** A turn that wasn't used yet is kept while something else is done meanwhile. */
function turnAfter(step: Step, item: FollowItem | undefined): number | undefined {
  switch (step.kind) {
    case 'wait-for-ok':
      return step.turnAt;
    case 'escalate':
    case 'next-rung':
    case 'continue-as-new':
      return item?.turnAt;
    case 'settle':
    case 'snooze':
    case 'end':
      return undefined;
    default:
      return step satisfies never;
  }
}

/** A call is made in its time, a turn is kept, a look is a little later. */
function untilOf(step: Extract<Step, { until: number }>, now: number, call: number | undefined): number {
  const { until } = step;
  const isTurn = step.kind === 'wait-for-ok' && step.turnAt !== undefined;
  if (isTurn || (call !== undefined && call <= until)) return until;
  const later = until + Math.random() * SPREAD * Math.max(0, until - now);
  return Math.round(call === undefined ? later : Math.min(later, call));
}

function doingOf(step: Step): string {
  switch (step.kind) {
    case 'escalate':
      return `calls ${step.call.name}`;
    case 'end':
      return `has ended: ${step.why}`;
    default:
      return step.why;
  }
}

/**
 * Stores the token by which the waiting execution is woken, then looks once more: what came between the last look and now found no token.
 * @returns whether there is nothing new, so that the execution really waits.
 */
export async function beginToWait(
  around: Around,
  { round, retry = 0, ...wait }: Wait & { readonly round?: number | undefined; readonly retry?: number | undefined },
): Promise<boolean> {
  const { store, now, config } = around;
  const { incidentId } = wait;
  const order = round === undefined ? undefined : orderOfWait(round, retry);
  const stored = await store.transact([storeToken(store.table, { ...wait, order })]);
  if (!stored.ok) return false;
  const [item, incident] = [await readFollowing(store, incidentId), await readIncident(store, incidentId)];
  if (!item || !incident || countNews(incident.timeline) !== item.seen) return false;
  const progress: Progress = { round: 0, settledAt: item.settledAt, settles: item.settles, rungs: item.rungs };
  const { kind } = nextStep(incident, alarmsInJournal(incident), progress, config, now());
  const waitsForTurn = kind === 'settle' && item.turnAt !== undefined && item.turnAt > now();
  return kind === 'wait-for-ok' || kind === 'snooze' || waitsForTurn;
}
