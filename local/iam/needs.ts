/**
 * What IAM is asked for an API call: actions and the resources they are on. Action names differ from operations in places, and one operation
 * can ask for several. From the Service Authorization Reference, "Actions, resources, and condition keys for <service>", and the pages named
 * below; looked up 2026-11-20.
 */
import type { AwsCall } from '../world/types.ts';
import type { Need } from './evaluate.ts';

/** What of a call is looked at. */
export type Asked = Pick<AwsCall, 'service' | 'region' | 'operation' | 'params'>;

type Params = Readonly<Record<string, unknown>>;
/** Makes an ARN of the call's own service, region and account. */
type Arn = (resource: string, service?: string) => string;
type Rule = (params: Params, arn: Arn, action: string) => readonly Need[];

/** Signing names that aren't the prefix of the service's actions. */
const PREFIX: Readonly<Record<string, string>> = { monitoring: 'cloudwatch', email: 'ses' };

const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const texts = (value: unknown): string[] => (Array.isArray(value) ? value.map(text) : []);
const objects = (value: unknown): readonly Params[] => (Array.isArray(value) ? (value as readonly Params[]) : []);

/** A name, or the ARN that some operations take in its place. */
const arnOr = (value: unknown, make: (name: string) => string): string =>
  text(value).startsWith('arn:') ? text(value) : make(text(value));

const onAny: Rule = (_params, _arn, action) => [{ action, resource: '*' }];
const on =
  (resource: (params: Params, arn: Arn) => string): Rule =>
  (params, arn, action) => [{ action, resource: resource(params, arn) }];

const table = (value: unknown, arn: Arn): string => arnOr(value, (name) => arn(`table/${name}`));

/**
 * `dynamodb:LeadingKeys` is the partition key of each item that is asked for ("Using IAM policy conditions for fine-grained access control"). Names of
 * partition keys aren't in a call, so they are those of the tables here; `pk` of an index is the index's own, which no policy of ours looks at.
 */
const PARTITION_KEY = 'pk';
const leading = (keys: readonly unknown[]): Pick<Need, 'context'> => {
  const found = keys.flatMap(
    (key) => text((key as Params | undefined)?.[PARTITION_KEY] && keyText(key as Params)) || [],
  );
  return found.length > 0 ? { context: { 'dynamodb:LeadingKeys': [...new Set(found)] } } : {};
};
const keyText = (key: Params): string => text((key[PARTITION_KEY] as Params | undefined)?.S);

const onTable: Rule = ({ TableName, Key, Item }, arn, action) => [
  { action, resource: table(TableName, arn), ...leading([Key ?? Item]) },
];
/** The table is a required resource of Query and Scan, an index an optional one: who queries an index needs both. */
const onTableAndIndex: Rule = ({ TableName, IndexName }, arn, action) => {
  const resource = table(TableName, arn);
  return [{ action, resource }, ...(IndexName ? [{ action, resource: `${resource}/index/${text(IndexName)}` }] : [])];
};
const onTables: Rule = ({ RequestItems }, arn, action) =>
  Object.entries((RequestItems ?? {}) as object).map(([name, asked]) => ({
    action,
    resource: table(name, arn),
    ...leading(objects((asked as Params | undefined)?.Keys)),
  }));

/** "Using IAM with DynamoDB transactions": the permissions of the operations inside, not one of its own. */
const TRANSACTED: Readonly<Record<string, string>> = {
  Put: 'PutItem',
  Update: 'UpdateItem',
  Delete: 'DeleteItem',
  Get: 'GetItem',
  ConditionCheck: 'ConditionCheckItem',
};
/** Each operation is asked for by itself; those of one kind on one table are put together here, with all their keys. */
const transaction: Rule = ({ TransactItems }, arn) => {
  const asked = new Map<string, { action: string; resource: string; keys: unknown[] }>();
  for (const item of objects(TransactItems))
    for (const [kind, inner] of Object.entries(item)) {
      const { TableName, Key, Item } = inner as Params;
      const need = { action: `dynamodb:${TRANSACTED[kind] ?? kind}`, resource: table(TableName, arn) };
      const known = asked.get(`${need.action} ${need.resource}`);
      if (known) known.keys.push(Key ?? Item);
      else asked.set(`${need.action} ${need.resource}`, { ...need, keys: [Key ?? Item] });
    }
  return [...asked.values()].map(({ action, resource, keys }) => ({ action, resource, ...leading(keys) }));
};

