/** CPU and memory of a service, averaged over its tasks ("Amazon ECS CloudWatch metrics"). */
import type { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import type { RuntimeConfig, ServiceConfig } from '../engine/config.ts';
import { classifyAwsError } from '../engine/errors.ts';
import { lastPeriods, type PeriodValues } from '../metrics/newest-period.ts';

export interface Usage {
  readonly cpuPercent?: number;
  readonly memoryPercent?: number;
}

/** What all tasks together used in the busiest period, in percent of one task. */
export interface PeakLoad {
  readonly cpu: number;
  readonly memory: number;
}

type Told = 'cpuPercent' | 'memoryPercent' | 'tasks';

/**
 * Reads both of the newest whole period that either is told of, what isn't told is left out; and the busiest of the last `idleForSeconds`.
 * @throws EngineError when they can't be read.
 */
export async function readUsage(
  cloudwatch: CloudWatchClient,
  { cluster, service, idleForSeconds }: ServiceConfig,
  { alarmPeriodSeconds }: RuntimeConfig,
): Promise<Usage & { readonly periods: readonly PeriodValues<Told>[] }> {
  const dimensions = { ClusterName: cluster, ServiceName: service };
  const of = { namespace: 'AWS/ECS', dimensions, stat: 'Average' } as const;
  const wanted = {
    cpuPercent: { ...of, metricName: 'CPUUtilization' },
    memoryPercent: { ...of, metricName: 'MemoryUtilization' },
    // Told only where Container Insights is on.
    tasks: { ...of, namespace: 'ECS/ContainerInsights', metricName: 'RunningTaskCount', stat: 'Maximum' },
  } as const;
  try {
    const periods = await lastPeriods(cloudwatch, wanted, alarmPeriodSeconds, idleForSeconds);
    const newest = periods.find(
      ({ isRecent, values }) => isRecent && (values.cpuPercent !== undefined || values.memoryPercent !== undefined),
    );
    const { tasks: _, ...usage } = newest?.values ?? {};
    return { ...usage, periods: periods.map(({ values }) => values) };
  } catch (error) {
    throw classifyAwsError(`read CPU and memory of ${cluster}/${service}`, error);
  }
}

/** Pure: the most of any period; tasks of a period that doesn't tell of them are as many as run now. */
export function peakLoad(periods: readonly PeriodValues<Told>[], running: number): PeakLoad {
  const most = (id: 'cpuPercent' | 'memoryPercent') =>
    Math.max(0, ...periods.map((each) => (each[id] ?? 0) * (each.tasks ?? running)));
  return { cpu: most('cpuPercent'), memory: most('memoryPercent') };
}
