/**
 * The reconciler: CloudWatch tells of a change of state once, and functions can die anywhere, so what is due is looked for on a schedule
 * ("level, not only edge", design section 1). It changes nothing of the customer's: it hands orders to the remediations.
 */
import {
  CloudWatchClient,
  DescribeAlarmsCommand,
  ListTagsForResourceCommand,
  type MetricAlarm,
  type Tag,
} from '@aws-sdk/client-cloudwatch';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import middy from '@middy/core';
import type { Context as LambdaContext } from 'aws-lambda';
import { clientDefaults } from '../../engine/clients.ts';
import { runtimeConfig } from '../../engine/config.ts';
import { classifyAwsError } from '../../engine/errors.ts';
import { requiredEnvironment } from '../../engine/handler.ts';
import { type AlarmItem, alarmKey, duePartitions, type WorkItem } from '../../engine/items.ts';
import { log } from '../../engine/log.ts';
import { RUNBOOK_TAG } from '../../engine/manifest.ts';
import { Store } from '../../engine/store.ts';
import { alarmNotOurs, bumpWork, removeWork } from '../../engine/writes.ts';
import { isForgotten, type LiveAlarm, orderFor, runbookOf } from './plan.ts';

/** An alarm's own event gets this long to arrive before the sweep takes it for lost. */
const EVENT_GRACE_MS = 30_000;
const DESCRIBE_BATCH = 100;
/** Orders handed out in one run; the rest is due again in the next. */
const WORK_PER_RUN = 200;

const cloudwatch = new CloudWatchClient(clientDefaults());
const lambda = new LambdaClient(clientDefaults());

export interface ReconcilerReport {
  readonly due: number;
  readonly ordered: number;
  readonly dropped: number;
  readonly reinjected: number;
}

async function reconcile(): Promise<ReconcilerReport> {
  const store = new Store(requiredEnvironment('NIGHTSHIFT_TABLE'));
  const functions = JSON.parse(requiredEnvironment('NIGHTSHIFT_FUNCTIONS')) as Record<string, string>;
  const now = Date.now();
  const due = await readDue(store, now);
  const alarms = await describe(await alarmsConcerned(store, due));
  let ordered = 0;
  let dropped = 0;
  for (const work of due) {
    const order = orderFor(work, alarms);
    if (order && (await claim(store, work, now))) {
      await invoke(functions, work.remediation, order);
      ordered++;
    } else if (!order) {
      await store.transact([removeWork(store.table, work.kind, work.id)]);
      dropped++;
    }
  }
  return { due: due.length, ordered, dropped, reinjected: await sweep(store, functions, now) };
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
        WORK_PER_RUN,
      ),
    ),
  );
  return pages.flat() as unknown as WorkItem[];
}

/** Alarms that the due work is about: those of held signals, and those of the targets to be verified. */
async function alarmsConcerned(store: Store, due: readonly WorkItem[]): Promise<Set<string>> {
  const arns = new Set<string>();
  for (const work of due) if (work.signal) arns.add(work.signal.alarmArn);
  const targets = due
    .filter((work) => work.kind === 'verify')
    .map((work) => ({ pk: `TARGET#${work.target}`, sk: 'TARGET' }));
  if (targets.length > 0) {
    const items = await store.readAll(targets.slice(0, 100));
    for (const item of items.values()) for (const arn of Object.keys((item.alarms ?? {}) as object)) arns.add(arn);
  }
  return arns;
}

async function describe(arns: ReadonlySet<string>): Promise<Map<string, LiveAlarm>> {
  const names = [...arns].map((arn) => arn.split(':alarm:')[1]).filter((name) => name !== undefined);
  const found = new Map<string, LiveAlarm>();
  for (let start = 0; start < names.length; start += DESCRIBE_BATCH) {
    const AlarmNames = names.slice(start, start + DESCRIBE_BATCH);
    try {
      const reply = await cloudwatch.send(
        new DescribeAlarmsCommand({ AlarmNames, AlarmTypes: ['MetricAlarm', 'CompositeAlarm'] }),
      );
      for (const raw of [...(reply.MetricAlarms ?? []), ...(reply.CompositeAlarms ?? [])]) {
        const alarm = toLive(raw);
        if (alarm) found.set(alarm.arn, alarm);
      }
    } catch (error) {
      throw classifyAwsError('describe alarms', error);
    }
  }
  return found;
}

type Described = Pick<
  MetricAlarm,
  'AlarmArn' | 'AlarmName' | 'StateValue' | 'StateUpdatedTimestamp' | 'ActionsEnabled'
>;

function toLive(raw: Described): LiveAlarm | undefined {
  if (!raw.AlarmArn || !raw.AlarmName || !raw.StateValue) return undefined;
  if (raw.StateValue !== 'ALARM' && raw.StateValue !== 'OK' && raw.StateValue !== 'INSUFFICIENT_DATA') return undefined;
  return {
    arn: raw.AlarmArn,
    name: raw.AlarmName,
    state: raw.StateValue,
    stateAt: raw.StateUpdatedTimestamp?.getTime() ?? 0,
    actionsEnabled: raw.ActionsEnabled ?? true,
  };
}