const ecsService = ({ cluster }: Params, name: string, arn: Arn): string =>
  arnOr(name, (service) => arn(`service/${text(cluster).split('/').at(-1) || 'default'}/${service}`));

/** Identifiers are kept in lower case. */
const dbInstance = (id: unknown, arn: Arn): string => arnOr(id, (name) => arn(`db:${name.toLowerCase()}`));

/** DescribeAlarms, API reference: composite alarms are returned only to callers whose permission is scoped to `*`. */
const describeAlarms: Rule = ({ AlarmTypes, AlarmNames }, arn, action) => {
  if (texts(AlarmTypes).includes('CompositeAlarm')) return [{ action, resource: '*' }];
  const names = texts(AlarmNames);
  return (names.length > 0 ? names : ['*']).map((name) => ({ action, resource: arn(`alarm:${name}`, 'cloudwatch') }));
};

/** The id behind the slash isn't in the call, so only a policy on every scalable target, or narrowed by conditions, can match. */
const onScalableTarget: Rule = ({ ServiceNamespace, ScalableDimension }, arn, action) => [
  {
    action,
    resource: arn('scalable-target/of-this-call'),
    context: {
      'application-autoscaling:service-namespace': text(ServiceNamespace),
      'application-autoscaling:scalable-dimension': text(ScalableDimension),
    },
  },
];

/** `https://sqs.<region>.amazonaws.com/<account>/<name>`. */
const queue = on(({ QueueUrl }, arn) => arn(text(QueueUrl).split('/').at(-1) ?? ''));

const eventBuses: Rule = ({ Entries }, arn, action) => {
  // "Actions defined by Amazon EventBridge", Service Authorization Reference: PutEvents gives `events:source` and `events:detail-type`.
  const given = new Map<string, { readonly sources: Set<string>; readonly types: Set<string> }>();
  for (const { EventBusName, Source, DetailType } of objects(Entries)) {
    const bus = arnOr(EventBusName ?? 'default', (name) => arn(`event-bus/${name}`));
    const known = given.get(bus) ?? { sources: new Set(), types: new Set() };
    if (Source !== undefined) known.sources.add(text(Source));
    if (DetailType !== undefined) known.types.add(text(DetailType));
    given.set(bus, known);
  }
  return [...given].map(([resource, { sources, types }]) => {
    const context = {
      ...(sources.size > 0 && { 'events:source': [...sources] }),
      ...(types.size > 0 && { 'events:detail-type': [...types] }),
    };
    return { ...{ action, resource }, ...(Object.keys(context).length > 0 && { context }) };
  });
};

/** "Invoking Lambda functions", Permissions: the operation Invoke asks for lambda:InvokeFunction. */
const invoke: Rule = ({ FunctionName }, arn) => [
  { action: 'lambda:InvokeFunction', resource: arnOr(FunctionName, (name) => arn(`function:${name}`)) },
];

/** The state machine whose task waits by the token: what CDK's `grantTaskResponse` grants on. The local token begins with its execution's ARN. */
const onMachineOfToken: Rule = ({ taskToken }, arn, action) => {
  const [execution = ''] = Buffer.from(text(taskToken), 'base64').toString('latin1').split('\n');
  return [{ action, resource: arn(`stateMachine:${execution.split(':')[6] ?? 'unknown'}`) }];
};

