import { defineManifest } from '../../engine/manifest.ts';

export const manifest = defineManifest({
  name: 'roll-back-deployment',
  summary:
    'Puts an ECS service that is in trouble after a deployment back to the revision that was steady before, and quarantines the bad images.',
  targetKind: 'ecs-service',
  triggers: [
    // In progress: an image that was rolled back once is noticed when it comes back.
    { source: 'ecs-deployment', what: ['SERVICE_DEPLOYMENT_FAILED', 'SERVICE_DEPLOYMENT_IN_PROGRESS'] },
    { source: 'ecs-service', what: ['SERVICE_TASK_START_IMPAIRED'] },
    { source: 'ecs-task', what: ['EssentialContainerExited'] },
    {
      namespace: 'AWS/ApplicationELB',
      metricName: 'HTTPCode_Target_5XX_Count',
      dimensions: ['LoadBalancer', 'TargetGroup'],
    },
    { namespace: 'AWS/ApplicationELB', metricName: 'RequestCount', dimensions: ['LoadBalancer', 'TargetGroup'] },
    { namespace: 'ECS/ContainerInsights', metricName: 'RunningTaskCount', dimensions: ['ClusterName', 'ServiceName'] },
  ],
  permissions: [
    {
      actions: ['ecs:DescribeServices', 'ecs:UpdateService', 'ecs:TagResource', 'ecs:ListServiceDeployments'],
      resources: ['arn:{partition}:ecs:{region}:{account}:service/{cluster}/{service}'],
    },
    {
      actions: ['ecs:DescribeServiceRevisions'],
      resources: ['arn:{partition}:ecs:{region}:{account}:service-revision/{cluster}/{service}/*'],
      whyAnyResource:
        'The id of a service revision is made by AWS and not known before it exists (Service Authorization Reference, Actions for Amazon ECS).',
    },
    {
      actions: ['ecs:DescribeTaskDefinition', 'ecs:ListTasks'],
      resources: ['*'],
      whyAnyResource:
        'DescribeTaskDefinition has no resource types, ListTasks only container instances (Service Authorization Reference, Actions for Amazon ECS).',
    },
    {
      actions: ['ecs:DescribeTasks'],
      resources: ['arn:{partition}:ecs:{region}:{account}:task/{cluster}/*'],
      whyAnyResource:
        'The id of a task is made by AWS and not known before it exists (Service Authorization Reference, Actions for Amazon ECS).',
    },
    {
      actions: ['cloudwatch:GetMetricData'],
      resources: ['*'],
      whyAnyResource:
        'GetMetricData has no resource types (Service Authorization Reference, Actions for Amazon CloudWatch).',
    },
  ],
  network: 'none',
  risk: 'medium',
  idempotency: 'absolute',
  defaults: { cooldownSeconds: 1800, perTargetPerHour: 1, perRunbookPerHour: 5 },
  documentation: {
    refusesWhen: [
      "the service isn't there, is scaled to zero tasks, or has another deployment controller than ECS",
      'a deployment is under way that may still end well, or that its circuit breaker will decide about',
      'ECS has rolled it back by itself, or the service went back to this revision before',
      'the trouble began before the last deployment, or later than `rollBackWithinSeconds` after it',
      'no earlier revision was steady, or the one that was is deregistered, in quarantine, not named by digests, or made for another schema (tag `nightshift:schema`)',
    ],
    undo: 'Set the task definition of the service to the later revision again, and remove the image from its tag `nightshift:quarantined`. Where a CloudFormation stack made the service, tell the stack: the change names it.',
  },
  timeoutSeconds: 30,
  memoryMegabytes: 512,
});
