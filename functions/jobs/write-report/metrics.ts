/** Figures of services and databases by the hour, from CloudWatch. */
import {
  type CloudWatchClient,
  GetMetricDataCommand,
  type MetricDataQuery,
  type MetricDataResult,
} from '@aws-sdk/client-cloudwatch';
import type { DatabaseConfig, RuntimeConfig, ServiceConfig } from '../../engine/config.ts';
import { classifyAwsError } from '../../engine/errors.ts';
import { requireComplete } from '../../metrics/complete.ts';
import type { DatabaseFacts, ServiceFacts, Use } from '../../reports/facts.ts';
import type { RequestHour } from '../../reports/figures.ts';
import type { Period } from '../../reports/period.ts';

const HOUR_SECONDS = 3600;
const HOUR_MS = HOUR_SECONDS * 1000;
const GIB = 1024 ** 3;
/** "GetMetricData", Amazon CloudWatch API Reference: 500 queries and 100,800 values a request; a month has 744 hours. */
const QUERIES_AT_ONCE = 100;

const READING = 'read the figures of a report';

type Client = Pick<CloudWatchClient, 'send'>;
interface Wanted {
  readonly namespace: string;
  readonly metricName: string;
  readonly stat: 'Sum' | 'Average' | 'p95';
  readonly dimensions: Readonly<Record<string, string>>;
}
/** By hour, epoch milliseconds; an hour of which nothing is told is absent. */
type Series = ReadonlyMap<number, number>;

/** Targets of runbook 002 (lines 1143 to 1165) where the configuration has none: p95 below 2 s, errors below 1 %. */
const DEFAULT_TARGETS = { latencySeconds: 2, errorsPercent: 1 } as const;

/** @throws EngineError when CloudWatch refuses or can't be reached. */
export async function serviceFacts(
  client: Client,
  { services, reports }: RuntimeConfig,
  period: Period,
  wants: { readonly requests: boolean; readonly use: boolean },
): Promise<ServiceFacts[]> {
  const all = Object.values(services);
  const series = await readSeries(
    client,
    all.flatMap((service) => [
      ...(wants.requests ? requestMetrics(service) : []),
      ...(wants.use ? useMetrics(service) : []),
    ]),
    period,
  );
  let taken = 0;
  const next = (): Series => series[taken++] ?? new Map();
  return all.map((service) => {
    const isBalanced = wants.requests && service.balancedBy !== undefined;
    const requests = isBalanced ? hoursOf(takenOf(next), period) : undefined;
    const [cpu, memory] = wants.use ? [useOf(next()), useOf(next())] : [{}, {}];
    return { name: service.name, requests, cpu, memory, ...DEFAULT_TARGETS, ...reports?.services[service.name] };
  });
}

/** Services of which nothing is known, because CloudWatch refused. */
export const unknownServices = ({ services, reports }: RuntimeConfig): ServiceFacts[] =>
  Object.values(services).map(({ name, balancedBy }) => ({
    ...{ name, requests: balancedBy && [], cpu: {}, memory: {} },
    ...DEFAULT_TARGETS,
    ...reports?.services[name],
  }));

/**
 * "CloudWatch metrics for your Application Load Balancer": RequestCount of a target group counts each request for which a target was chosen, also one that the load balancer
 * then answered itself because the target didn't (502, 504). "Troubleshoot your Application Load Balancers": with 503 there is no target to choose, and with 500 an
 * action or a firewall failed before one was; those come on top. What the load balancer answers is told of all of it only. Counts of errors are told where they aren't 0.
 */
function requestMetrics({ balancedBy }: ServiceConfig): Wanted[] {
  if (!balancedBy) return [];
  const { loadBalancer: LoadBalancer, targetGroup: TargetGroup } = balancedBy;
  const ofTargets = { namespace: 'AWS/ApplicationELB', dimensions: { LoadBalancer, TargetGroup } };
  const ofBalancer = { namespace: 'AWS/ApplicationELB', dimensions: { LoadBalancer } };
  return [
    { ...ofTargets, metricName: 'RequestCount', stat: 'Sum' },
    { ...ofTargets, metricName: 'HTTPCode_Target_5XX_Count', stat: 'Sum' },
    { ...ofTargets, metricName: 'TargetResponseTime', stat: 'p95' },
    { ...ofBalancer, metricName: 'HTTPCode_ELB_5XX_Count', stat: 'Sum' },
    { ...ofBalancer, metricName: 'HTTPCode_ELB_500_Count', stat: 'Sum' },
    { ...ofBalancer, metricName: 'HTTPCode_ELB_503_Count', stat: 'Sum' },
  ];
}

/** In the order of `requestMetrics`. */
const takenOf = (next: () => Series) => ({
  ...{ chosen: next(), byTargets: next(), p95: next() },
  ...{ byBalancer: next(), balancer500: next(), balancer503: next() },
});

