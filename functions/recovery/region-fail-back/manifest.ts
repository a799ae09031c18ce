import { definePlanManifest } from '../manifest.ts';

/** The function that asks the present primary how far its replica is. */
export const LOOK_REPLICATION = 'look-replication';

const FIRST = 'arn:{partition}:rds:{standbyRegion}:{account}';
const OWN = 'arn:{partition}:rds:{region}:{account}';
/** Both databases, and what they are called once they are set aside. */
const FIRST_DATABASES = [`${FIRST}:db:{failBackDatabase}`, `${FIRST}:db:{failBackDatabase}-old-*`] as const;
const OWN_DATABASES = [`${OWN}:db:{failBackReplica}`, `${OWN}:db:{failBackReplica}-old-*`] as const;
const GROUPS: readonly string[] = [FIRST, OWN].flatMap((at) => [`${at}:og:*`, `${at}:pg:*`, `${at}:subgrp:*`]);
const ASIDE =
  'An instance that is set aside gets a name that ends in eight letters of the run, and no other begins so.';
const HOURS = 3_600;

/**
 * Runbook 003, lines 597 to 605 (five lines of comments: rebuild, data sync, a test before the cut-back), and the new standby of runbook 004, lines 575 to 576 (a reminder). The first region's writers are stopped before
 * anything else there (catalogue D55). The longest times are those of RDS: it tells no rate for making a replica in another region.
 */
