/** CloudWatch as the reconciler sees it: alarms by name, firing alarms, their tags, and the event that one of them would have sent. */
import { createHash } from 'node:crypto';
import {
  type CloudWatchClient,
  type CompositeAlarm,
  DescribeAlarmsCommand,
  type DescribeAlarmsCommandInput,
  type DescribeAlarmsCommandOutput,
  type Dimension,
  ListTagsForResourceCommand,
  type LogAlarm,
  type MetricAlarm,
  type Tag,
} from '@aws-sdk/client-cloudwatch';
import { classifyAwsError } from '../../engine/errors.ts';
import { log } from '../../engine/log.ts';
import { RUNBOOK_TAG, TARGET_TAG } from '../../engine/manifest.ts';
import type { Pacer } from '../../engine/pacer.ts';
import { REASON_LIMIT } from '../../engine/sources/source.ts';
import { byRegion, type CloudWatchIn } from '../regional-alarms.ts';
import type { LiveAlarm } from './plan.ts';

/** "DescribeAlarms", Amazon CloudWatch API Reference: at most 100 names in AlarmNames, at most 100 in MaxRecords. */
export const DESCRIBE_BATCH = 100;
/** Without it only metric alarms are told of. */
const ALL_TYPES = ['MetricAlarm', 'CompositeAlarm', 'LogAlarm'] as const;

/** An alarm of any kind; only a metric alarm watches metrics of its own, only a composite has a rule. */
export type AnyAlarm = MetricAlarm | CompositeAlarm | LogAlarm;

export type CloudWatch = Pick<CloudWatchClient, 'send'>;

/** The same CloudWatch, asked no faster than the pacer lets. */
export const paced = (cloudwatch: CloudWatch, pacer: Pacer): CloudWatch => ({
  // The type of `send` is a list of overloads, which no one function can be written down as.
  send: (async (...request: Parameters<CloudWatch['send']>) => {
    await pacer.take();
    return cloudwatch.send(...request);
  }) as CloudWatch['send'],
});

/** The same CloudWatch of every region, asked no faster than the pacer lets. */
export const pacedIn =
  (cloudwatchIn: CloudWatchIn, pacer: Pacer): CloudWatchIn =>
  (region) =>
    paced(cloudwatchIn(region), pacer);

/**
 * The alarms of those ARNs as they are now, each asked for in its own region; one that doesn't exist any more has the state `GONE`. Those of another region that doesn't
 * answer are left out: what is known of them stays, and the work of this region goes on.
 * @param own the deployment's region.
 * @throws EngineError when CloudWatch can't be asked in the own region: what is unknown must not look like gone.
 */
export async function describeAlarms(
  cloudwatchIn: CloudWatchIn,
  arns: ReadonlySet<string>,
  own: string,
): Promise<Map<string, LiveAlarm>> {
  const regions = await Promise.all(
    [...byRegion(arns)].map(async ([region, ofRegion]) => {
      try {
        return await describeInRegion(cloudwatchIn(region), ofRegion);
      } catch (error) {
        if (region === own) throw error;
        log('WARN', `alarms of ${region} can't be looked at`, { why: String(error), alarms: ofRegion.length });
        return [];
      }
    }),
  );
  return new Map(regions.flatMap((found) => [...found]));
}

async function describeInRegion(cloudwatch: CloudWatch, arns: readonly string[]): Promise<Map<string, LiveAlarm>> {
  const named = arns.map((arn) => ({ arn, name: nameOf(arn) })).filter(({ name }) => name !== '');
  const found = new Map<string, LiveAlarm>(
    named.map(({ arn, name }) => [arn, { arn, name, state: 'GONE', stateAt: 0, actionsEnabled: true }]),
  );
  for (let start = 0; start < named.length; start += DESCRIBE_BATCH) {
    const AlarmNames = named.slice(start, start + DESCRIBE_BATCH).map(({ name }) => name);
    let NextToken: string | undefined;
    // A reply holds as many as it likes: without the following pages, the rest would look as if it had been deleted.
    do {
      try {
        const reply = await cloudwatch.send(
          new DescribeAlarmsCommand({
            AlarmNames,
            AlarmTypes: [...ALL_TYPES],
            MaxRecords: DESCRIBE_BATCH,
            ...(NextToken && { NextToken }),
          }),
        );
        for (const raw of ofAnyKind(reply)) {
          const alarm = toLive(raw);
          if (alarm) found.set(alarm.arn, alarm);
        }
        NextToken = reply.NextToken;
      } catch (error) {
        throw classifyAwsError('describe alarms', error);
      }
    } while (NextToken);
  }
  return found;
}

/** An alarm's name may itself hold `:alarm:`; empty for what is no alarm's ARN. */
const nameOf = (arn: string): string => arn.split(':alarm:').slice(1).join(':alarm:');

type Described = Pick<
  MetricAlarm,
  'AlarmArn' | 'AlarmName' | 'StateValue' | 'StateUpdatedTimestamp' | 'StateTransitionedTimestamp' | 'ActionsEnabled'
> &
  Pick<CompositeAlarm, 'ActionsSuppressedBy'>;

/**
 * Undefined for what isn't complete. StateUpdatedTimestamp also moves when only the evaluation state changes ("MetricAlarm", Amazon
 * CloudWatch API Reference), which is no new alarm.
 */
