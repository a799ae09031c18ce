/** One run of the reconciler: everything due is handed out, then alarms that fire unknown are looked for. */
import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { isAlarm } from '../../../events/signal.ts';
import { mayChange, type RuntimeConfig } from '../../engine/config.ts';
import { classifyAwsError, RetryableError } from '../../engine/errors.ts';
import { type AlarmItem, alarmKey, duePartitions, targetKey, type WorkItem } from '../../engine/items.ts';
import { TARGET_TAG } from '../../engine/manifest.ts';
import { Pacer } from '../../engine/pacer.ts';
import { releaseRunLease, takeRunLease } from '../../engine/run-lease.ts';
import type { Store } from '../../engine/store.ts';
import { alarmActionsDisabled, alarmNotOurs, bumpWork, dropWork } from '../../engine/writes.ts';
import type { CloudWatchIn } from '../regional-alarms.ts';
import {
  type AnyAlarm,
  asEvent,
  type CloudWatch,
  describeAlarms,
  listAlarms,
  paced,
  pacedIn,
  tagsOf,
  toLive,
} from './alarms.ts';
import { targetOfComposite } from './composites.ts';
import { leaveToPerson } from './orphan.ts';
import { disabledUntil, isForgotten, type LiveAlarm, orderFor, runbookOf } from './plan.ts';
import { type Firing, holdBack, type RollOutSurroundings } from './release.ts';
import { openOrders, Turns } from './turns.ts';

/** An alarm's own event gets this long to arrive before the sweep takes it for lost. */
const EVENT_GRACE_MS = 30_000;
/** Due work read from each partition in one run; the rest is due again in the next. */
const WORK_PER_PARTITION = 200;
/** Orders given at the same time. */
const AT_ONCE = 8;
/** Time kept for the sweep when there is much to hand out, and for the end of the run. */
const KEEP_FOR_SWEEP_MS = 25_000;
const KEEP_FOR_END_MS = 8_000;
/** Reads of the account's APIs that an order may lead to: a target is looked at with two to four. */
const READS_OF_AN_ORDER = 4;
/** The lease outlives the function's hard timeout by this. */
const LEASE_MARGIN_MS = 5_000;
const LEASE = 'reconciler';

export interface Surroundings extends RollOutSurroundings {
  /** Of the deployment's own region. */
  readonly cloudwatch: CloudWatch;
  /** Of every region, the own one too. */
  readonly cloudwatchIn: CloudWatchIn;
  readonly lambda: Pick<LambdaClient, 'send'>;
  readonly config: Pick<
    RuntimeConfig,
    'name' | 'region' | 'fleet' | 'ladders' | 'services' | 'endpoints' | 'certificates'
  > &
    RollOutSurroundings['config'];
  /** Names of the functions of the remediations that are deployed. */
  readonly functions: Readonly<Record<string, string>>;
  readonly now: () => number;
  /** Identifies this run; a retry of it has the same. */
  readonly requestId: string;
  /** Time left to this run, in milliseconds. */
  readonly remaining: () => number;
}

export interface ReconcilerReport {
  /** Another run is under way, so this one did nothing. */
  readonly skipped: boolean;
  readonly due: number;
  /** How long the oldest of it had waited, in seconds. */
  readonly waitedSeconds: number;
  readonly ordered: number;
  readonly dropped: number;
  /** Signals that could be judged again and wait for others to be proved first. */
  readonly heldBack: number;
  /** Work of remediations that aren't deployed any more. */
  readonly orphaned: number;
  readonly reinjected: number;
}

type Fate = 'ordered' | 'dropped' | 'orphaned' | 'waits';
type Order = ReturnType<typeof orderFor>;

/** What a run works with: its surroundings, and how fast it may read. */
interface Run extends Surroundings {
  readonly pacer: Pacer;
}

/**
 * One run, unless another one is under way.
 * @throws RetryableError at the end, when anything failed: then the run counts as failed.
 */
export async function reconcile(around: Surroundings): Promise<ReconcilerReport> {
  const { store, requestId, now, remaining } = around;
  const until = now() + remaining() + LEASE_MARGIN_MS;
  if (!(await takeRunLease(store, LEASE, requestId, now(), until)))
    return { skipped: true, due: 0, waitedSeconds: 0, ordered: 0, dropped: 0, heldBack: 0, orphaned: 0, reinjected: 0 };
  try {
    const pacer = new Pacer({ perSecond: around.config.fleet.describesPerSecond });
    return await reconcileAlone({
      ...around,
      cloudwatch: paced(around.cloudwatch, pacer),
      cloudwatchIn: pacedIn(around.cloudwatchIn, pacer),
      pacer,
    });
  } finally {
    await releaseRunLease(store, LEASE, requestId);
  }
}

/**
 * What is due, oldest first, and then the sweep. What one piece of work or one alarm fails with doesn't keep the others from their turn.
 * @throws RetryableError at the end, when any of it failed.
 */
