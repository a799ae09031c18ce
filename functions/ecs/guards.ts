/**
 * How a service's clients fare, as its Application Load Balancer tells it ("CloudWatch metrics for your Application Load Balancer"): what a change of
 * the service must not make worse.
 */
import type { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import type { RuntimeConfig, ServiceConfig } from '../engine/config.ts';
import { classifyAwsError } from '../engine/errors.ts';
import type { GuardReadings } from '../engine/guard-metrics.ts';
import { newestPeriod } from '../metrics/newest-period.ts';
import type { Missing, RunningService } from './types.ts';

type Told = Readonly<Partial<Record<'hosts' | 'requests' | 'errors' | 'latency', number>>>;

/**
 * Reads the newest whole period.
 * @param since epoch milliseconds: only periods that lie after it, but for a fifth.
 * @returns what is told; nothing for a service without a load balancer, or when no such period is told yet.
 * @throws EngineError when CloudWatch can't be read.
 */
export async function readServiceGuards(
  cloudwatch: CloudWatchClient,
  { cluster, service, balancedBy }: Pick<ServiceConfig, 'cluster' | 'service' | 'balancedBy'>,
  { metricPeriodSeconds }: Pick<RuntimeConfig, 'metricPeriodSeconds'>,
  since?: number,
): Promise<GuardReadings> {
  if (!balancedBy) return {};
  const balancer = {
    namespace: 'AWS/ApplicationELB',
    dimensions: { LoadBalancer: balancedBy.loadBalancer, TargetGroup: balancedBy.targetGroup },
  };
  const wanted = {
    // By their most: a target that is being replaced is missing for a moment, and that is no loss.
    hosts: { ...balancer, metricName: 'HealthyHostCount', stat: 'Maximum' },
    requests: { ...balancer, metricName: 'RequestCount', stat: 'Sum' },
    // What targets answered. Errors of the load balancer's own aren't told by target group; it makes them without healthy hosts.
    errors: { ...balancer, metricName: 'HTTPCode_Target_5XX_Count', stat: 'Sum' },
    latency: { ...balancer, metricName: 'TargetResponseTime', stat: 'Average' },
  } as const;
  try {
    const told = await newestPeriod(cloudwatch, wanted, metricPeriodSeconds, since);
    return readingsOf(told, metricPeriodSeconds);
  } catch (error) {
    throw classifyAwsError(`read requests and hosts of ${cluster}/${service} at its load balancer`, error);
  }
}

/** Pure. A period of which anything is told, but no requests, had none. */
export function readingsOf(told: Told | undefined, periodSeconds: number): GuardReadings {
  if (!told) return {};
  const { hosts, requests = 0, errors = 0, latency } = told;
  return {
    requestCount: (requests * 60) / periodSeconds,
    ...(hosts !== undefined && { healthyHosts: hosts }),
    ...(requests > 0 && { errorRate: errors / requests }),
    ...(latency !== undefined && { latencySeconds: latency }),
  };
}

/**
 * Pure: how many tasks are to run, and how many do; the latter isn't told while one of them is still starting or a deployment is under way, when a task less
 * means nothing.
 */
export function tasksOf(seen: Missing | RunningService): GuardReadings {
  if (seen.kind === 'missing') return {};
  const isSteady = seen.deployments.length <= 1 && seen.running >= seen.desired;
  return { wantedTasks: seen.desired, ...(isSteady && { runningTasks: seen.running }) };
}
