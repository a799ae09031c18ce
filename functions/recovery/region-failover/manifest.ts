import { definePlanManifest } from '../manifest.ts';

/**
 * Runbook 000, lines 595 to 606 (standby activated, database, DNS, verified), 003, lines 284 to 329 (evidence, promotion, records), 004, lines 580 to 611 (Route 53, tasks, people told), in the order
 * that these don't keep: first proof of the outage, of the fence and of what would be lost, then tasks and promotion, then proof, and users last (catalogue D54, D131, D132). The times are 000's
 * (line 606: 1 to 4 hours) and the recovery point of 001 (line 661), which a pair's own `recoveryPointSeconds` narrows.
 */
export const manifest = definePlanManifest({
  name: 'region-failover',
  summary:
    'Has the standby region take over a service from a region that is lost: proves the outage, waits until the old primary has stopped by itself (or asks who fenced it), asks how much would be lost, promotes the replica, and moves users by the data plane.',
  input: {
    pair: 'its name in `pairs` of the configuration',
    fenced:
      'who made sure, and how, that the old primary writes nothing any more; without it nothing is promoted, unless the pair is fenced by itself',
    acceptLossSeconds:
      'optional: so much may be lost, in seconds, when it is more than the pair allows; `unknown` when it can’t be told',
    reason: 'optional: why, for the journal',
  },
  targets: { recoveryTimeSeconds: 3_600, dataLossSeconds: 300 },
  targetKinds: ['rds-instance', 'ecs-service'],
  keepsAuthority: true,
  severity: 'P1',
  steps: [
    {
      name: 'confirm',
      does: 'asks the primary and the standby, and the alarms of this region, for as long as the pair says; looks at the replica and the services of the standby',
      after: [],
      budgetSeconds: 900,
      undo: { kind: 'nothing', why: 'it only looks' },
    },
    {
      name: 'withdraw',
      does: 'grants the old primary no more time to write, where it takes writes by a lease',
      after: ['confirm'],
      budgetSeconds: 120,
      undo: { kind: 'compensate', does: 'grants it time again', budgetSeconds: 120 },
    },
    {
      name: 'gate',
      does: 'looks whether the old primary stops by itself, or somebody has made sure that it writes nothing any more, and how much of what it wrote the replica has not got',
      after: ['withdraw'],
      budgetSeconds: 300,
      undo: { kind: 'nothing', why: 'it only looks' },
    },
    {
      name: 'scale',
      does: 'gives the services of the standby as many tasks as they need to serve everybody; takes none away',
      after: ['gate'],
      budgetSeconds: 120,
      undo: { kind: 'compensate', does: 'puts their numbers of tasks back', budgetSeconds: 120 },
    },
    {
      name: 'lapse',
      does: 'waits until the last time that was granted to the old primary, and the difference that clocks may have, are over: it takes no writes from then on',
      after: ['gate'],
      budgetSeconds: 1_000,
      undo: { kind: 'nothing', why: 'it only waits' },
    },
    {
      name: 'promote',
      does: 'makes the read replica a database of its own',
      after: ['scale', 'lapse'],
      budgetSeconds: 1_800,
      undo: {
        kind: 'point-of-no-return',
        why: 'a promoted database can’t follow the old primary again; what that one has and the replica has not is copied by hand, or lost',
      },
    },
    {
      name: 'steady',
      does: 'waits until the tasks of the standby run and are well',
      after: ['promote'],
      budgetSeconds: 900,
      undo: { kind: 'nothing', why: 'it only looks' },
    },
    {
      name: 'admit',
      does: 'lets the promoted database take writes, where it has the old primary’s lease',
      after: ['promote'],
      budgetSeconds: 300,
      undo: { kind: 'nothing', why: 'it is the only one that takes writes by then' },
    },
    {
      name: 'prove',
      does: 'asks the standby as users would, at its own address',
      after: ['steady', 'admit'],
      budgetSeconds: 300,
      undo: { kind: 'nothing', why: 'it only asks' },
    },
    {
      name: 'switch',
      does: 'writes the object that Route 53’s health checkers look for: from then on they answer with the standby. No control plane is asked',
      after: ['prove'],
      budgetSeconds: 120,
      undo: { kind: 'nothing', why: 'nobody is sent back to a primary that is fenced' },
    },
    {
      name: 'move',
      does: 'resolves the name that users know until it leads to the standby alone for as long as its records live, and asks there',
      after: ['switch'],
      budgetSeconds: 900,
      undo: { kind: 'nothing', why: 'it only looks' },
    },
    {
      name: 'settle',
      does: 'watches that the standby stays well for as long as the pair says',
      after: ['move'],
      budgetSeconds: 4_500,
      undo: { kind: 'nothing', why: 'it only looks' },
    },
  ],
  permissions: [
    {
      actions: ['rds:DescribeDBInstances', 'rds:PromoteReadReplica'],
      resources: ['arn:{partition}:rds:{region}:{account}:db:{pairReplica}'],
    },
    {
      actions: ['lambda:InvokeFunction'],
      resources: ['arn:{partition}:lambda:{region}:{account}:function:{authorityFunction}'],
    },
    { actions: ['s3:PutObject'], resources: ['arn:{partition}:s3:::{pairObject}'] },
    {
      actions: ['ecs:DescribeServices', 'ecs:UpdateService'],
      resources: ['arn:{partition}:ecs:{region}:{account}:service/{pairCluster}/{pairService}'],
    },
    {
      actions: ['ecs:ListTasks'],
      resources: ['*'],
      whyAnyResource:
        'ListTasks has no resource types but container instances (Service Authorization Reference, Actions for Amazon ECS).',
    },
    {
      actions: ['ecs:DescribeTasks'],
      resources: ['arn:{partition}:ecs:{region}:{account}:task/{pairCluster}/*'],
      whyAnyResource:
        'The id of a task is made by AWS and not known before it exists (Service Authorization Reference, Actions for Amazon ECS).',
    },
    {
      actions: ['cloudwatch:DescribeAlarms'],
      resources: ['*'],
      whyAnyResource:
        'DescribeAlarms returns composite alarms only to callers with scope * (Amazon CloudWatch API Reference, DescribeAlarms).',
    },
    {
      actions: ['cloudwatch:GetMetricData'],
      resources: ['*'],
      whyAnyResource:
        'GetMetricData has no resource types (Service Authorization Reference, Actions for Amazon CloudWatch).',
    },
  ],
  timeoutSeconds: 60,
  memoryMegabytes: 512,
});