async function reconcileAlone(around: Run): Promise<ReconcilerReport> {
  const { store, cloudwatchIn, config } = around;
  const now = around.now();
  const failures: unknown[] = [];
  const due = await readDue(store, now);
  const concerned = await alarmsConcerned(store, due);
  const alarms = await describeAlarms(cloudwatchIn, new Set([...concerned.values()].flat()), config.region);
  const orders = ordersFor(around, due, concerned, alarms);
  const firing = due.flatMap((work) => firingOf(work, orders.get(work)));
  const heldBack = await holdBack(around, firing, now, failures);
  for (const work of heldBack) orders.set(work, 'wait');
  const fates = await handOutAll(around, due, orders, now, failures);
  const reinjected = await sweep(around, now, failures);
  if (failures.length > 0) {
    const [first] = failures;
    throw new RetryableError(
      `${failures.length} pieces of work failed, the first with: ${first instanceof Error ? first.message : String(first)}`,
      { cause: first },
    );
  }
  const count = (fate: Fate) => fates.filter((each) => each === fate).length;
  const report = { ordered: count('ordered'), dropped: count('dropped'), orphaned: count('orphaned') };
  const waitedSeconds = due[0] ? Math.round((now - due[0].dueAt) / 1000) : 0;
  return { skipped: false, due: due.length, waitedSeconds, ...report, heldBack: heldBack.size, reinjected };
}

function ordersFor(
  { config }: Run,
  due: readonly WorkItem[],
  concerned: ReadonlyMap<WorkItem, readonly string[]>,
  alarms: ReadonlyMap<string, LiveAlarm>,
): Map<WorkItem, Order> {
  return new Map(
    due.map((work): [WorkItem, Order] => {
      const ofWork = (concerned.get(work) ?? []).flatMap((arn) => alarms.get(arn) ?? []);
      const order = orderFor(work, new Map(ofWork.map((alarm) => [alarm.arn, alarm])));
      // It was only watched, and its runbook still may not act: judging it again would say the same.
      const watched = work.whenAuto === true && !mayChange(config.runbooks[work.remediation]?.mode);
      return [work, watched && firingOf(work, order).length > 0 ? 'wait' : order];
    }),
  );
}

/** Work that would have a firing signal judged again, for the planner of roll-outs. */
const firingOf = (work: WorkItem, order: Order): Firing[] =>
  typeof order === 'object' && order.command === 'signal' && order.signal.state === 'firing'
    ? [{ work, signal: order.signal }]
    : [];

async function readDue(store: Store, now: number): Promise<WorkItem[]> {
  const pages = await Promise.all(
    duePartitions().map((partition) =>
      store.query(
        {
          IndexName: 'due',
          KeyConditionExpression: 'duePk = :pk AND dueAt <= :now',
          ExpressionAttributeValues: { ':pk': { S: partition }, ':now': { N: String(now) } },
        },
        WORK_PER_PARTITION,
      ),
    ),
  );
  return (pages.flat() as unknown as WorkItem[]).sort((a, b) => a.dueAt - b.dueAt);
}

/** The ARNs of the alarms that each piece of due work is about: that of a held signal, or those of a target to be verified. */
async function alarmsConcerned(store: Store, due: readonly WorkItem[]): Promise<Map<WorkItem, readonly string[]>> {
  const verify = due.filter(({ kind }) => kind === 'verify');
  const targets = await store.readAll(verify.map(({ target }) => targetKey(target)));
  const alarmsOf = ({ target }: WorkItem) =>
    Object.keys((targets.get(targetKey(target).pk)?.alarms ?? {}) as object).filter(isAlarm);
  return new Map(
    due.map((work) => [
      work,
      work.signal ? [work.signal.subject].filter(isAlarm) : work.kind === 'verify' ? alarmsOf(work) : [],
    ]),
  );
}

/** Remediations don't wait for each other: one may be slow to take up its orders. */
async function handOutAll(
  around: Run,
  due: readonly WorkItem[],
  orders: ReadonlyMap<WorkItem, Order>,
  now: number,
  failures: unknown[],
): Promise<Fate[]> {
  const { store, config } = around;
  const open = await openOrders(store, now, config.reconcileEverySeconds * 1000);
  const most = Math.max(1, Math.floor(config.fleet.describesPerSecond / READS_OF_AN_ORDER));
  const fates: Fate[] = [];
  const handOutOf = async (remediation: string, works: readonly WorkItem[]) => {
    const turns = new Turns(store, most, open.get(remediation) ?? [], around.now);
    for (let start = 0; start < works.length && around.remaining() > KEEP_FOR_SWEEP_MS; start += AT_ONCE) {
      const batch = works
        .slice(start, start + AT_ONCE)
        .map((work) => handOut(around, turns, work, orders.get(work), now));
      for (const result of await Promise.allSettled(batch)) {
        if (result.status === 'fulfilled') fates.push(result.value);
        else failures.push(result.reason);
      }
    }
  };
  const byRemediation = Map.groupBy(due, ({ remediation }) => remediation);
  await Promise.all([...byRemediation].map(([remediation, works]) => handOutOf(remediation, works)));
  return fates;
}

