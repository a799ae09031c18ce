import { definePlanManifest } from '../manifest.ts';

const SCALABLE =
  'The id of a scalable target is made by AWS and not known before it exists (Service Authorization Reference, Actions for AWS Application Auto Scaling).';
const OF_SERVICES = {
  'application-autoscaling:service-namespace': 'ecs',
  'application-autoscaling:scalable-dimension': 'ecs:service:DesiredCount',
} as const;

/** Runbook 003, lines 397 to 408 and 140 (10 to 15 minutes): configuration restored, then two components restarted; with a look beforehand and a way back, which it lacks. */
export const manifest = definePlanManifest({
  name: 'restore-configuration',
  summary:
    'Puts one configured thing back as a backup has it: a service’s task definition, number of tasks and scaling, a DNS record, an alarm, a parameter’s earlier version.',
  input: {
    what: 'service/<cluster>/<service>, record/<zone id>/<name>/<type>, alarm/<name> or parameter/<name>',
    backup: 'the folder of a backup in the archive; the newest one without it',
    before: 'the newest backup before this time (ISO 8601)',
    shown: 'digest of the differences that a person was shown: others are refused',
  },
  targets: { recoveryTimeSeconds: 900, dataLossSeconds: 0 },
  targetKinds: ['ecs-service', 'dns-endpoint'],
  readsRuns: true,
  usesArchive: true,
  severity: 'P3',
  steps: [
    {
      name: 'look',
      does: 'reads the backup and what is there, and refuses what can’t be put back or isn’t what was shown',
      after: [],
      budgetSeconds: 120,
      undo: { kind: 'nothing', why: 'it only looks' },
    },
    {
      name: 'put-back',
      does: 'puts the thing back as in the backup, if it is still as it was when it was looked at',
      after: ['look'],
      budgetSeconds: 120,
      undo: {
        kind: 'compensate',
        does: 'puts a service, record or alarm back to what it was; what was made again, and a parameter’s new version, stays',
        budgetSeconds: 120,
      },
    },
    {
      name: 'put-scaling-back',
      does: 'puts limits and policies of a service’s scaling back; policies that the backup doesn’t know stay',
      after: ['put-back'],
      budgetSeconds: 120,
      undo: { kind: 'compensate', does: 'puts limits and policies back to what they were', budgetSeconds: 120 },
    },
    {
      name: 'prove',
      does: 'looks whether it is as in the backup, and waits for a service’s deployment',
      after: ['put-scaling-back'],
      budgetSeconds: 600,
      undo: { kind: 'nothing', why: 'it only looks' },
    },
  ],
  permissions: [
    {
      actions: ['s3:GetObject'],
      resources: ['arn:{partition}:s3:::nightshift-{deployment}-{account}-{region}/configuration/*'],
      whyAnyResource: 'The key of a backup holds its time and its digest, of which no policy can know all beforehand.',
    },
    {
      actions: ['ecs:DescribeServices', 'ecs:UpdateService'],
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
      whyAnyResource:
        'They have no resource types (Service Authorization Reference, Actions for AWS Application Auto Scaling).',
    },
    {
      actions: ['application-autoscaling:RegisterScalableTarget', 'application-autoscaling:PutScalingPolicy'],
      resources: ['arn:{partition}:application-autoscaling:{region}:{account}:scalable-target/*'],
      onlyWhere: OF_SERVICES,
      whyAnyResource: SCALABLE,
    },
    {
      actions: ['cloudwatch:DescribeAlarms', 'cloudwatch:PutMetricAlarm'],
      resources: ['arn:{partition}:cloudwatch:{region}:{account}:alarm:*'],
      whyAnyResource: 'Alarms on what is protected have names of their own, which only the backup knows.',
    },
    {
      actions: ['route53:ListResourceRecordSets'],
      resources: ['arn:{partition}:route53:::hostedzone/{backedUpZone}'],
    },
    {
      actions: ['route53:ChangeResourceRecordSets'],
      resources: ['arn:{partition}:route53:::hostedzone/{backedUpZone}'],
      // The exact old one is deleted in the batch that creates the new one; what overwrites whatever is there isn't allowed.
      onlyEach: { 'route53:ChangeResourceRecordSetsActions': ['DELETE', 'CREATE'] },
    },
    {
      actions: ['ssm:DescribeParameters'],
      resources: ['*'],
      whyAnyResource:
        'Lists have no resource-level permissions (Service Authorization Reference, Actions for AWS Systems Manager).',
    },
    {
      actions: ['ssm:GetParameter', 'ssm:PutParameter'],
      resources: ['arn:{partition}:ssm:{region}:{account}:parameter{backedUpParameter}*'],
      whyAnyResource: 'Parameters are named by the beginning of their names.',
    },
  ],
  timeoutSeconds: 60,
  memoryMegabytes: 512,
});
