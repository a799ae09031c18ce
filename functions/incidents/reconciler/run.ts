/** One run of the reconciler: everything due is handed out, then alarms that fire unknown are looked for. */
import { setTimeout as sleep } from 'node:timers/promises';
import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import type { RuntimeConfig } from '../../engine/config.ts';
import { classifyAwsError, RetryableError } from '../../engine/errors.ts';
import { type AlarmItem, alarmKey, duePartitions, targetKey, type WorkItem } from '../../engine/items.ts';
import type { Store } from '../../engine/store.ts';
import { alarmNotOurs, bumpWork, dropWork } from '../../engine/writes.ts';
import { asEvent, type CloudWatch, describeAlarms, firingAlarms, tagsOf, toLive } from './alarms.ts';
import { leaveToPerson } from './orphan.ts';
import { isForgotten, type LiveAlarm, orderFor, runbookOf } from './plan.ts';

/** An alarm's own event gets this long to arrive before the sweep takes it for lost. */
const EVENT_GRACE_MS = 30_000;
/** Due work read from each partition in one run; the rest is due again in the next. */
const WORK_PER_PARTITION = 200;
/** Orders given at the same time. */
const AT_ONCE = 8;
/** Time kept for the sweep when there is much to hand out, and for the end of the run. */
const KEEP_FOR_SWEEP_MS = 25_000;
const KEEP_FOR_END_MS = 8_000;
/** Between two alarms whose tags are read: in a storm hundreds fire whose events still wait, and the account's API quotas are the customer's. */
const BETWEEN_TAGS_MS = 200;

export interface Surroundings {
  readonly store: Store;
  readonly cloudwatch: CloudWatch;
  readonly lambda: Pick<LambdaClient, 'send'>;
  readonly config: Pick<RuntimeConfig, 'name' | 'reconcileEverySeconds'>;
  /** Names of the functions of the remediations that are deployed. */
  readonly functions: Readonly<Record<string, string>>;
  readonly now: () => number;
  /** Time left to this run, in milliseconds. */
  readonly remaining: () => number;
}

export interface ReconcilerReport {
  readonly due: number;
  readonly ordered: number;
  readonly dropped: number;
  /** Work of remediations that aren't deployed any more. */
  readonly orphaned: number;
  readonly reinjected: number;
}

type Fate = 'ordered' | 'dropped' | 'orphaned' | 'waits';

/**
 * What is due, oldest first, and then the sweep. What one piece of work or one alarm fails with doesn't keep the others from their turn.
 * @throws RetryableError at the end, when any of it failed: then the run counts as failed.
 */
export async function reconcile(around: Surroundings): Promise<ReconcilerReport> {
  const { store, cloudwatch, remaining } = around;
  const now = around.now();
  const failures: unknown[] = [];
  const due = await readDue(store, now);
  const concerned = await alarmsConcerned(store, due);
  const alarms = await describeAlarms(cloudwatch, new Set([...concerned.values()].flat()));
  const fates: Fate[] = [];
  for (let start = 0; start < due.length && remaining() > KEEP_FOR_SWEEP_MS; start += AT_ONCE) {
    const batch = due.slice(start, start + AT_ONCE).map((work) => {
      const ofWork = (concerned.get(work) ?? []).flatMap((arn) => alarms.get(arn) ?? []);
      return handOut(around, work, new Map(ofWork.map((alarm) => [alarm.arn, alarm])), now);
    });
    for (const result of await Promise.allSettled(batch)) {
      if (result.status === 'fulfilled') fates.push(result.value);
      else failures.push(result.reason);
    }
  }
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
  return { due: due.length, ...report, reinjected };
}

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
  const alarmsOf = ({ target }: WorkItem) => Object.keys((targets.get(targetKey(target).pk)?.alarms ?? {}) as object);
  return new Map(
    due.map((work) => [work, work.signal ? [work.signal.subject] : work.kind === 'verify' ? alarmsOf(work) : []]),
  );
}

async function handOut(
  around: Surroundings,
  work: WorkItem,
  alarms: ReadonlyMap<string, LiveAlarm>,
  now: number,
): Promise<Fate> {
  const { store, functions } = around;
  if (!functions[work.remediation]) {
    await leaveToPerson(store, work, now);
    return 'orphaned';
  }
  const order = orderFor(work, alarms);
  if (!order) {
    // Only what was read: the index lags, and a newer signal may have put new work in its place meanwhile.
    await store.transact([dropWork(store.table, work)]);
    return 'dropped';
  }
  if (!(await claim(around, work, now)) || order === 'wait') return 'waits';
  await invoke(around, work.remediation, order);
  return 'ordered';
}

/** One reconciler hands a piece of work out at a time: it comes up again a period later unless the order took care of it. */
async function claim({ store, config }: Surroundings, work: WorkItem, now: number): Promise<boolean> {
  return (await store.transact([bumpWork(store.table, work, now + config.reconcileEverySeconds * 1000)])).ok;
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
async function sweep(around: Surroundings, now: number, failures: unknown[]): Promise<number> {
  const { store, cloudwatch, config, functions, remaining } = around;
  let injected = 0;
  let looked = 0;
  for await (const page of firingAlarms(cloudwatch)) {
    const known = await store.readAll(page.map((alarm) => alarmKey(alarm.AlarmArn ?? '')));
    for (const alarm of page) {
      // What was found out is kept, so the next run goes on from here.
      if (remaining() < KEEP_FOR_END_MS) return injected;
      const live = toLive(alarm);
      if (!live || !isForgotten(live, known.get(alarmKey(live.arn).pk) as AlarmItem | undefined, now, EVENT_GRACE_MS))
        continue;
      try {
        if (looked++ > 0) await sleep(BETWEEN_TAGS_MS);
        const remediation = runbookOf(await tagsOf(cloudwatch, live.arn), config.name, Object.keys(functions));
        if (remediation) {
          await invoke(around, remediation, asEvent(alarm, live, remediation));
          injected++;
        } else await store.transact([alarmNotOurs(store.table, live.arn, now)]);
      } catch (error) {
        failures.push(error);
      }
    }
  }
  return injected;
}
