import { defineRunbook } from '../functions/engine/runbook.ts';

export const runbook = defineRunbook({
  name: 'restart-service',
  summary:
    'A service runs and is not well, and new tasks of the same revision may be: all are replaced, a few at a time; then the recovery plan of services is started, where alarms may.',
  severity: 'P2',
  startedBy: [
    { namespace: 'AWS/ECS', metricName: 'MemoryUtilization', dimensions: ['ClusterName', 'ServiceName'] },
    { namespace: 'ECS/ContainerInsights', metricName: 'RunningTaskCount', dimensions: ['ClusterName', 'ServiceName'] },
  ],
  rungs: ['restart-service', 'recover-service'],
  guards: ['runningTasks', 'healthyHosts', 'errorRate'],
  told: 'The contacts of the service, when it may not be restarted or is not well afterwards; first for their approval of the plan, where alarms may start it.',
  covers: ['3b/restart-service'],
});
