import { defineRunbook } from '../functions/engine/runbook.ts';

export const runbook = defineRunbook({
  name: 'stop-unhealthy-task',
  summary:
    'A task of a service is unhealthy or hangs, and ECS does not replace it: it is stopped, then all are replaced.',
  severity: 'P2',
  startedBy: [
    { namespace: 'AWS/ApplicationELB', metricName: 'UnHealthyHostCount', dimensions: ['LoadBalancer', 'TargetGroup'] },
    {
      namespace: 'ECS/ContainerInsights',
      metricName: 'UnHealthyContainerHealthStatus',
      dimensions: ['ClusterName', 'ServiceName'],
    },
    { namespace: 'ECS/ContainerInsights', metricName: 'RunningTaskCount', dimensions: ['ClusterName', 'ServiceName'] },
  ],
  rungs: ['stop-unhealthy-task', 'restart-service'],
  guards: ['runningTasks', 'healthyHosts', 'errorRate'],
  told: 'The contacts of the service, when most of its tasks are sick or new ones are no better.',
  covers: ['3b/force-delete-stuck-pod'],
});
