import { defineJob } from '../manifest.ts';

const LISTS = 'Lists have no resource-level permissions (Service Authorization Reference, Actions for';

export const manifest = defineJob({
  name: 'back-up-configuration',
  summary:
    'Writes down how services, scaling, DNS records, alarms, certificates, parameters, rules and state machines are configured, never a secret, what changed since the day before, and what of the account is in no backup.',
  permissions: [
    {
      actions: ['ecs:DescribeServices'],
      resources: ['arn:{partition}:ecs:{region}:{account}:service/{cluster}/{service}'],
    },
    {
      actions: ['ecs:DescribeTaskDefinition'],
      resources: ['*'],
      whyAnyResource:
        'DescribeTaskDefinition has no resource types (Service Authorization Reference, Actions for Amazon ECS).',
    },
    {
      actions: ['application-autoscaling:DescribeScalableTargets', 'application-autoscaling:DescribeScalingPolicies'],
      resources: ['*'],
      whyAnyResource: `${LISTS} AWS Application Auto Scaling).`,
    },
    {
      actions: ['cloudwatch:DescribeAlarms'],
      resources: ['arn:{partition}:cloudwatch:{region}:{account}:alarm:*'],
      whyAnyResource: 'Which alarms watch what is protected is only seen by looking at all of them.',
    },
    {
      actions: ['route53:ListResourceRecordSets'],
      resources: ['arn:{partition}:route53:::hostedzone/{backedUpZone}'],
    },
    { actions: ['acm:DescribeCertificate'], resources: ['{certificate}'] },
    // The certificate and its chain; a key is told by ExportCertificate only, which it may not ask for.
    { actions: ['acm:GetCertificate'], resources: ['{importedCertificate}'] },
    // What is in the account, to name what no backup covers.
    {
      actions: ['ecs:ListClusters', 'ecs:ListServices'],
      resources: ['*'],
      whyAnyResource: `${LISTS} Amazon ECS); what the configuration doesn't name has no name here.`,
    },
    {
      actions: ['rds:DescribeDBInstances'],
      resources: ['arn:{partition}:rds:{region}:{account}:db:*'],
      whyAnyResource: 'Which instances no backup covers is only seen by looking at all of them.',
    },
    {
      actions: ['acm:ListCertificates'],
      resources: ['*'],
      whyAnyResource: `${LISTS} AWS Certificate Manager).`,
    },
    {
      actions: ['route53:ListHostedZones'],
      resources: ['*'],
      whyAnyResource: `${LISTS} Amazon Route 53).`,
    },
    {
      actions: ['cloudtrail:LookupEvents'],
      resources: ['*'],
      whyAnyResource:
        'LookupEvents has no resource types (Service Authorization Reference, Actions for AWS CloudTrail).',
    },
    {
      actions: ['ssm:DescribeParameters'],
      resources: ['*'],
      whyAnyResource: `${LISTS} AWS Systems Manager); it tells names and versions, no value.`,
    },
    {
      actions: ['events:ListRules'],
      resources: ['*'],
      whyAnyResource: `${LISTS} Amazon EventBridge).`,
    },
    {
      actions: ['events:ListTargetsByRule'],
      resources: ['arn:{partition}:events:{region}:{account}:rule/{backedUpRule}*'],
      whyAnyResource: 'Rules are named by the beginning of their names.',
    },
    {
      actions: ['states:ListStateMachines'],
      resources: ['*'],
      whyAnyResource: `${LISTS} AWS Step Functions).`,
    },
    {
      actions: ['states:DescribeStateMachine'],
      resources: ['arn:{partition}:states:{region}:{account}:stateMachine:{backedUpStateMachine}*'],
      whyAnyResource: 'State machines are named by the beginning of their names.',
    },
    // It may add, and read what it added; its writes are refused when the key is there, and it can't shorten a lock.
    {
      actions: ['s3:GetObject', 's3:PutObject', 's3:PutObjectRetention'],
      resources: ['arn:{partition}:s3:::nightshift-{deployment}-{account}-{region}/configuration/*'],
      whyAnyResource: 'The key of a backup holds its time and its digest, of which no policy can know all beforehand.',
    },
  ],
  runsFor: 'configuration',
  readsRuns: true,
  usesArchive: true,
  // Runbook 003, line 53 (configuration hourly) and runbook 000, lines 434 to 436 (daily at 02:00): daily, an hour before people look.
  schedule: { cron: '0 3 * * ? *', timeZone: 'UTC' },
  flexibleMinutes: 15,
  deadlineSeconds: 3600,
  overdueAfterSeconds: 30 * 3600,
  effect: 'adds',
  severity: 'P4',
  timeoutSeconds: 120,
  memoryMegabytes: 512,
});