const useMetrics = ({ cluster: ClusterName, service: ServiceName }: ServiceConfig): Wanted[] =>
  ['CPUUtilization', 'MemoryUtilization'].map((metricName) => ({
    ...{ namespace: 'AWS/ECS', metricName, stat: 'Average', dimensions: { ClusterName, ServiceName } },
  }));

/** Each hour of the period, also those of which nothing is told: 0 requests then means that none is known. No more can fail than came. */
function hoursOf(series: ReturnType<typeof takenOf>, period: Period): RequestHour[] {
  return hours(period).map((at) => {
    const count = (of: Series) => of.get(at) ?? 0;
    const requests = count(series.chosen) + count(series.balancer500) + count(series.balancer503);
    const failed = Math.min(requests, count(series.byTargets) + count(series.byBalancer));
    return { at, requests, failed, p95Seconds: series.p95.get(at) };
  });
}

/** @throws EngineError when CloudWatch refuses or can't be reached. */
export async function databaseFacts(
  client: Client,
  { databases }: RuntimeConfig,
  period: Period,
  withUse: boolean,
): Promise<DatabaseFacts[]> {
  const all = Object.values(databases);
  const series = withUse ? await readSeries(client, all.flatMap(databaseMetrics), period) : [];
  let taken = 0;
  const next = (): Series => series[taken++] ?? new Map();
  return all.map(({ name, backup }) => {
    const [cpu, connections, free] = [useOf(next()), useOf(next()), next()];
    const told = [...free].sort(([a], [b]) => a - b).map(([, value]) => value / GIB);
    return {
      ...{ name, cpu, connections, freeGibFirst: told[0], freeGibLast: told.at(-1) },
      backup: backup && {
        recoveryPointSeconds: backup.recoveryPointSeconds,
        pointInTimeRecovery: backup.pointInTimeRecovery,
        isProved: backup.verify !== undefined,
      },
    };
  });
}

const databaseMetrics = ({ name: DBInstanceIdentifier }: DatabaseConfig): Wanted[] =>
  ['CPUUtilization', 'DatabaseConnections', 'FreeStorageSpace'].map((metricName) => ({
    ...{ namespace: 'AWS/RDS', metricName, stat: 'Average', dimensions: { DBInstanceIdentifier } },
  }));

function useOf(series: Series): Use {
  const values = [...series.values()];
  if (values.length === 0) return {};
  return { average: values.reduce((sum, value) => sum + value, 0) / values.length, highest: Math.max(...values) };
}

/** Whole hours of UTC, which is how CloudWatch counts them; where a zone's days begin at half past, the first and last one are only partly the period's. */
function hours({ from, to }: Period): number[] {
  const first = Math.ceil(from / HOUR_MS) * HOUR_MS;
  return Array.from({ length: Math.max(0, Math.ceil((to - first) / HOUR_MS)) }, (_, index) => first + index * HOUR_MS);
}

/** In the order of what is wanted. */
async function readSeries(client: Client, wanted: readonly Wanted[], period: Period): Promise<Series[]> {
  const found: Map<number, number>[] = wanted.map(() => new Map());
  const all = hours(period);
  const [first, last] = [all[0], all.at(-1)];
  if (first === undefined || last === undefined) return found;
  for (let from = 0; from < wanted.length; from += QUERIES_AT_ONCE) {
    const queries = wanted.slice(from, from + QUERIES_AT_ONCE).map((each, index) => queryOf(each, from + index));
    const results: MetricDataResult[] = [];
    let NextToken: string | undefined;
    do {
      const reply = await send(client, queries, { first, end: last + HOUR_MS }, NextToken);
      results.push(...(reply.MetricDataResults ?? []));
      NextToken = reply.NextToken;
    } while (NextToken);
    requireComplete(
      READING,
      results,
      queries.map(({ Id = '' }) => Id),
    );
    for (const { Id = '', Timestamps = [], Values = [] } of results)
      for (const [index, at] of Timestamps.entries()) {
        const value = Values[index];
        if (value !== undefined) found[Number(Id.slice(1))]?.set(at.getTime(), value);
      }
  }
  return found;
}

const queryOf = ({ namespace, metricName, stat, dimensions }: Wanted, index: number): MetricDataQuery => ({
  Id: `m${index}`,
  MetricStat: {
    Metric: {
      Namespace: namespace,
      MetricName: metricName,
      Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
    },
    Period: HOUR_SECONDS,
    Stat: stat,
  },
});

async function send(
  client: Client,
  MetricDataQueries: MetricDataQuery[],
  { first, end }: { readonly first: number; readonly end: number },
  NextToken: string | undefined,
) {
  try {
    return await client.send(
      new GetMetricDataCommand({
        ...{ StartTime: new Date(first), EndTime: new Date(end), MetricDataQueries },
        ...(NextToken && { NextToken }),
      }),
    );
  } catch (error) {
    throw classifyAwsError(READING, error);
  }
}
