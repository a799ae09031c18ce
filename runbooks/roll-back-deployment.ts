import { defineRunbook } from '../functions/engine/runbook.ts';

export const runbook = defineRunbook({
  name: 'roll-back-deployment',
  summary: 'A service is in trouble after a deployment: it goes back to the revision that was steady before.',
  severity: 'P1',
  startedBy: [
    // In progress: an image that was rolled back once is noticed when it comes back.
    { source: 'ecs-deployment', what: ['SERVICE_DEPLOYMENT_FAILED', 'SERVICE_DEPLOYMENT_IN_PROGRESS'] },
    { source: 'ecs-service', what: ['SERVICE_TASK_START_IMPAIRED'] },
    { source: 'ecs-task', what: ['EssentialContainerExited'] },
    { namespace: 'ECS/ContainerInsights', metricName: 'RunningTaskCount', dimensions: ['ClusterName', 'ServiceName'] },
  ],
  rungs: ['roll-back-deployment'],
  guards: ['errorRate', 'latencySeconds'],
  told: 'The contacts of the service, when there is no revision that can be gone back to, and when a bad image comes back.',
  covers: ['2a/crash-loop', '3b/rollback-deployment'],
});
