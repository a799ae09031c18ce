import { defineManifest } from '../../engine/manifest.ts';

export const manifest = defineManifest({
  name: 'recover-service',
  summary:
    'Starts the recovery plan service-recovery for an ECS service that no smaller change has helped, and waits for what comes of it.',
  targetKind: 'ecs-service',
  triggers: [
    { namespace: 'AWS/ECS', metricName: 'MemoryUtilization', dimensions: ['ClusterName', 'ServiceName'] },
    { namespace: 'ECS/ContainerInsights', metricName: 'RunningTaskCount', dimensions: ['ClusterName', 'ServiceName'] },
  ],
  startsPlan: 'service-recovery',
  permissions: [
    {
      actions: ['states:StartExecution'],
      resources: ['arn:{partition}:states:{region}:{account}:stateMachine:nightshift-{deployment}-service-recovery'],
    },
  ],
  network: 'none',
  risk: 'medium',
  idempotency: 'conditional',
  approval: { people: 1 },
  // All steps of the plan in a row, and then all that is taken back, may take 1,920 s.
  defaults: { cooldownSeconds: 3600, perTargetPerHour: 1, perRunbookPerHour: 3, verifyWithinSeconds: 2100 },
  documentation: {
    refusesWhen: [
      'the incident has started its run of the plan already: one run for each incident',
      'a run of a recovery plan has the service in hand, whoever started it',
      'nobody approves it: a person does each time, in mode auto too',
    ],
    undo: 'The plan takes back by itself what it did when one of its steps fails; `nightshift stop <run>` has it taken back.',
  },
  timeoutSeconds: 20,
  memoryMegabytes: 512,
});
