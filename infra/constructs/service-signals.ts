/** What is watched of an ECS service: metric, limit, time, and the runbook that answers. Pure. */
import type { z } from 'zod';
import type { requestAlarmsSchema, serviceSchema } from '../config/schema.ts';
import type { Metric, MetricMath } from './protected-alarm.ts';
import type { NamedSignal } from './protection.ts';

type Service = z.output<typeof serviceSchema>;
type RequestAlarms = z.output<typeof requestAlarmsSchema>;

/** @param name the service's key in the configuration. */
export function serviceSignals(name: string, service: Service): readonly NamedSignal[] {
  return [
    ...usage(name, service),
    ...(service.containerInsights ? tasks(name, service) : []),
    ...(service.balancedBy && service.requestAlarms
      ? requests(name, service, service.requestAlarms, service.balancedBy)
      : []),
  ];
}

const dimensionsOf = (name: string, { cluster, service = name }: Service) => ({
  ...{ ClusterName: cluster, ServiceName: service },
});
const asText = (name: string, { cluster, service = name }: Service): string =>
  `service ${service} in cluster ${cluster}`;

/** AWS/ECS, "Amazon ECS CloudWatch metrics". */
function usage(name: string, service: Service): NamedSignal[] {
  const of = (id: string, metricName: string, what: string, threshold: number, forSeconds: number): NamedSignal => ({
    ...{ name: `${name}-${id}`, runbook: 'scale-out-service', severity: service.severity, threshold, forSeconds },
    description: `${what} of ${asText(name, service)} is above ${threshold} %.`,
    metric: { namespace: 'AWS/ECS', metricName, dimensions: dimensionsOf(name, service), statistic: 'Average' },
  });
  return [
    // ECS tells it as long as a task runs.
    { ...of('cpu', 'CPUUtilization', 'CPU', service.cpuAbovePercent, service.cpuForSeconds), silencePages: true },
    of('memory', 'MemoryUtilization', 'Memory', service.memoryAbovePercent, service.memoryForSeconds),
  ];
}

/**
 * ECS/ContainerInsights, "Amazon ECS Container Insights metrics": counts, never rates of restarts. Unhealthy tasks are counted only by enhanced
 * observability: with the plain one that alarm would have no data for ever.
 */
function tasks(name: string, service: Service): NamedSignal[] {
  const metric = (metricName: string, statistic: Metric['statistic']): Metric => ({
    ...{ namespace: 'ECS/ContainerInsights', metricName, dimensions: dimensionsOf(name, service), statistic },
  });
  const { severity, minTasks, tasksForSeconds: forSeconds } = service;
  const missing: NamedSignal = {
    ...{ name: `${name}-tasks`, runbook: 'roll-back-deployment', severity, forSeconds, threshold: minTasks },
    ...{ trouble: 'below', silenceIsTrouble: true },
    description: `Fewer than ${minTasks} tasks of ${asText(name, service)} are running.`,
    metric: metric('RunningTaskCount', 'Minimum'),
  };
  // It costs money and endangers nothing: nobody is woken for it.
  const idle: NamedSignal = {
    ...{ name: `${name}-idle`, runbook: 'scale-in-service', severity: 'P4', forSeconds: service.idleForSeconds },
    ...{ threshold: 0, trouble: 'below', noBackstop: true },
    description: `With one task less ${asText(name, service)} would still be below ${service.cpuBelowPercent} % of CPU.`,
    metric: spread(name, service, metric('RunningTaskCount', 'Minimum')),
  };
  const unhealthy: NamedSignal = {
    ...{ name: `${name}-unhealthy`, runbook: 'stop-unhealthy-task', severity, forSeconds, threshold: 0 },
    description: `Tasks of ${asText(name, service)} are unhealthy.`,
    metric: metric('UnHealthyContainerHealthStatus', 'Maximum'),
  };
  return [
    ...(minTasks > 0 ? [missing] : []),
    ...(service.containerInsights === 'enhanced' ? [unhealthy] : []),
    ...(service.cpuBelowPercent > 0 ? [idle] : []),
  ];
}

/**
 * What its load, spread over one task less, would be above `cpuBelowPercent`, in percent of all tasks: below 0 there is a task to spare. Load is CPU, or memory
 * where that is nearer to its own alarm, on the same scale. 0 where no task may go: so the alarm is over once the service has as many tasks as it
 * needs. Without a division, which has no result for one task.
 */
function spread(name: string, service: Service, tasks: Metric): MetricMath {
  const { cpuBelowPercent, memoryAbovePercent, minTasks } = service;
  const of = (metricName: string): Metric => ({
    ...{ namespace: 'AWS/ECS', metricName, dimensions: dimensionsOf(name, service), statistic: 'Average' },
  });
  const asCpu = (cpuBelowPercent / (memoryAbovePercent * MEMORY_SHARE)).toFixed(4);
  return {
    expression: `IF(tasks > ${Math.max(1, minTasks)}, MAX([cpu, memory * ${asCpu}]) * tasks - ${cpuBelowPercent} * (tasks - 1), 0)`,
    of: { cpu: of('CPUUtilization'), memory: of('MemoryUtilization'), tasks },
  };
}

