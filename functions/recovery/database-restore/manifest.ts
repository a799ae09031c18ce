import { definePlanManifest } from '../manifest.ts';

/** As `idOf` names them (decide.ts): the rest is a hash of the run. */
const RESTORED = 'arn:{partition}:rds:{region}:{account}:db:{restoredDatabase}-restored-*';
const REHEARSED = 'arn:{partition}:rds:{region}:{account}:db:nightshift-{deployment}-rehearsal-*';
const AUTOMATED = 'arn:{partition}:rds:{region}:{account}:auto-backup:*';
const WHY_NEW =
  'The new instance is named by a hash of its run, which is not known before; the names of no others end so.';

/**
 * Runbook 000, lines 481 to 498 (a new instance, never over the old one) and 569 to 591 (endpoints updated, services restarted); 001, lines 636 to 655, which never puts the restored
 * instance into service. Its targets are 001's, lines 660 and 661: 4 hours, 24 hours; a restore takes as long as RDS takes for its size.
 */
export const manifest = definePlanManifest({
  name: 'database-restore',
  summary:
    'Restores the newest proved backup of a database, or a moment of it, into a new instance, checks it, points the services at it and rolls them; the old instance is kept.',
  input: {
    database: 'its instance identifier in the configuration',
    snapshot: 'optional: the backup to restore; the newest one that verify-backup proved when left out',
    at: "optional, instead of a snapshot: the moment to restore, such as 2026-11-21T09:30:00Z, by RDS's own backups",
    reason: 'optional: why, for the journal',
  },
  targets: { recoveryTimeSeconds: 14_400, dataLossSeconds: 86_400 },
  targetKinds: ['rds-instance', 'ecs-service'],
  severity: 'P1',
  readsRuns: true,
  steps: [
    {
      name: 'choose',
      does: 'chooses the backup or the moment, and looks at the old instance, the secret that names it and the services that depend on it',
      after: [],
      budgetSeconds: 300,
      undo: { kind: 'nothing', why: 'it only looks' },
    },
    {
      name: 'restore',
      does: 'restores it into a new instance like the old one, which only the function that checks it can reach',
      after: ['choose'],
      budgetSeconds: 7_200,
      undo: {
        kind: 'compensate',
        does: 'removes the new instance; where services could ever write to it, it is kept with what they wrote, for a person',
        budgetSeconds: 7_200,
      },
    },
    {
      name: 'check',
      does: 'reads the new instance: server, order, constraints, indexes, the configured tables and queries',
      after: ['restore'],
      budgetSeconds: 2_400,
      undo: { kind: 'nothing', why: 'it only reads' },
    },
    {
      name: 'admit',
      does: 'gives the new instance the security groups of the old one, and takes those of the check away',
      after: ['check'],
      budgetSeconds: 600,
      undo: { kind: 'nothing', why: 'from here on the new instance is kept when the plan is backed out' },
    },
    {
      name: 'switch',
      does: 'makes a new version of the secret that names the new instance the current one; from here on services may write to it',
      after: ['admit'],
      budgetSeconds: 300,
      undo: {
        kind: 'compensate',
        does: 'makes the earlier version of the secret the current one again, and rolls the services; what they wrote to the new instance stays there',
        budgetSeconds: 1_200,
      },
    },
    {
      name: 'roll',
      does: 'replaces the tasks of the services that depend on the database, a few at a time',
      after: ['switch'],
      budgetSeconds: 1_200,
      undo: { kind: 'nothing', why: 'they are rolled again when the secret is put back' },
    },
    {
      name: 'prove',
      does: 'looks at the services: their tasks, deployments, and what their load balancers tell of requests',
      after: ['roll'],
      budgetSeconds: 600,
      undo: { kind: 'nothing', why: 'it only looks' },
    },
    {
      name: 'finish',
      does: 'protects the new instance from deletion, if the old one is; says what was lost and what is left to a person; of a rehearsal, removes the instance that it made',
      after: ['prove'],
      budgetSeconds: 1_800,
      undo: { kind: 'nothing', why: 'only what a rehearsal made is removed' },
    },
  ],
  permissions: [
    {
      actions: ['rds:DescribeDBInstances'],
      resources: ['arn:{partition}:rds:{region}:{account}:db:{restoredDatabase}', RESTORED, REHEARSED],
      whyAnyResource: WHY_NEW,
    },
    {
      actions: ['rds:DescribeDBSnapshots'],
      resources: [
        'arn:{partition}:rds:{region}:{account}:snapshot:*',
        'arn:{partition}:rds:{region}:{account}:db:{restoredDatabase}',
      ],
      whyAnyResource:
        'The newest backup of an instance is looked for, whose name is not known before (Service Authorization Reference, Amazon RDS).',
    },
    {
      actions: ['rds:RestoreDBInstanceFromDBSnapshot'],
      resources: [
        'arn:{partition}:rds:{region}:{account}:snapshot:nightshift-{deployment}-{restoredDatabase}-*',
        RESTORED,
        REHEARSED,
        'arn:{partition}:rds:{region}:{account}:subgrp:*',
        'arn:{partition}:rds:{region}:{account}:og:*',
        'arn:{partition}:rds:{region}:{account}:pg:*',
      ],
      whyAnyResource: `A backup is named by the time of its run. ${WHY_NEW} The subnet, option and parameter groups are those that the old instance has by then.`,
    },
    {
      actions: ['rds:RestoreDBInstanceToPointInTime'],
      resources: [
        'arn:{partition}:rds:{region}:{account}:db:{restoredDatabase}',
        RESTORED,
        REHEARSED,
        'arn:{partition}:rds:{region}:{account}:subgrp:*',
        'arn:{partition}:rds:{region}:{account}:og:*',
        'arn:{partition}:rds:{region}:{account}:pg:*',
      ],
      whyAnyResource: `${WHY_NEW} The subnet, option and parameter groups are those that the old instance has by then.`,
    },
    {
      actions: ['rds:DescribeDBInstanceAutomatedBackups'],
      resources: ['arn:{partition}:rds:{region}:{account}:db:{restoredDatabase}', AUTOMATED],
      whyAnyResource:
        'RDS names the automated backups of an instance itself (Service Authorization Reference, Amazon RDS).',
    },
    {
      actions: ['rds:AddTagsToResource', 'rds:DeleteDBInstance'],
      resources: [RESTORED, REHEARSED],
      whyAnyResource: WHY_NEW,
    },
    {
      actions: ['rds:ModifyDBInstance'],
      resources: [RESTORED],
      whyAnyResource: WHY_NEW,
    },
    {
      actions: [
        'secretsmanager:DescribeSecret',
        'secretsmanager:GetSecretValue',
        'secretsmanager:PutSecretValue',
        'secretsmanager:UpdateSecretVersionStage',
      ],
      resources: ['{connectionSecret}'],
    },
    { actions: ['kms:Decrypt', 'kms:GenerateDataKey'], resources: ['{connectionSecretKey}'] },
    {
      actions: ['ecs:DescribeServices', 'ecs:UpdateService'],
      resources: ['arn:{partition}:ecs:{region}:{account}:service/{restoredCluster}/{restoredService}'],
    },
    {
      actions: ['ecs:ListTasks'],
      resources: ['*'],
      whyAnyResource:
        'ListTasks has no resource types but container instances (Service Authorization Reference, Actions for Amazon ECS).',
    },
    {
      actions: ['ecs:DescribeTasks'],
      resources: ['arn:{partition}:ecs:{region}:{account}:task/{restoredCluster}/*'],
      whyAnyResource:
        'The id of a task is made by AWS and not known before it exists (Service Authorization Reference, Actions for Amazon ECS).',
    },
    {
      actions: ['cloudwatch:GetMetricData'],
      resources: ['*'],
      whyAnyResource:
        'GetMetricData has no resource types (Service Authorization Reference, Actions for Amazon CloudWatch).',
    },
    {
      actions: ['lambda:InvokeFunction'],
      resources: ['arn:{partition}:lambda:{region}:{account}:function:nightshift-{deployment}-read-backup'],
    },
  ],
  // The questions to the function that reads, which answers within 240 s; as verify-backup.
  timeoutSeconds: 290,
  memoryMegabytes: 512,
});
