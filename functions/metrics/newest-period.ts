/** One look at metrics of CloudWatch: all values are of one and the same period. */
import { type CloudWatchClient, GetMetricDataCommand, type MetricDataResult } from '@aws-sdk/client-cloudwatch';

export interface MetricWanted {
  readonly namespace: string;
  readonly metricName: string;
  readonly dimensions: Readonly<Record<string, string>>;
  readonly stat: 'Average' | 'Maximum' | 'Minimum' | 'Sum';
}

/** AWS's services publish once a minute and CloudWatch shows it a little later: looked for so far back, in periods. */
const PERIODS_BACK = 5;
/** A period counts when it has been over for this share of it: what belongs to its end is told a little later, and part of a minute's requests is no minute's. */
const SETTLED_AFTER = 0.5;
/** A period that began before the change counts when no more than this share of it did: alarms fire, and are answered, just after a period has begun. */
const SHARE_BEFORE = 0.2;

/**
 * Reads the newest whole period that anything is told of.
 * @param wanted by an id of the caller's: letters, the first in lower case.
 * @param periodSeconds in which the metrics are published (`metricPeriodSeconds` of the configuration).
 * @param since epoch milliseconds: only periods of which at least four fifths came after it; absent: any of the last few.
 * @returns values by id, without those that aren't told of that period; undefined when no period is.
 * @throws what the client throws.
 */
export async function newestPeriod<Id extends string>(
  cloudwatch: CloudWatchClient,
  wanted: Readonly<Record<Id, MetricWanted>>,
  periodSeconds: number,
  since = 0,
): Promise<Readonly<Partial<Record<Id, number>>> | undefined> {
  const periodMs = periodSeconds * 1000;
  const end = lastWhole(Date.now(), periodMs);
  const start = Math.max(end - PERIODS_BACK * periodMs, firstAfter(since, periodMs));
  if (start >= end) return undefined;
  const reply = await cloudwatch.send(
    new GetMetricDataCommand({
      StartTime: new Date(start),
      EndTime: new Date(end),
      ScanBy: 'TimestampDescending',
      MetricDataQueries: Object.entries<MetricWanted>(wanted).map(([Id, metric]) => ({
        Id,
        MetricStat: {
          Metric: {
            Namespace: metric.namespace,
            MetricName: metric.metricName,
            Dimensions: Object.entries(metric.dimensions).map(([Name, Value]) => ({ Name, Value })),
          },
          Period: periodSeconds,
          Stat: metric.stat,
        },
      })),
    }),
  );
  return valuesOfNewest<Id>(reply.MetricDataResults ?? []);
}

/** Pure: where the last period ends that is over for long enough to be told of as a whole; all in milliseconds. */
export const lastWhole = (now: number, periodMs: number): number =>
  Math.floor((now - SETTLED_AFTER * periodMs) / periodMs) * periodMs;

/** Pure: where the first period begins of which at least four fifths lie after that moment; all in milliseconds. */
export const firstAfter = (since: number, periodMs: number): number =>
  Math.ceil((since - SHARE_BEFORE * periodMs) / periodMs) * periodMs;

/** Pure. */
export function valuesOfNewest<Id extends string>(
  results: readonly Pick<MetricDataResult, 'Id' | 'Timestamps' | 'Values'>[],
): Readonly<Partial<Record<Id, number>>> | undefined {
  const times = results.flatMap(({ Timestamps = [] }) => Timestamps.map((at) => at.getTime()));
  if (times.length === 0) return undefined;
  const newest = Math.max(...times);
  const values = results.flatMap(({ Id, Timestamps = [], Values = [] }) => {
    const value = Values[Timestamps.findIndex((at) => at.getTime() === newest)];
    return value === undefined ? [] : [[Id, value]];
  });
  return Object.fromEntries(values) as Partial<Record<Id, number>>;
}
