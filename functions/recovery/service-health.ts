/** Whether a service is well: what plans that touch services look at, and judge. */
import type { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import type { ECSClient } from '@aws-sdk/client-ecs';
import { readServiceGuards } from '../ecs/guards.ts';
import { readService } from '../ecs/service.ts';
import { readTasks } from '../ecs/tasks.ts';
import { type Missing, primaryOf, type RunningService, shortName } from '../ecs/types.ts';
import type { RuntimeConfig, ServiceConfig } from '../engine/config.ts';
import type { GuardReadings } from '../engine/guard-metrics.ts';
import type { Health } from './remediation-step.ts';

export interface ServiceSeen {
  readonly service: Missing | RunningService;
  /** Running tasks that their health checks call unhealthy. */
  readonly unhealthyTasks: number;
  /** Of the newest period after the run's last change; empty when nothing is told. */
  readonly guards: GuardReadings;
}

/** Runbook 003, lines 536 to 541: all requests of the proof succeed. A little noise of clients' own is let through. */
const MOST_ERRORS = 0.05;

export function healthOf({ service, unhealthyTasks, guards }: ServiceSeen): Health {
  const sick = (detail: string): Health => ({ healthy: false, detail });
  if (service.kind === 'missing') return sick(service.why);
  const { desired, running, deployments } = service;
  if (desired === 0) return sick('it is scaled to zero tasks');
  if (running !== desired) return sick(`${running} of ${desired} tasks are running`);
  const primary = primaryOf(service);
  if (!primary || deployments.length > 1 || primary.rolloutState !== 'COMPLETED')
    return sick(`its deployment is ${primary?.rolloutState ?? 'missing'}`);
  if (unhealthyTasks > 0) return sick(`${unhealthyTasks} of ${running} tasks are unhealthy`);
  const { healthyHosts, errorRate } = guards;
  if (healthyHosts !== undefined && healthyHosts < desired)
    return sick(`its load balancer sees ${healthyHosts} healthy of ${desired} tasks`);
  if (errorRate !== undefined && errorRate > MOST_ERRORS)
    return sick(`${Math.round(errorRate * 100)} % of its requests fail`);
  const requests = errorRate === undefined ? 'no requests are told of' : 'its requests succeed';
  return { healthy: true, detail: `${running} tasks of ${shortName(primary.taskDefinition)} run, ${requests}` };
}

/** So long after a change requests are waited for that tell of it, in periods of the metrics. */
const PERIODS_TO_TELL = 3;

/** What a service looks like is told at once, how its requests fare only a period later: until then "no errors" says nothing. */
export function healthSince(
  seen: ServiceSeen,
  { balancedBy }: Pick<ServiceConfig, 'balancedBy'>,
  {
    lastChangeAt,
    now,
    periodSeconds,
  }: {
    /** Of the run (epoch milliseconds); 0: it changed nothing. */
    readonly lastChangeAt: number;
    readonly now: number;
    readonly periodSeconds: number;
  },
): Health {
  const health = healthOf(seen);
  const isUntold = balancedBy !== undefined && seen.guards.errorRate === undefined;
  const mayBeTold = lastChangeAt > 0 && now < lastChangeAt + PERIODS_TO_TELL * periodSeconds * 1000;
  if (!health.healthy || !isUntold || !mayBeTold) return health;
  return { ...health, isUntold: true, detail: 'its load balancer has told of no requests since the last change' };
}

/** Reads it. @param lastChangeAt of the run (epoch milliseconds); 0: it changed nothing. @throws EngineError when it can't be read. */
export async function readHealth(
  { ecs, cloudwatch }: { readonly ecs: ECSClient; readonly cloudwatch: CloudWatchClient },
  target: ServiceConfig,
  config: RuntimeConfig,
  lastChangeAt: number,
): Promise<ServiceSeen> {
  const [service, tasks, guards] = await Promise.all([
    readService(ecs, target),
    readTasks(ecs, target, 'RUNNING'),
    readServiceGuards(cloudwatch, target, config, lastChangeAt > 0 ? lastChangeAt : undefined),
  ]);
  return { service, guards, unhealthyTasks: tasks.filter(({ healthStatus }) => healthStatus === 'UNHEALTHY').length };
}