/** Fewer tasks are enough only if memory stays below this share of its alarm; `scale-in-service` judges by the same. */
const MEMORY_SHARE = 0.9;

const HOUR = 3_600;
/**
 * How fast an error budget of 30 days may burn (The Site Reliability Workbook, "Alerting on SLOs"): 14.4 times as fast as allowed for an hour has
 * used 2 % of it, 6 times as fast for six hours 5 %.
 */
const BURNS = [
  { id: 'burn-fast', windowSeconds: HOUR, rate: 14.4 },
  { id: 'burn-slow', windowSeconds: 6 * HOUR, rate: 6 },
] as const;

/** Of the answers, in percent. Without errors there is no datapoint of them; with few requests one error would be a large share. */
function errorShare({ errorsFromRequests }: RequestAlarms, dimensions: Metric['dimensions']): MetricMath {
  const sum = (metricName: string): Metric => ({
    ...{ namespace: 'AWS/ApplicationELB', metricName, dimensions, statistic: 'Sum' },
  });
  return {
    expression: `IF(requests >= ${errorsFromRequests}, 100 * FILL(errors, 0) / requests, 0)`,
    of: { errors: sum('HTTPCode_Target_5XX_Count'), requests: sum('RequestCount') },
  };
}

/** What a person is called for and no runbook answers. */
export interface PagingSignal
  extends Pick<NamedSignal, 'name' | 'severity' | 'metric' | 'threshold' | 'trouble' | 'description'> {
  /** One period as long as this. */
  readonly windowSeconds: number;
}

/**
 * How fast the error budget burns. These call people and start nothing: over hours they say neither when the trouble began nor that it still goes on, so
 * a deployment that mended it could be blamed for it.
 * @param name the service's key in the configuration.
 */
export function burnSignals(name: string, service: Service): readonly PagingSignal[] {
  const { balancedBy, requestAlarms, severity } = service;
  const objectivePercent = requestAlarms?.objectivePercent;
  if (!balancedBy || !requestAlarms || objectivePercent === undefined) return [];
  const metric = errorShare(requestAlarms, dimensionsBehind(balancedBy));
  return BURNS.map(({ id, windowSeconds, rate }) => ({
    ...{ name: `${name}-${id}`, severity, metric, windowSeconds },
    // More than all can't fail: a low objective burns no faster than that.
    threshold: Math.min(99, Number((rate * (100 - objectivePercent)).toFixed(6))),
    description: `Errors of ${asText(name, service)} use up what its objective of ${objectivePercent} % allows ${rate} times too fast.`,
  }));
}

const dimensionsBehind = ({ loadBalancer, targetGroup }: NonNullable<Service['balancedBy']>) => ({
  ...{ LoadBalancer: loadBalancer, TargetGroup: targetGroup },
});

/** AWS/ApplicationELB, "CloudWatch metrics for your Application Load Balancer". */
function requests(
  name: string,
  service: Service,
  limits: RequestAlarms,
  balancedBy: NonNullable<Service['balancedBy']>,
): NamedSignal[] {
  const dimensions = dimensionsBehind(balancedBy);
  const metric = (metricName: string, statistic: Metric['statistic']): Metric => ({
    ...{ namespace: 'AWS/ApplicationELB', metricName, dimensions, statistic },
  });
  const { severity } = service;
  const { errorsAbovePercent, latencyAboveSeconds } = limits;
  const where = asText(name, service);
  return [
    {
      ...{ name: `${name}-errors`, runbook: 'high-error-rate', severity, metric: errorShare(limits, dimensions) },
      ...{ threshold: errorsAbovePercent, forSeconds: limits.errorsForSeconds },
      description: `More than ${errorsAbovePercent} % of the answers of ${where} are server errors.`,
    },
    {
      ...{ name: `${name}-latency`, runbook: 'scale-out-service', severity },
      ...{ threshold: latencyAboveSeconds, forSeconds: limits.latencyForSeconds },
      metric: metric('TargetResponseTime', 'p95'),
      description: `One request in twenty to ${where} takes longer than ${latencyAboveSeconds} s.`,
    },
    {
      ...{ name: `${name}-hosts`, runbook: 'stop-unhealthy-task', severity },
      ...{ threshold: 0, forSeconds: limits.unhealthyForSeconds },
      metric: metric('UnHealthyHostCount', 'Minimum'),
      description: `The load balancer finds targets of ${where} unhealthy.`,
    },
  ];
}