export const manifest = definePlanManifest({
  name: 'region-fail-back',
  summary:
    'Has the first region serve again after a failover: stops what writes there, sets its old database aside, rebuilds it as a replica, waits for it, stops the writers for the switch, promotes, proves, moves users back, and rebuilds the standby.',
  input: {
    pair: 'its name in `pairs` of the configuration, which has a `failBack`',
    like: 'optional: the old database as an earlier run set it aside (`<database>-old-...`), whose class, network and parameters the rebuilt one gets, when there is none under its own name',
    reason: 'optional: why, for the journal',
  },
  targets: { recoveryTimeSeconds: 12 * HOURS, dataLossSeconds: 0 },
  targetKinds: ['rds-instance', 'ecs-service'],
  keepsAuthority: true,
  severity: 'P2',
  steps: [
    {
      name: 'confirm',
      does: 'looks who serves users, at both databases and both regions’ services; says how long it takes',
      after: [],
      budgetSeconds: 300,
      undo: { kind: 'nothing', why: 'it only looks' },
    },
    {
      name: 'fence',
      does: 'stops the services of the first region, and waits until none of their tasks is left: nobody there writes to the old database any more',
      after: ['confirm'],
      budgetSeconds: 900,
      undo: { kind: 'nothing', why: 'no users are sent there, and they would write to a database that nobody reads' },
    },
    {
      name: 'set-aside',
      does: 'renames the old database of the first region: it is kept as it is, and nobody finds it by its name any more',
      after: ['fence'],
      budgetSeconds: HOURS,
      undo: {
        kind: 'nothing',
        why: 'it is kept under its new name until a person deletes it; nobody should write to it',
      },
    },
    {
      name: 'rebuild',
      does: 'makes a read replica of the present primary in the first region, under the old name, like the old one',
      after: ['set-aside'],
      budgetSeconds: 12 * HOURS,
      undo: { kind: 'nothing', why: 'it is only read, and the next run goes on with it; delete it if there is none' },
    },
    {
      name: 'follow',
      does: 'waits until the replica follows without lag, by ReplicaLag and by what the primary says of it',
      after: ['rebuild'],
      budgetSeconds: 4 * HOURS,
      undo: { kind: 'nothing', why: 'it only waits' },
    },
    {
      name: 'scale',
      does: 'gives the services of the first region as many tasks as they need to serve everybody; they can only read yet',
      after: ['follow'],
      budgetSeconds: 120,
      undo: { kind: 'compensate', does: 'puts their numbers of tasks back', budgetSeconds: 120 },
    },
    {
      name: 'steady',
      does: 'waits until they run and are well',
      after: ['scale'],
      budgetSeconds: 900,
      undo: { kind: 'nothing', why: 'it only looks' },
    },
    {
      name: 'stop',
      does: 'stops the services of the standby, and waits until none of their tasks is left: from here until users are moved nobody is served',
      after: ['steady'],
      budgetSeconds: 600,
      undo: { kind: 'compensate', does: 'has them serve again, at their former size', budgetSeconds: 900 },
    },
    {
      name: 'drain',
      does: 'waits until the replica has everything that was written, to the last byte, and nobody else is writing',
      after: ['stop'],
      budgetSeconds: 300,
      undo: { kind: 'nothing', why: 'it only waits' },
    },
    {
      name: 'promote',
      does: 'makes the replica of the first region a database of its own',
      after: ['drain'],
      budgetSeconds: 1_800,
      undo: {
        kind: 'point-of-no-return',
        why: 'a promoted database can’t follow again: from here on the first region is the one that takes writes',
      },
    },
    {
      name: 'prove',
      does: 'asks the first region as users would, at its own address',
      after: ['promote'],
      budgetSeconds: 600,
      undo: { kind: 'nothing', why: 'it only asks' },
    },
    {
      name: 'switch',
      does: 'deletes the object that sends users to the standby. No control plane is asked',
      after: ['prove'],
      budgetSeconds: 120,
      undo: { kind: 'nothing', why: 'the standby takes no users any more: its services are stopped' },
    },
    {
      name: 'move',
      does: 'resolves the name that users know until it leads to the first region alone for as long as its records live, and asks there',
      after: ['switch'],
      budgetSeconds: 900,
      undo: { kind: 'nothing', why: 'it only looks' },
    },
    {
      name: 'settle',
      does: 'watches that the first region stays well for as long as the pair says',
      after: ['move'],
      budgetSeconds: 4_500,
      undo: { kind: 'nothing', why: 'it only looks' },
    },
    {
      name: 'retire',
      does: 'renames the standby’s database, which takes writes of nobody any more: it is kept as it is',
      after: ['settle'],
      budgetSeconds: HOURS,
      undo: { kind: 'nothing', why: 'it is kept under its new name until a person deletes it' },
    },
    {
      name: 'restore-standby',
      does: 'makes a read replica of the first region’s database in the standby region, under the old name, like the old one',
      after: ['retire'],
      budgetSeconds: 12 * HOURS,
      undo: { kind: 'nothing', why: 'it is only read' },
    },
    {
      name: 'stand-by',
      does: 'gives the services of the standby the least number of tasks that they are configured to have',
      after: ['restore-standby'],
      budgetSeconds: 120,
      undo: { kind: 'nothing', why: 'no users are sent there' },
    },
    {
      name: 'grant',
      does: 'lets the first region’s database be granted time to write again, where it takes writes by a lease',
      after: ['stand-by'],
      budgetSeconds: 120,
      undo: { kind: 'nothing', why: 'it is the one that takes writes' },
    },
  ],
  permissions: [
    {
      actions: ['rds:DescribeDBInstances'],
      resources: [...FIRST_DATABASES, ...OWN_DATABASES],
      whyAnyResource: ASIDE,
    },
    // "Actions defined by Amazon RDS": renaming is authorized on the instance by the name that it has.
    {
      actions: ['rds:ModifyDBInstance'],
      resources: [`${FIRST}:db:{failBackDatabase}`, `${OWN}:db:{failBackReplica}`],
    },
    {
      actions: ['rds:CreateDBInstanceReadReplica'],
      resources: [`${FIRST}:db:{failBackDatabase}`, `${OWN}:db:{failBackReplica}`, ...GROUPS],
      whyAnyResource:
        'It is authorized on both instances and on the option, parameter and subnet group of the replica, whose names are not known here (Service Authorization Reference, Amazon RDS).',
    },
    {
      actions: ['rds:AddTagsToResource'],
      resources: [`${FIRST}:db:{failBackDatabase}`, `${OWN}:db:{failBackReplica}`],
    },
    // "Overview of Amazon RDS read replicas", encrypted ones in another region; "AWS KMS condition keys", kms:ViaService: by RDS alone.
    {
      actions: ['kms:CreateGrant', 'kms:DescribeKey'],
      resources: ['{failBackKey}'],
      onlyWhere: { 'kms:ViaService': 'rds.{standbyRegion}.amazonaws.com' },
    },
    {
      actions: ['kms:CreateGrant', 'kms:DescribeKey'],
      resources: ['{failBackStandbyKey}'],
      onlyWhere: { 'kms:ViaService': 'rds.{region}.amazonaws.com' },
    },
    { actions: ['rds:PromoteReadReplica'], resources: [`${FIRST}:db:{failBackDatabase}`] },
    {
      actions: ['lambda:InvokeFunction'],
      resources: [`arn:{partition}:lambda:{region}:{account}:function:nightshift-{deployment}-${LOOK_REPLICATION}`],
    },
    { actions: ['s3:DeleteObject'], resources: ['arn:{partition}:s3:::{pairObject}'] },
    {
      actions: ['ecs:DescribeServices', 'ecs:UpdateService'],
      resources: [
        'arn:{partition}:ecs:{region}:{account}:service/{pairCluster}/{pairService}',
        'arn:{partition}:ecs:{standbyRegion}:{account}:service/{failBackCluster}/{failBackService}',
      ],
    },
    {
      actions: ['ecs:ListTasks'],
      resources: ['*'],
      whyAnyResource:
        'ListTasks has no resource types but container instances (Service Authorization Reference, Actions for Amazon ECS).',
    },
    {
      actions: ['ecs:DescribeTasks'],
      resources: [
        'arn:{partition}:ecs:{region}:{account}:task/{pairCluster}/*',
        'arn:{partition}:ecs:{standbyRegion}:{account}:task/{failBackCluster}/*',
      ],
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
  helper: {
    name: LOOK_REPLICATION,
    summary: 'Asks the database that serves users how far its replicas are, and whether anybody is writing.',
    permissions: [
      {
        actions: ['rds-db:connect'],
        resources: ['arn:{partition}:rds-db:{region}:{account}:dbuser:{failBackResourceId}/{failBackUser}'],
      },
    ],
    timeoutSeconds: 20,
    memoryMegabytes: 256,
  },
  timeoutSeconds: 60,
  memoryMegabytes: 512,
});
