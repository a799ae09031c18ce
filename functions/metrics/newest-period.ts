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
  return valuesOfNewest<Id>(await readResults(cloudwatch, wanted, periodSeconds, { start, end }));
}

/**
 * Reads every whole period of the last while, and the newest few at least.
 * @param backSeconds how far back, in seconds.
 * @returns the periods that anything is told of, newest first: recent are those that `newestPeriod` would look at, within those that began so far back or later.
 * @throws what the client throws.
 */
export async function lastPeriods<Id extends string>(
  cloudwatch: CloudWatchClient,
  wanted: Readonly<Record<Id, MetricWanted>>,
  periodSeconds: number,
  backSeconds: number,
): Promise<readonly TimedPeriod<Id>[]> {
  const periodMs = periodSeconds * 1000;
  const end = lastWhole(Date.now(), periodMs);
  const newestFrom = end - PERIODS_BACK * periodMs;
  const withinFrom = firstAfter(end - backSeconds * 1000, periodMs);
  const start = Math.min(newestFrom, withinFrom);
  const results = await readResults(cloudwatch, wanted, periodSeconds, { start, end });
  const times = new Set(results.flatMap(({ Timestamps = [] }) => Timestamps.map((at) => at.getTime())));
  const newestFirst = [...times].sort((a, b) => b - a);
  return newestFirst.map((at) => ({
    ...{ isRecent: at >= newestFrom, isWithin: at >= withinFrom },
    values: valuesAt<Id>(results, at),
  }));
}

/** What is told of one period, by id. */
export type PeriodValues<Id extends string> = Readonly<Partial<Record<Id, number>>>;
export interface TimedPeriod<Id extends string> {
  readonly isRecent: boolean;
  readonly isWithin: boolean;
  readonly values: PeriodValues<Id>;
}
type Result = Pick<MetricDataResult, 'Id' | 'Timestamps' | 'Values' | 'StatusCode'>;

/** All pages of it: a page may hold only some of the values ("GetMetricData", Amazon CloudWatch API Reference, NextToken). */
export async function readResults<Id extends string>(
  cloudwatch: CloudWatchClient,
  wanted: Readonly<Record<Id, MetricWanted>>,
  periodSeconds: number,
  { start, end }: { readonly start: number; readonly end: number },
): Promise<readonly Result[]> {
  const results: Result[] = [];
  let NextToken: string | undefined;
  do {
    const reply = await cloudwatch.send(queryOf(wanted, periodSeconds, { start, end }, NextToken));
    results.push(...(reply.MetricDataResults ?? []));
    NextToken = reply.NextToken;
  } while (NextToken);
  return results;
}

function queryOf<Id extends string>(
  wanted: Readonly<Record<Id, MetricWanted>>,
  periodSeconds: number,
  { start, end }: { readonly start: number; readonly end: number },
  NextToken: string | undefined,
): GetMetricDataCommand {
  return new GetMetricDataCommand({
    ...(NextToken && { NextToken }),
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
  });
}

/** Pure: where the last period ends that is over for long enough to be told of as a whole; all in milliseconds. */
export const lastWhole = (now: number, periodMs: number): number =>
  Math.floor((now - SETTLED_AFTER * periodMs) / periodMs) * periodMs;

/** Pure: where the first period begins of which at least four fifths lie after that moment; all in milliseconds. */
export const firstAfter = (since: number, periodMs: number): number =>
  Math.ceil((since - SHARE_BEFORE * periodMs) / periodMs) * periodMs;

/** Pure: from when on anything can be told of the time after that moment: the first period after it is over, and settled; all in milliseconds. */
export const toldFrom = (since: number, periodMs: number): number =>
  firstAfter(since, periodMs) + (1 + SETTLED_AFTER) * periodMs;

/** Pure. */
export function valuesOfNewest<Id extends string>(results: readonly Result[]): PeriodValues<Id> | undefined {
  const times = results.flatMap(({ Timestamps = [] }) => Timestamps.map((at) => at.getTime()));
  if (times.length === 0) return undefined;
  return valuesAt<Id>(results, Math.max(...times));
}

function valuesAt<Id extends string>(results: readonly Result[], time: number): PeriodValues<Id> {
  const values = results.flatMap(({ Id, Timestamps = [], Values = [] }) => {
    const value = Values[Timestamps.findIndex((at) => at.getTime() === time)];
    return value === undefined ? [] : [[Id, value]];
  });
  return Object.fromEntries(values) as Partial<Record<Id, number>>;
}
