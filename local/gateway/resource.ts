/** A short identification of what a call was about, for people and for fault rules. */
import type { AwsCall } from '../world/types.ts';

/** Parameters that name something, most telling first. */
const NAMING = [
  'TableName',
  'TableArn',
  'StreamArn',
  'service',
  'services',
  'serviceName',
  'cluster',
  'taskDefinition',
  'DBInstanceIdentifier',
  'SourceDBInstanceIdentifier',
  'DBSnapshotIdentifier',
  'DBClusterIdentifier',
  'FunctionName',
  'ResourceId',
  'ResourceIds',
  'QueueUrl',
  'QueueName',
  'TopicArn',
  'TargetArn',
  'stateMachineArn',
  'executionArn',
  'AlarmName',
  'AlarmNames',
  'Namespace',
  'StackName',
  'Bucket',
  'Rule',
  'EventBusName',
  'HealthCheckId',
  'Id',
  'UUID',
  'SecretId',
  'Name',
  'name',
] as const;
const MAX_LENGTH = 200;
const MAX_NAMES = 5;

/** The last part of an ARN or URL: what people call the thing. */
const lastPart = (text: string): string =>
  text.replace(/^arn:[^:]*:[^:]*:[^:]*:[^:]*:/, '').replace(/^https?:\/\/[^/]+\/\d+\//, '');

const asNames = (value: unknown): string[] => {
  if (typeof value === 'string' && value !== '') return [lastPart(value)];
  if (Array.isArray(value)) return value.slice(0, MAX_NAMES).flatMap(asNames);
  return [];
};

/** Tables of a batch or a transaction. */
function tablesOf(params: Readonly<Record<string, unknown>>): string[] {
  if (Array.isArray(params.TransactItems)) {
    const names = params.TransactItems.flatMap((item: Record<string, { TableName?: string }>) =>
      Object.values(item).flatMap((action) => asNames(action?.TableName)),
    );
    return [...new Set(names)];
  }
  return params.RequestItems && typeof params.RequestItems === 'object' ? Object.keys(params.RequestItems) : [];
}

/** Names the call's target, such as `orders/web`; `''` when its parameters don't tell. */
export function resourceOf(call: Pick<AwsCall, 'service' | 'params'>): string {
  const { params } = call;
  if (call.service === 'dynamodb' && (params.TransactItems || params.RequestItems)) return tablesOf(params).join(',');
  if (call.service === 'ecs') {
    const names = [
      ...asNames(params.cluster),
      ...asNames(params.service ?? params.services ?? params.serviceName ?? params.task),
    ];
    if (names.length > 0) return names.join('/').slice(0, MAX_LENGTH);
  }
  if (call.service === 's3') return [params.Bucket, params.Key].filter(Boolean).join('/').slice(0, MAX_LENGTH);
  const key = NAMING.find((name) => params[name] !== undefined && params[name] !== '');
  if (key) return asNames(params[key]).join(',').slice(0, MAX_LENGTH);
  const member = Object.keys(params).find((name) => /(Name|Names|Identifier)\.(member\.)?1$/.test(name));
  return member ? asNames(params[member]).join(',') : '';
}
