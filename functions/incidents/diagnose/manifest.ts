import { defineIncidentFunction } from '../manifest.ts';

export const manifest = defineIncidentFunction({
  name: 'diagnose',
  summary:
    'Looks at the target of an incident that goes to a person, and writes what AWS says of it, with the probable cause, into its timeline.',
  permissions: [
    {
      actions: ['ecs:DescribeServices'],
      resources: ['arn:{partition}:ecs:{region}:{account}:service/{cluster}/{service}'],
    },
    {
      actions: ['ecs:ListTasks'],
      resources: ['*'],
      whyAnyResource:
        'ListTasks has container instances as its only resource type (Service Authorization Reference, Actions for Amazon ECS).',
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
    { actions: ['rds:DescribeDBInstances'], resources: ['arn:{partition}:rds:{region}:{account}:db:{database}'] },
    {
      actions: ['rds:DescribeEvents'],
      resources: ['*'],
      whyAnyResource:
        "DescribeEvents isn't authorized on DB instances: it lists the account's events, narrowed by its parameters (Service Authorization Reference, Amazon RDS).",
    },
    {
      actions: ['route53:GetHealthCheckStatus'],
      resources: ['arn:{partition}:route53:::healthcheck/{siteHealthCheck}'],
    },
  ],
  timeoutSeconds: 20,
  memoryMegabytes: 512,
});
