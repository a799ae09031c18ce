import { defineManifest } from '../../engine/manifest.ts';

export const manifest = defineManifest({
  name: 'raise-task-resources',
  summary:
    'Gives the tasks of an ECS service on Fargate the next greater size, by a new revision that is rolled out, when they are short of memory or CPU.',
  targetKind: 'ecs-service',
  triggers: [
    { source: 'ecs-task', what: ['OutOfMemoryError'] },
    { namespace: 'AWS/ECS', metricName: 'MemoryUtilization', dimensions: ['ClusterName', 'ServiceName'] },
    { namespace: 'AWS/ECS', metricName: 'CPUUtilization', dimensions: ['ClusterName', 'ServiceName'] },
  ],
  permissions: [
    {
      actions: ['ecs:DescribeServices', 'ecs:UpdateService', 'ecs:ListServiceDeployments'],
      resources: ['arn:{partition}:ecs:{region}:{account}:service/{cluster}/{service}'],
    },
    {
      actions: ['ecs:DescribeServiceRevisions'],
      resources: ['arn:{partition}:ecs:{region}:{account}:service-revision/{cluster}/{service}/*'],
      whyAnyResource:
        'The id of a service revision is made by AWS and not known before it exists (Service Authorization Reference, Actions for Amazon ECS).',
    },
    {
      actions: ['ecs:DescribeTaskDefinition', 'ecs:ListTaskDefinitions', 'ecs:ListTasks', 'ecs:RegisterTaskDefinition'],
      resources: ['*'],
      whyAnyResource:
        'These have no resource types, ListTasks only container instances (Service Authorization Reference, Actions for Amazon ECS).',
    },
    {
      actions: ['ecs:TagResource'],
      resources: ['arn:{partition}:ecs:{region}:{account}:task-definition/*'],
      onlyWhere: { 'ecs:CreateAction': 'RegisterTaskDefinition' },
      whyAnyResource:
        'The family of a task definition is not known beforehand, and the condition allows only tags of one that is being registered (Amazon ECS Developer Guide, "Grant permission to tag resources on creation").',
    },
    {
      actions: ['ecs:DescribeTasks'],
      resources: ['arn:{partition}:ecs:{region}:{account}:task/{cluster}/*'],
      whyAnyResource:
        'The id of a task is made by AWS and not known before it exists (Service Authorization Reference, Actions for Amazon ECS).',
    },
    {
      actions: ['iam:PassRole'],
      resources: ['{taskRole}'],
      onlyWhere: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' },
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
  defaults: { cooldownSeconds: 3600, perTargetPerHour: 1, perRunbookPerHour: 5 },
  documentation: {
    refusesWhen: [
      "the service isn't there, is scaled to zero tasks, or has another deployment controller than ECS",
      'a deployment is under way, or its deployment limits leave no room to replace tasks',
      'no task of the revision that runs was killed for want of memory (when an event of a task started it)',
      'another revision was rolled out within `rollBackWithinSeconds` before the trouble, over one that was steady: then its release is to blame, and going back is the better step',
      'tasks do not run on Fargate, run on Windows, or have a role that `taskRoles` does not list',
      'the next size is beyond `maxTaskCpuUnits` or `maxTaskMemoryMib`',
    ],
    undo: 'The earlier revision is deployed again by itself when the roll-out fails. Otherwise set the task definition back to it; the change names it, and the stack to tell.',
  },
  timeoutSeconds: 60,
  memoryMegabytes: 512,
});
