/** CPU and memory of a service, averaged over its tasks ("Amazon ECS CloudWatch metrics"). */
import type { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import type { RuntimeConfig, ServiceConfig } from '../engine/config.ts';
import { classifyAwsError } from '../engine/errors.ts';
import { lastPeriods, type PeriodValues } from '../metrics/newest-period.ts';

export interface Usage {
  readonly cpuPercent?: number;
  readonly memoryPercent?: number;
}

/** What all tasks together use at the busiest, in percent of one task. */
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
    return { ...usage, periods: periods.flatMap(({ isWithin, values }) => (isWithin ? values : [])) };
  } catch (error) {
    throw classifyAwsError(`read CPU and memory of ${cluster}/${service}`, error);
  }
}

/**
 * Pure: the most of any period. Work is the same however many tasks share it, so CPU counts by the tasks that ran then (those that run now where a period doesn't
 * tell of them). Memory each task mostly needs for itself, so it counts by those that run now: a task that went took its memory with it.
 */
export function peakLoad(periods: readonly PeriodValues<Told>[], running: number): PeakLoad {
  return {
    cpu: Math.max(0, ...periods.map(({ cpuPercent = 0, tasks = running }) => cpuPercent * tasks)),
    memory: Math.max(0, ...periods.map(({ memoryPercent = 0 }) => memoryPercent * running)),
  };
}