/** One reconciler hands a piece of work out at a time: it comes up again a period later unless the order took care of it. */
async function claim(store: Store, work: WorkItem, now: number): Promise<boolean> {
  const dueAt = now + runtimeConfig().reconcileEverySeconds * 1000;
  return (await store.transact([bumpWork(store.table, work, dueAt)])).ok;
}

async function invoke(functions: Readonly<Record<string, string>>, remediation: string, order: unknown): Promise<void> {
  const FunctionName = functions[remediation];
  if (!FunctionName) {
    log('ERROR', `no function for remediation ${remediation}: it has due work but isn't deployed`);
    return;
  }
  try {
    await lambda.send(new InvokeCommand({ FunctionName, InvocationType: 'Event', Payload: JSON.stringify(order) }));
  } catch (error) {
    throw classifyAwsError(`invoke ${remediation}`, error);
  }
}

/** Alarms that fire unknown to the journal: their tags are read once; ours are injected as if their event had come. */
async function sweep(store: Store, functions: Readonly<Record<string, string>>, now: number): Promise<number> {
  let injected = 0;
  for await (const page of firingAlarms()) {
    const known = await store.readAll(page.map((alarm) => alarmKey(alarm.AlarmArn ?? '')));
    for (const alarm of page) {
      const live = toLive(alarm);
      if (!live || !isForgotten(live, known.get(alarmKey(live.arn).pk) as AlarmItem | undefined, now, EVENT_GRACE_MS))
        continue;
      const remediation = runbookOf(await tagsOf(live.arn), runtimeConfig().name, Object.keys(functions));
      if (remediation) {
        await invoke(functions, remediation, asEvent(alarm, live, remediation));
        injected++;
      } else await store.transact([alarmNotOurs(store.table, live.arn, now)]);
    }
  }
  return injected;
}

async function* firingAlarms(): AsyncGenerator<MetricAlarm[]> {
  let NextToken: string | undefined;
  do {
    try {
      const reply = await cloudwatch.send(
        new DescribeAlarmsCommand({
          StateValue: 'ALARM',
          AlarmTypes: ['MetricAlarm'],
          MaxRecords: DESCRIBE_BATCH,
          ...(NextToken && { NextToken }),
        }),
      );
      NextToken = reply.NextToken;
      if (reply.MetricAlarms?.length) yield reply.MetricAlarms;
    } catch (error) {
      throw classifyAwsError('describe firing alarms', error);
    }
  } while (NextToken);
}

async function tagsOf(arn: string): Promise<Tag[]> {
  try {
    return (await cloudwatch.send(new ListTagsForResourceCommand({ ResourceARN: arn }))).Tags ?? [];
  } catch (error) {
    throw classifyAwsError(`list the tags of ${arn}`, error);
  }
}

/** The event that CloudWatch would have sent, made of the alarm's description; read by the very same parser. */
function asEvent(alarm: MetricAlarm, live: LiveAlarm, remediation: string): object {
  const at = new Date(live.stateAt).toISOString();
  const [, , , region, account] = live.arn.split(':');
  const dimensions = Object.fromEntries((alarm.Dimensions ?? []).map((each) => [each.Name ?? '', each.Value ?? '']));
  const single = alarm.MetricName && [
    {
      id: 'm1',
      metricStat: {
        metric: { namespace: alarm.Namespace, name: alarm.MetricName, dimensions },
        period: alarm.Period,
        stat: alarm.Statistic,
      },
    },
  ];
  const math = (alarm.Metrics ?? []).map((each) => ({
    id: each.Id,
    ...(each.Expression && { expression: each.Expression }),
    ...(each.MetricStat && {
      metricStat: {
        metric: {
          namespace: each.MetricStat.Metric?.Namespace,
          name: each.MetricStat.Metric?.MetricName,
          dimensions: Object.fromEntries(
            (each.MetricStat.Metric?.Dimensions ?? []).map((one) => [one.Name ?? '', one.Value ?? '']),
          ),
        },
      },
    }),
  }));
  return {
    id: `sweep-${live.stateAt}-${live.name}`.slice(0, 200),
    source: 'aws.cloudwatch',
    'detail-type': 'CloudWatch Alarm State Change',
    account,
    region,
    time: at,
    resources: [live.arn],
    detail: {
      alarmName: live.name,
      state: {
        value: 'ALARM',
        timestamp: at,
        reason: alarm.StateReason ?? '',
        ...(alarm.StateReasonData && { reasonData: alarm.StateReasonData }),
      },
      previousState: {},
      configuration: { metrics: single || math, description: alarm.AlarmDescription ?? '' },
      alarmTags: { [RUNBOOK_TAG]: remediation },
    },
  };
}

export const handler = middy<unknown, ReconcilerReport, Error, LambdaContext>().handler(async () => {
  const report = await reconcile();
  log('INFO', 'reconciled', { ...report });
  return report;
});
