import { defineRunbook } from '../functions/engine/runbook.ts';

export const runbook = defineRunbook({
  name: 'high-error-rate',
  summary: 'Too large a share of a service’s answers are errors: a deployment that is to blame is taken back.',
  severity: 'P1',
  startedBy: [
    {
      namespace: 'AWS/ApplicationELB',
      metricName: 'HTTPCode_Target_5XX_Count',
      dimensions: ['LoadBalancer', 'TargetGroup'],
    },
    { namespace: 'AWS/ApplicationELB', metricName: 'RequestCount', dimensions: ['LoadBalancer', 'TargetGroup'] },
  ],
  rungs: ['roll-back-deployment'],
  guards: [],
  told: 'The contacts of the service, when no deployment is to blame: restarting would only hide the cause.',
  covers: ['2b/high-error-rate', '3b/rollback-deployment'],
});