/** SendEmail of SES version 2, by its path. The identity that is verified may also be the address's domain: then it has to be named. */
const sendEmail: Rule = ({ FromEmailAddress, FromEmailAddressIdentityArn }, arn) => [
  {
    action: 'ses:SendEmail',
    resource: text(FromEmailAddressIdentityArn) || arn(`identity/${text(FromEmailAddress)}`),
    context: { 'ses:FromAddress': text(FromEmailAddress) },
  },
];

/**
 * Service Authorization Reference, Actions for Amazon ECS: the dependent action iam:PassRole on the roles it names. Tags given with it need
 * ecs:TagResource ("Grant permission to tag resources on creation").
 */
const registerTaskDefinition: Rule = ({ family, tags, taskRoleArn, executionRoleArn }, arn, action) => {
  const roles = [text(taskRoleArn), text(executionRoleArn)].filter((role) => role !== '');
  return [
    { action, resource: '*' },
    ...roles.map((resource) => ({
      ...{ action: 'iam:PassRole', resource },
      context: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' },
    })),
    ...(objects(tags).length > 0
      ? [
          {
            ...{ action: 'ecs:TagResource', resource: arn(`task-definition/${text(family)}:*`) },
            context: { 'ecs:CreateAction': 'RegisterTaskDefinition' },
          },
        ]
      : []),
  ];
};

const dbSnapshot = (value: unknown, arn: Arn): string => arnOr(value, (name) => arn(`snapshot:${name}`));

/** "DescribeDBSnapshots" is authorized on the snapshot, and on the instance when it is asked for by that. */
const describeSnapshots: Rule = ({ DBSnapshotIdentifier, DBInstanceIdentifier }, arn, action) => [
  { action, resource: dbSnapshot(DBSnapshotIdentifier || '*', arn) },
  ...(DBInstanceIdentifier ? [{ action, resource: dbInstance(DBInstanceIdentifier, arn) }] : []),
];

/** Both the snapshot, which may be in another region, and its copy. */
const copySnapshot: Rule = (params, arn, action) => {
  const copy = dbSnapshot(params.TargetDBSnapshotIdentifier, arn);
  const source = text(params.SourceDBSnapshotIdentifier);
  return [
    { action, resource: source.startsWith('arn:') ? source : dbSnapshot(source, arn) },
    { action, resource: copy },
    ...(params['Tags.Tag.1.Key'] ? [{ action: 'rds:AddTagsToResource', resource: copy }] : []),
  ];
};

/** "StartExportTask", Amazon RDS API Reference: the snapshot, the role that is passed on, and the key, which RDS uses in the caller's name. */
const startExport: Rule = ({ SourceArn, IamRoleArn, KmsKeyId }, arn, action) => {
  const viaRds = { 'kms:ViaService': `rds.${arn('').split(':')[3]}.amazonaws.com` };
  return [
    { action, resource: text(SourceArn) },
    {
      ...{ action: 'iam:PassRole', resource: text(IamRoleArn) },
      context: { 'iam:PassedToService': 'export.rds.amazonaws.com' },
    },
    ...['kms:CreateGrant', 'kms:DescribeKey'].map((kms) => ({
      ...{ action: kms, resource: text(KmsKeyId), context: viaRds },
    })),
  ];
};

/** Both the instance and the snapshot; tags that it begins with ask for a permission of their own, on the snapshot. */
const createSnapshot: Rule = (params, arn, action) => {
  const snapshot = dbSnapshot(params.DBSnapshotIdentifier, arn);
  return [
    { action, resource: dbInstance(params.DBInstanceIdentifier, arn) },
    { action, resource: snapshot },
    ...(params['Tags.Tag.1.Key'] ? [{ action: 'rds:AddTagsToResource', resource: snapshot }] : []),
  ];
};

/**
 * "CreateDBInstanceReadReplica": both instances, and the groups that the replica inherits, whose names aren't in the call; tags that it begins with ask for a
 * permission of their own.
 */
