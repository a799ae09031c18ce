/** Reading metrics: GetMetricData, GetMetricStatistics, ListMetrics (their API pages). */
import type {
  GetMetricDataInput,
  GetMetricDataOutput,
  GetMetricStatisticsInput,
  GetMetricStatisticsOutput,
  ListMetricsInput,
  ListMetricsOutput,
} from '@aws-sdk/client-cloudwatch';
import { AwsFault } from '../../world/types.ts';
import { metricQuery, seriesOf } from './alarms.ts';
import { page } from './describe.ts';
import type { Region } from './region.ts';
import { readSeries } from './region.ts';
import { readWindows } from './statistics.ts';
import type { Wire } from './wire.ts';
import { fromWire } from './wire.ts';

/** More windows than this in one query are refused, as GetMetricData's limit of 100,800 datapoints is. */
const MOST_WINDOWS = 100_800;

/** Starts of the whole periods from `StartTime` (rounded down to a period) to before `EndTime`, oldest first, in milliseconds. */
function windows(startTime: unknown, endTime: unknown, periodSeconds: number): number[] {
  const widthMs = periodSeconds * 1000;
  const from = Math.floor(fromWire('StartTime', startTime).getTime() / widthMs) * widthMs;
  const to = fromWire('EndTime', endTime).getTime();
  const count = Math.ceil((to - from) / widthMs);
  if (count <= 0) throw new AwsFault('ValidationError', 'EndTime: expected a time after StartTime');
  if (count > MOST_WINDOWS)
    throw new AwsFault('ValidationError', `Period: more than ${MOST_WINDOWS} datapoints asked for`);
  return Array.from({ length: count }, (_, i) => from + i * widthMs);
}

/** All expressions of one request are computed over the shortest period among its metrics. */
export function getMetricData(
  region: Region,
  input: Wire<GetMetricDataInput>,
): Wire<Omit<GetMetricDataOutput, '$metadata'>> {
  const series = seriesOf(input.MetricDataQueries ?? []);
  const periods = series.flatMap((s) => s.query?.periodSeconds ?? []);
  const common = Math.min(...periods);
  if (periods.length === 0) throw new AwsFault('ValidationError', 'MetricDataQueries: at least one metric is needed');
  if (series.some((s) => s.expression) && periods.some((period) => period !== common))
    throw new AwsFault(
      'ValidationError',
      'MetricDataQueries: beside expressions, all metrics need the same Period here',
    );
  const results = series
    .filter((s) => s.returnData)
    .map((s) => {
      const startsMs = windows(input.StartTime, input.EndTime, s.query?.periodSeconds ?? common);
      const values = s.query
        ? readWindows(region.metrics, s.query, startsMs)
        : (readSeries(region.metrics, series, startsMs).get(s.id) ?? []);
      const points = startsMs.flatMap((ms, i) =>
        values[i] === undefined ? [] : [{ at: ms / 1000, value: values[i] }],
      );
      if (input.ScanBy !== 'TimestampAscending') points.reverse();
      return {
        Id: s.id,
        Label: s.label ?? s.query?.metric.name ?? s.id,
        Timestamps: points.map((point) => point.at),
        Values: points.map((point) => point.value),
        StatusCode: 'Complete' as const,
      };
    });
  return { MetricDataResults: results, Messages: [] };
}

/** Statistics of one metric over each period of a time. */
export function getMetricStatistics(
  region: Region,
  input: Wire<GetMetricStatisticsInput>,
): Wire<Omit<GetMetricStatisticsOutput, '$metadata'>> {
  const plain = input.Statistics ?? [];
  const extended = input.ExtendedStatistics ?? [];
  if (plain.length + extended.length === 0)
    throw new AwsFault('ValidationError', 'Statistics or ExtendedStatistics: at least one is required');
  const query = (stat: string) => metricQuery('Metric', input, { period: input.Period, stat, unit: input.Unit });
  const startsMs = windows(input.StartTime, input.EndTime, input.Period ?? 60);
  const columns = [...plain, ...extended].map((stat) => readWindows(region.metrics, query(stat), startsMs));
  const points = startsMs.flatMap((ms, i) => {
    if (columns.every((column) => column[i] === undefined)) return [];
    const one = plain.map((stat, column): [string, number | undefined] => [stat, columns[column]?.[i]]);
    const more = extended.map((stat, column): [string, number] => [stat, columns[plain.length + column]?.[i] ?? 0]);
    return [
      {
        Timestamp: ms / 1000,
        ...Object.fromEntries(one),
        ...(more.length > 0 && { ExtendedStatistics: Object.fromEntries(more) }),
        Unit: input.Unit ?? 'None',
      },
    ];
  });
  return { Label: input.MetricName, Datapoints: points };
}

/** Metrics that have been put, filtered by namespace, name and dimensions. */
export function listMetrics(region: Region, input: Wire<ListMetricsInput>): Wire<Omit<ListMetricsOutput, '$metadata'>> {
  const wanted = region.metrics
    .list()
    .filter(
      (metric) =>
        (!input.Namespace || metric.namespace === input.Namespace) &&
        (!input.MetricName || metric.name === input.MetricName) &&
        (input.Dimensions ?? []).every(
          ({ Name, Value }) =>
            Object.hasOwn(metric.dimensions, Name ?? '') &&
            (Value === undefined || metric.dimensions[Name ?? ''] === Value),
        ),
    );
  const { items, next } = page(wanted, 500, input.NextToken);
  return {
    Metrics: items.map((metric) => ({
      Namespace: metric.namespace,
      MetricName: metric.name,
      Dimensions: Object.entries(metric.dimensions).map(([Name, Value]) => ({ Name, Value })),
    })),
    ...(next && { NextToken: next }),
  };
}
