import { definePlanManifest } from '../manifest.ts';

/**
 * Runbook 003, lines 363 to 364 and 405 to 407 (component restarted, then restored), runbook 000, lines 514 to 528; the least first. Their targets are 2 to 5
 * minutes for a component (003, line 128; 000, line 528).
 */
export const manifest = definePlanManifest({
  name: 'service-recovery',
  summary:
    'Brings a sick ECS service back: restarts its tasks, else rolls its last deployment back, else restores its configuration; stops when it is well.',
  input: {
    service: 'its name in the configuration, or cluster/service',
    before:
      'when the trouble began (ISO 8601): a backup of the configuration from before is looked for; when the run began, without it',
  },
  targets: { recoveryTimeSeconds: 900, dataLossSeconds: 0 },
  targetKinds: ['ecs-service'],
  usesConfigurationBackups: true,
  byAlarm: 'approved',
  severity: 'P2',
  steps: [
    {
      name: 'restart',
      does: 'replaces its tasks by new ones of the same revision, a few at a time',
      after: [],
      budgetSeconds: 300,
      undo: { kind: 'nothing', why: 'the same revision runs in new tasks' },
    },
    {
      name: 'roll-back',
      does: 'puts it back to the revision that was steady before its last deployment, and quarantines the images of the present one',
      after: ['restart'],
      budgetSeconds: 600,
      undo: {
        kind: 'compensate',
        does: 'puts it back to the revision that it ran; the quarantine stays',
        budgetSeconds: 120,
      },
    },
    {
      name: 'restore-configuration',
      does: 'brings its number of tasks up to minTasks and takes none away; puts its task definition back as the newest backup of the configuration from before the trouble has it, if it was steady with it',
      after: ['roll-back'],
      budgetSeconds: 600,
      undo: {
        kind: 'compensate',
        does: 'puts its number of tasks and its task definition back to what they were',
        budgetSeconds: 120,
      },
    },
    {
      name: 'prove',
      does: 'looks at its tasks, its deployment, and what its load balancer tells of requests',
      after: ['restore-configuration'],
      budgetSeconds: 180,
      undo: { kind: 'nothing', why: 'it only looks' },
    },
  ],
  permissions: [
    {
      actions: ['s3:GetObject'],
      resources: ['arn:{partition}:s3:::nightshift-{deployment}-{account}-{region}/{configurationFolder}/*'],
      whyAnyResource: 'The key of a backup holds its time and its digest, of which no policy can know all beforehand.',
    },
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
  timeoutSeconds: 30,
  memoryMegabytes: 512,
});
