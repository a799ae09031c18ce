/** CPU and memory of a service, averaged over its tasks ("Amazon ECS CloudWatch metrics"). */
import type { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import type { RuntimeConfig, ServiceConfig } from '../engine/config.ts';
import { classifyAwsError } from '../engine/errors.ts';
import { newestPeriod } from '../metrics/newest-period.ts';

export interface Usage {
  readonly cpuPercent?: number;
  readonly memoryPercent?: number;
}

/** Reads both of the newest whole period that either is told of; what isn't told is left out. @throws EngineError when they can't be read. */
export async function readUsage(
  cloudwatch: CloudWatchClient,
  { cluster, service }: ServiceConfig,
  { alarmPeriodSeconds }: RuntimeConfig,
): Promise<Usage> {
  const dimensions = { ClusterName: cluster, ServiceName: service };
  const of = { namespace: 'AWS/ECS', dimensions, stat: 'Average' } as const;
  const wanted = {
    cpuPercent: { ...of, metricName: 'CPUUtilization' },
    memoryPercent: { ...of, metricName: 'MemoryUtilization' },
  };
  try {
    return (await newestPeriod(cloudwatch, wanted, alarmPeriodSeconds)) ?? {};
  } catch (error) {
    throw classifyAwsError(`read CPU and memory of ${cluster}/${service}`, error);
  }
}
