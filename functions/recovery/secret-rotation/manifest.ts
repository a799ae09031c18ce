import { definePlanManifest } from '../manifest.ts';

/** The second function, which alone speaks SQL: in the databases' network, where of AWS nothing but DynamoDB is reached. */
export const LOGINS = 'set-logins';

/**
 * Runbook 001, lines 765 to 784 (a new value, manager, update, restart, verify, old one deleted after validation), and 000, lines 763 to 774; in the four steps of Secrets Manager's own
 * rotation ("Rotation by Lambda function": create, set, test, finish), with the strategy of alternating users ("Lambda function rotation strategies"). Rotation was monthly (000, line
 * 175); its time is ours: what services need to be rolled.
 */
export const manifest = definePlanManifest({
  name: 'secret-rotation',
  summary:
    'Gives the services of a database another user with a new password, rolls them, and shuts the earlier user out; in an emergency that one is shut out as soon as the secret is switched.',
  input: {
    database: 'its instance identifier in the configuration',
    emergency:
      'optional: true when the password has leaked; its user is shut out before the services are rolled, so they fail until then',
    reason: 'optional: why, for the journal',
  },
  targets: { recoveryTimeSeconds: 1_800, dataLossSeconds: 0 },
  targetKinds: ['rds-instance', 'ecs-service'],
  severity: 'P2',
  steps: [
    {
      name: 'look',
      does: 'looks at the secret, both users in the database, and the services that depend on it',
      after: [],
      budgetSeconds: 120,
      undo: { kind: 'nothing', why: 'it only looks' },
    },
    {
      name: 'create',
      does: 'makes a version of the secret with the other user and a new password, which nobody reads yet',
      after: ['look'],
      budgetSeconds: 120,
      undo: {
        kind: 'nothing',
        why: 'a version that is not the current one is read by nobody, and its user is shut out again',
      },
    },
    {
      name: 'set',
      does: 'lets the other user log in with that password',
      after: ['create'],
      budgetSeconds: 120,
      undo: { kind: 'compensate', does: 'shuts the other user out again, if it was before', budgetSeconds: 120 },
    },
    {
      name: 'test',
      does: 'logs in as the other user with what the new version says',
      after: ['set'],
      budgetSeconds: 120,
      undo: { kind: 'nothing', why: 'it only logs in' },
    },
    {
      name: 'switch',
      does: 'makes the new version the current one: tasks that start from now on read it',
      after: ['test'],
      budgetSeconds: 120,
      undo: {
        kind: 'compensate',
        does: 'makes the earlier version the current one again, and rolls the services',
        budgetSeconds: 1_200,
      },
    },
    {
      name: 'cut',
      does: 'in an emergency only: shuts the earlier user out and ends its sessions; services fail until they are rolled',
      after: ['switch'],
      budgetSeconds: 120,
      undo: {
        kind: 'point-of-no-return',
        why: 'a user whose password has leaked is never let in again by itself; without an emergency this step changes nothing',
      },
    },
    {
      name: 'roll',
      does: 'replaces the tasks of the services that depend on the database, a few at a time',
      after: ['cut'],
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
      name: 'retire',
      does: 'waits until nobody is logged in as the earlier user, and shuts it out',
      after: ['prove'],
      budgetSeconds: 900,
      undo: {
        kind: 'compensate',
        does: 'lets the earlier user log in again, with the password that it has',
        budgetSeconds: 120,
      },
    },
  ],
  permissions: [
    {
      actions: [
        'secretsmanager:DescribeSecret',
        'secretsmanager:GetSecretValue',
        'secretsmanager:PutSecretValue',
        'secretsmanager:UpdateSecretVersionStage',
      ],
      resources: ['{credentialSecret}'],
    },
    { actions: ['kms:Decrypt', 'kms:GenerateDataKey'], resources: ['{credentialSecretKey}'] },
    {
      actions: ['ecs:DescribeServices', 'ecs:UpdateService'],
      resources: ['arn:{partition}:ecs:{region}:{account}:service/{rotatedCluster}/{rotatedService}'],
    },
    {
      actions: ['ecs:ListTasks'],
      resources: ['*'],
      whyAnyResource:
        'ListTasks has no resource types but container instances (Service Authorization Reference, Actions for Amazon ECS).',
    },
    {
      actions: ['ecs:DescribeTasks'],
      resources: ['arn:{partition}:ecs:{region}:{account}:task/{rotatedCluster}/*'],
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
      resources: [`arn:{partition}:lambda:{region}:{account}:function:nightshift-{deployment}-${LOGINS}`],
    },
  ],
  helper: {
    name: LOGINS,
    summary: 'Sets and tries the passwords of the users whose secrets are rotated, in the databases themselves.',
    permissions: [
      {
        actions: ['rds-db:connect'],
        resources: ['arn:{partition}:rds-db:{region}:{account}:dbuser:{rotatedResourceId}/{rotationLogin}'],
      },
    ],
    timeoutSeconds: 30,
    memoryMegabytes: 256,
  },
  timeoutSeconds: 60,
  memoryMegabytes: 512,
});
