/**
 * What the load balancer of a service tells CloudWatch ("CloudWatch metrics for your Application Load Balancer"), as far as its tasks know it: each
 * task's part is a datapoint. Only while requests flow, as on AWS; `UnHealthyHostCount` is told of the service as a whole (`ecs.ts`).
 */
import type { TaskMetrics } from '../../services/task.ts';
import type { ServiceRecord } from './model.ts';
import { isServing, tasksOf } from './model.ts';

const DIGITS = '0123456789abcdef';

/** A service's balancer, by names that follow from the service's own. */
export const balancerOf = (service: string) => ({
  loadBalancer: `app/${service}/${DIGITS}`,
  targetGroup: `targetgroup/${service}/${DIGITS}`,
});

/** The dimensions of its metrics. */
export const dimensionsOf = (service: string) => {
  const { loadBalancer, targetGroup } = balancerOf(service);
  return { LoadBalancer: loadBalancer, TargetGroup: targetGroup };
};

type Put = (name: string, value: number, unit: string) => void;

/** @param metrics of one task, since they were read last. */
export function putBalancerMetrics(service: ServiceRecord, metrics: TaskMetrics, put: Put): void {
  const answered = metrics.requests + metrics.failed;
  if (answered === 0) return;
  put('HealthyHostCount', tasksOf(service).filter(isServing).length, 'Count');
  put('RequestCount', answered, 'Count');
  put('TargetResponseTime', metrics.meanLatencyMs / 1000, 'Seconds');
  // "Reporting criteria: There is a nonzero value".
  if (metrics.failed > 0) put('HTTPCode_Target_5XX_Count', metrics.failed, 'Count');
}