export function toLive(raw: Described): LiveAlarm | undefined {
  if (!raw.AlarmArn || !raw.AlarmName || !raw.StateValue) return undefined;
  if (raw.StateValue !== 'ALARM' && raw.StateValue !== 'OK' && raw.StateValue !== 'INSUFFICIENT_DATA') return undefined;
  return {
    arn: raw.AlarmArn,
    name: raw.AlarmName,
    state: raw.StateValue,
    stateAt: (raw.StateTransitionedTimestamp ?? raw.StateUpdatedTimestamp)?.getTime() ?? 0,
    actionsEnabled: (raw.ActionsEnabled ?? true) && !raw.ActionsSuppressedBy,
  };
}

const ofAnyKind = ({
  MetricAlarms = [],
  CompositeAlarms = [],
  LogAlarms = [],
}: DescribeAlarmsCommandOutput): AnyAlarm[] => [...MetricAlarms, ...CompositeAlarms, ...LogAlarms];

/** Alarms of every kind, page by page. */
type Pages = AsyncIterable<readonly AnyAlarm[]> | Iterable<readonly AnyAlarm[]>;

/**
 * All alarms, and those of them that fire. Where one page holds all of them it is asked for once, because each request is billed; of more, those that fire are asked for
 * by themselves, so that they needn't wait for the others.
 * @throws EngineError when CloudWatch can't be asked.
 */
export async function listAlarms(cloudwatch: CloudWatch): Promise<{ readonly firing: Pages; readonly all: Pages }> {
  const first = await page(cloudwatch, {});
  if (first.NextToken) return { firing: pages(cloudwatch, { StateValue: 'ALARM' }), all: pages(cloudwatch, {}, first) };
  const all = ofAnyKind(first);
  return { firing: [all.filter(({ StateValue }) => StateValue === 'ALARM')], all: [all] };
}

type Asked = Pick<DescribeAlarmsCommandInput, 'StateValue' | 'NextToken'>;

async function page(cloudwatch: CloudWatch, asked: Asked): Promise<DescribeAlarmsCommandOutput> {
  const whole = { ...asked, AlarmTypes: [...ALL_TYPES], MaxRecords: DESCRIBE_BATCH };
  try {
    return await cloudwatch.send(new DescribeAlarmsCommand(whole));
  } catch (error) {
    throw classifyAwsError('list alarms', error);
  }
}

/** @param first its first page, where that was asked for already. */
async function* pages(
  cloudwatch: CloudWatch,
  asked: Asked,
  first?: DescribeAlarmsCommandOutput,
): AsyncGenerator<AnyAlarm[]> {
  let reply = first ?? (await page(cloudwatch, asked));
  yield ofAnyKind(reply);
  while (reply.NextToken) {
    reply = await page(cloudwatch, { ...asked, NextToken: reply.NextToken });
    yield ofAnyKind(reply);
  }
}

export async function tagsOf(cloudwatch: CloudWatch, arn: string): Promise<Tag[]> {
  try {
    return (await cloudwatch.send(new ListTagsForResourceCommand({ ResourceARN: arn }))).Tags ?? [];
  } catch (error) {
    throw classifyAwsError(`list the tags of ${arn}`, error);
  }
}

/** What the alarm's tags ask for, and what was found out of one that watches no metric itself. */
export interface AskedFor {
  readonly runbook: string;
  readonly target?: string | undefined;
  readonly whyNoTarget?: string | undefined;
}

/** The event that CloudWatch would have sent, made of the alarm's description; read by the very same parser. */
export function asEvent(alarm: AnyAlarm, live: LiveAlarm, { runbook, target, whyNoTarget }: AskedFor): object {
  const at = new Date(live.stateAt).toISOString();
  const [, , , region, account] = live.arn.split(':');
  const reasonData = 'StateReasonData' in alarm ? alarm.StateReasonData : undefined;
  return {
    id: `sweep-${live.stateAt}-${digestOf([runbook, target, whyNoTarget])}-${live.name}`.slice(0, 200),
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
        ...(reasonData && { reasonData }),
      },
      previousState: {},
      configuration: {
        ...('AlarmRule' in alarm ? { alarmRule: alarm.AlarmRule } : { metrics: metricsOf(alarm) }),
        description: alarm.AlarmDescription ?? '',
      },
      alarmTags: { [RUNBOOK_TAG]: runbook, ...(target !== undefined && { [TARGET_TAG]: target }) },
      ...(whyNoTarget !== undefined && { whyNoTarget: whyNoTarget.slice(0, REASON_LIMIT) }),
    },
  };
}

/** What was rejected once isn't a duplicate when it is brought up with another target: its tags, or what it is made of, changed while it fires. */
const digestOf = (asked: readonly unknown[]): string =>
  createHash('sha256').update(JSON.stringify(asked)).digest('hex').slice(0, 12);

/** As an event's configuration has them; none of a log alarm. */
function metricsOf(alarm: MetricAlarm | LogAlarm): object[] {
  if ('MetricName' in alarm && alarm.MetricName) {
    const { Namespace: namespace, MetricName: name, Dimensions, Period: period, Statistic: stat } = alarm;
    return [{ id: 'm1', metricStat: { metric: { namespace, name, dimensions: named(Dimensions) }, period, stat } }];
  }
  const queries = 'Metrics' in alarm ? (alarm.Metrics ?? []) : [];
  return queries.map(({ Id: id, Expression: expression, MetricStat, AccountId: accountId }) => ({
    id,
    ...(expression && { expression }),
    ...(accountId && { accountId }),
    ...(MetricStat && {
      metricStat: {
        metric: {
          namespace: MetricStat.Metric?.Namespace,
          name: MetricStat.Metric?.MetricName,
          dimensions: named(MetricStat.Metric?.Dimensions),
        },
      },
    }),
  }));
}

const named = (dimensions: readonly Dimension[] = []) =>
  Object.fromEntries(dimensions.map(({ Name = '', Value = '' }) => [Name, Value]));