const createReadReplica: Rule = (params, arn, action) => {
  const replica = dbInstance(params.DBInstanceIdentifier, arn);
  return [
    { action, resource: dbInstance(params.SourceDBInstanceIdentifier, arn) },
    { action, resource: replica },
    ...['og', 'pg', 'subgrp'].map((kind) => ({ action, resource: arn(`${kind}:of-the-source`) })),
    ...(params['Tags.Tag.1.Key'] ? [{ action: 'rds:AddTagsToResource', resource: replica }] : []),
  ];
};

/**
 * "Actions, resources, and condition keys for Amazon RDS": the new instance, the snapshot, and the groups that it gets; of those that aren't named the default ones, which are called
 * after the engine's version.
 */
const restoreFromSnapshot: Rule = (params, arn, action) => {
  const instance = dbInstance(params.DBInstanceIdentifier, arn);
  return [
    { action, resource: dbSnapshot(params.DBSnapshotIdentifier, arn) },
    ...intoInstance(params, instance, arn, action),
  ];
};

function intoInstance(
  params: Parameters<Rule>[0],
  instance: string,
  arn: Parameters<Rule>[1],
  action: string,
): ReturnType<Rule> {
  const group = text(params.DBSubnetGroupName);
  return [
    { action, resource: instance },
    { action, resource: arn(`og:${text(params.OptionGroupName) || 'default:postgres-18'}`) },
    { action, resource: arn(`pg:${text(params.DBParameterGroupName) || 'default.postgres18'}`) },
    ...(group ? [{ action, resource: arn(`subgrp:${group}`) }] : []),
    ...(params['Tags.Tag.1.Key'] ? [{ action: 'rds:AddTagsToResource', resource: instance }] : []),
  ];
}

/** Both instances, by the names that this request has for them; of the old one's automated backups nothing more is asked when it is named itself. */
const restoreToPointInTime: Rule = (params, arn, action) => {
  const instance = dbInstance(params.TargetDBInstanceIdentifier, arn);
  return [
    { action, resource: dbInstance(params.SourceDBInstanceIdentifier, arn) },
    ...intoInstance(params, instance, arn, action),
  ];
};

/** Route 53's resources belong to no region, and their ARNs name no account. */
const hostedZone = on(({ Id }) => `arn:aws:route53:::hostedzone/${text(Id)}`);

/** "Using IAM policy conditions for fine-grained access control", Amazon Route 53 Developer Guide: names in lower case, without the dot at the end, with octal escapes. */
const changeRecords: Rule = (params, arn, action) => {
  const changes = objects(params.Changes);
  const each = (field: string) => [...new Set(changes.map((change) => text(change[field])))];
  const normalized = (name: string) =>
    name
      .toLowerCase()
      .replace(/\.$/, '')
      .replace(/[^a-z0-9_.\\-]/g, (found) => `\\${found.charCodeAt(0).toString(8).padStart(3, '0')}`);
  const context = {
    'route53:ChangeResourceRecordSetsNormalizedRecordNames': each('Name').map(normalized),
    'route53:ChangeResourceRecordSetsRecordTypes': each('Type'),
    'route53:ChangeResourceRecordSetsActions': each('Action'),
  };
  return hostedZone(params, arn, action).map((need) => ({ ...need, context }));
};

const onCertificate = on(({ CertificateArn }) => text(CertificateArn));

const onSecret = on(({ SecretId }, arn) => arnOr(SecretId, (name) => arn(`secret:${name}`)));

/** A version may stand behind a colon ("GetParameter", Name); it is no part of the resource. */
const onParameter = on(({ Name }, arn) =>
  arnOr(Name, (name) => arn(`parameter/${name.replace(/^\//, '').replace(/:\d+$/, '')}`)),
);

/** "PutObject", Amazon S3 API Reference: who gives a retention with the object needs s3:PutObjectRetention, too. */
const putObject: Rule = ({ Bucket, Key, ObjectLockMode }, _arn, action) => {
  const resource = `arn:aws:s3:::${text(Bucket)}/${text(Key)}`;
  return [{ action, resource }, ...(ObjectLockMode ? [{ action: 's3:PutObjectRetention', resource }] : [])];
};