async function handOut(around: Run, turns: Turns, work: WorkItem, order: Order, now: number): Promise<Fate> {
  const { store, functions, pacer, remaining, config } = around;
  if (!functions[work.remediation]) {
    await leaveToPerson(store, work, now);
    return 'orphaned';
  }
  if (!order) {
    // Only what was read: the index lags, and a newer signal may have put new work in its place meanwhile.
    await store.transact([dropWork(store.table, work)]);
    return 'dropped';
  }
  // It comes up again a period later unless the order took care of it.
  const dueAt = now + config.reconcileEverySeconds * 1000;
  if (order === 'wait') {
    await store.transact([bumpWork(store.table, work, dueAt)]);
    return 'waits';
  }
  if (!(await turns.take(() => remaining() > KEEP_FOR_SWEEP_MS))) return 'waits';
  let isGiven = false;
  try {
    await pacer.take(READS_OF_AN_ORDER);
    // One reconciler hands a piece of work out at a time.
    if (!(await store.transact([bumpWork(store.table, work, dueAt, around.now())])).ok) return 'waits';
    await invoke(around, work.remediation, order);
    isGiven = true;
    return 'ordered';
  } finally {
    if (isGiven) turns.given(work, dueAt);
    else turns.forgone();
  }
}

async function invoke({ functions, lambda }: Surroundings, remediation: string, order: unknown): Promise<void> {
  const FunctionName = functions[remediation];
  try {
    await lambda.send(new InvokeCommand({ FunctionName, InvocationType: 'Event', Payload: JSON.stringify(order) }));
  } catch (error) {
    throw classifyAwsError(`invoke ${remediation}`, error);
  }
}

/** Alarms that fire unknown to the journal: their tags are read once; ours are injected as if their event had come. */
async function sweep(around: Run, now: number, failures: unknown[]): Promise<number> {
  const { store, cloudwatch, remaining } = around;
  let injected = 0;
  const { firing, all } = await listAlarms(cloudwatch);
  for await (const page of firing) {
    const known = await knownOf(store, page);
    for (const alarm of page) {
      // What was found out is kept, so the next run goes on from here.
      if (remaining() < KEEP_FOR_END_MS) return injected;
      const live = toLive(alarm);
      if (!live) continue;
      const knownAs = known.get(alarmKey(live.arn).pk);
      try {
        // Of suppressed actions each event says so itself; a note would outlast them.
        await noteActions(around, { ...live, actionsEnabled: alarm.ActionsEnabled ?? true }, knownAs, now);
        if (isForgotten(live, knownAs, now, EVENT_GRACE_MS) && (await bringIn(around, alarm, live, now))) injected++;
      } catch (error) {
        failures.push(error);
      }
    }
  }
  await noteDisabled(around, all, now, failures);
  return injected;
}

const knownOf = async (store: Store, page: readonly AnyAlarm[]) =>
  (await store.readAll(page.map((alarm) => alarmKey(alarm.AlarmArn ?? '')))) as unknown as ReadonlyMap<
    string,
    AlarmItem
  >;

/** @returns whether it is one of ours. */
async function bringIn(around: Run, alarm: AnyAlarm, live: LiveAlarm, now: number): Promise<boolean> {
  const { store, cloudwatch, config, functions } = around;
  const tags = await tagsOf(cloudwatch, live.arn);
  const runbook = runbookOf(tags, config.name, Object.keys(config.ladders));
  const first = runbook === undefined ? undefined : config.ladders[runbook]?.rungs[0];
  if (runbook === undefined || first === undefined || !functions[first]) {
    await store.transact([alarmNotOurs(store.table, live.arn, now)]);
    return false;
  }
  const target = tags.find(({ Key }) => Key === TARGET_TAG)?.Value;
  const found =
    target === undefined && 'AlarmRule' in alarm
      ? await targetOfComposite(cloudwatch, live.name, runbook, config)
      : { target };
  await invoke(around, first, asEvent(alarm, live, { runbook, ...found }));
  return true;
}

/** Alarms that don't fire and whose actions are disabled: their events won't say so, so it is written down before one comes. */
async function noteDisabled(
  around: Run,
  all: Awaited<ReturnType<typeof listAlarms>>['all'],
  now: number,
  failures: unknown[],
): Promise<void> {
  const { store, remaining } = around;
  for await (const page of all) {
    // A run that is short of time begins anew the next time: what is known lasts for some runs.
    if (remaining() < KEEP_FOR_END_MS) return;
    const disabled = page.filter(
      ({ ActionsEnabled, StateValue }) => ActionsEnabled === false && StateValue !== 'ALARM',
    );
    if (disabled.length === 0) continue;
    const known = await knownOf(store, disabled);
    for (const alarm of disabled) {
      const live = toLive(alarm);
      if (!live) continue;
      try {
        await noteActions(around, live, known.get(alarmKey(live.arn).pk), now);
      } catch (error) {
        failures.push(error);
      }
    }
  }
}

async function noteActions({ store, config }: Run, live: LiveAlarm, known: AlarmItem | undefined, now: number) {
  const until = disabledUntil(live, known, now, config.reconcileEverySeconds * 1000);
  if (until !== undefined) await store.transact([alarmActionsDisabled(store.table, live.arn, until)]);
}