const RULES: Readonly<Record<string, Rule>> = {
  'dynamodb:BatchGetItem': onTables,
  'dynamodb:BatchWriteItem': onTables,
  'dynamodb:TransactWriteItems': transaction,
  'dynamodb:TransactGetItems': transaction,
  'dynamodb:GetItem': onTable,
  'dynamodb:PutItem': onTable,
  'dynamodb:UpdateItem': onTable,
  'dynamodb:DeleteItem': onTable,
  'dynamodb:DescribeTable': onTable,
  'dynamodb:Query': onTableAndIndex,
  'dynamodb:Scan': onTableAndIndex,
  'ecs:DescribeServices': (params, arn, action) =>
    texts(params.services).map((name) => ({ action, resource: ecsService(params, name, arn) })),
  'ecs:ListClusters': onAny,
  // Its only condition is the cluster's (`ecs:cluster`); it has no resource types.
  'ecs:ListServices': onAny,
  'ecs:ListServiceDeployments': on((params, arn) => ecsService(params, text(params.service), arn)),
  'ecs:DescribeServiceRevisions': (params, _arn, action) =>
    texts(params.serviceRevisionArns).map((resource) => ({ action, resource })),
  'ecs:DescribeTaskDefinition': onAny,
  'ecs:ListTaskDefinitions': onAny,
  'ecs:ListTasks': onAny,
  'ecs:RegisterTaskDefinition': registerTaskDefinition,
  'ecs:DescribeTasks': (params, arn, action) =>
    texts(params.tasks).map((task) => ({
      action,
      resource: arnOr(task, (id) => arn(`task/${text(params.cluster).split('/').at(-1) || 'default'}/${id}`)),
    })),
  'ecs:StopTask': on((params, arn) =>
    arnOr(params.task, (id) => arn(`task/${text(params.cluster).split('/').at(-1) || 'default'}/${id}`)),
  ),
  'ecs:TagResource': on(({ resourceArn }) => text(resourceArn)),
  'ecs:UpdateService': on((params, arn) => ecsService(params, text(params.service), arn)),
  'rds:DescribeDBInstances': on(({ DBInstanceIdentifier }, arn) => dbInstance(DBInstanceIdentifier || '*', arn)),
  'rds:ModifyDBInstance': on(({ DBInstanceIdentifier }, arn) => dbInstance(DBInstanceIdentifier, arn)),
  'rds:PromoteReadReplica': on(({ DBInstanceIdentifier }, arn) => dbInstance(DBInstanceIdentifier, arn)),
  'rds:CreateDBInstanceReadReplica': createReadReplica,
  'rds:DeleteDBInstance': on(({ DBInstanceIdentifier }, arn) => dbInstance(DBInstanceIdentifier, arn)),
  'rds:RebootDBInstance': on(({ DBInstanceIdentifier }, arn) => dbInstance(DBInstanceIdentifier, arn)),
  'rds:DescribeEvents': onAny,
  'rds:DescribeAccountAttributes': onAny,
  'rds:DescribeDBSnapshots': describeSnapshots,
  'rds:CreateDBSnapshot': createSnapshot,
  'rds:CopyDBSnapshot': copySnapshot,
  'rds:StartExportTask': startExport,
  'rds:DescribeExportTasks': onAny,
  'rds:DeleteDBSnapshot': on(({ DBSnapshotIdentifier }, arn) => dbSnapshot(DBSnapshotIdentifier, arn)),
  'rds:RestoreDBInstanceFromDBSnapshot': restoreFromSnapshot,
  'rds:RestoreDBInstanceToPointInTime': restoreToPointInTime,
  // Both kinds of resource that the reference lists; RDS makes the backup's name (`ab-...`).
  'rds:DescribeDBInstanceAutomatedBackups': ({ DBInstanceIdentifier }, arn, action) =>
    [dbInstance(DBInstanceIdentifier, arn), arn('auto-backup:ab-of-the-instance')].map((resource) => ({
      action,
      resource,
    })),
  'cloudtrail:LookupEvents': onAny,
  'route53:ListHostedZones': onAny,
  'route53:ListResourceRecordSets': hostedZone,
  'route53:ChangeResourceRecordSets': changeRecords,
  'route53:GetHealthCheckStatus': on(({ HealthCheckId }) => `arn:aws:route53:::healthcheck/${text(HealthCheckId)}`),
  'acm:DescribeCertificate': onCertificate,
  'acm:GetCertificate': onCertificate,
  'acm:ListCertificates': onAny,
  'acm:ImportCertificate': onCertificate,
  'acm:ResendValidationEmail': onCertificate,
  'application-autoscaling:DescribeScalableTargets': onAny,
  'application-autoscaling:DescribeScalingPolicies': onAny,
  'application-autoscaling:PutScalingPolicy': onScalableTarget,
  'application-autoscaling:RegisterScalableTarget': onScalableTarget,
  'cloudwatch:DescribeAlarms': describeAlarms,
  'cloudwatch:GetMetricData': onAny,
  'cloudwatch:PutMetricAlarm': on(({ AlarmName }, arn) => arn(`alarm:${text(AlarmName)}`)),
  'cloudwatch:PutMetricData': onAny,
  'cloudwatch:ListTagsForResource': on(({ ResourceARN }) => text(ResourceARN)),
  'lambda:Invoke': invoke,
  's3:GetObject': on(({ Bucket, Key }) => `arn:aws:s3:::${text(Bucket)}/${text(Key)}`),
  's3:PutObject': putObject,
  's3:ListObjectsV2': ({ Bucket }) => [{ action: 's3:ListBucket', resource: `arn:aws:s3:::${text(Bucket)}` }],
  'lambda:ListEventSourceMappings': onAny,
  'sns:Publish': on(({ TopicArn, TargetArn }) => text(TopicArn ?? TargetArn)),
  'sqs:GetQueueAttributes': queue,
  'sqs:SendMessage': queue,
  'ses:POST /v2/email/outbound-emails': sendEmail,
  'events:PutEvents': eventBuses,
  'events:ListRules': onAny,
  'events:ListTargetsByRule': on(({ Rule }, arn) => arn(`rule/${text(Rule)}`)),
  'states:DescribeStateMachine': on(({ stateMachineArn }) => text(stateMachineArn)),
  'states:ListStateMachines': onAny,
  'states:StartExecution': on(({ stateMachineArn }) => text(stateMachineArn)),
  'states:DescribeExecution': on(({ executionArn }) => text(executionArn)),
  'states:SendTaskSuccess': onMachineOfToken,
  'secretsmanager:ListSecrets': onAny,
  'secretsmanager:ListSecretVersionIds': onSecret,
  'secretsmanager:DescribeSecret': onSecret,
  'secretsmanager:GetSecretValue': onSecret,
  'secretsmanager:PutSecretValue': onSecret,
  'secretsmanager:UpdateSecretVersionStage': onSecret,
  'ssm:DescribeParameters': onAny,
  'ssm:GetParameter': onParameter,
  'ssm:PutParameter': onParameter,
};

/** What is asked of IAM for a call, each thing once. `known` is false for an operation that has no rule here. */
export function needsOf(call: Asked, account: string): { readonly needs: readonly Need[]; readonly known: boolean } {
  const prefix = PREFIX[call.service] ?? call.service;
  const action = `${prefix}:${call.operation}`;
  const arn: Arn = (resource, service = prefix) => `arn:aws:${service}:${call.region}:${account}:${resource}`;
  const rule = RULES[action];
  const needs = rule ? rule(call.params, arn, action) : [{ action, resource: '*' }];
  // Rules put what differs in its context together.
  const once = new Map(needs.map((need) => [`${need.action} ${need.resource}`, need]));
  return { needs: [...once.values()], known: rule !== undefined };
}
