/**
 * Permissions that AWS's own services use in a role's name, without a call that our code makes: nobody could see them used. Each holds only
 * where the template shows the need, so that an entry excuses no other resource. Looked up 2026-11-20.
 */
import { type Place, type PolicyTemplate, resolver } from '../../local/iam/resolve.ts';
import type { Role } from '../../local/iam/roles.ts';

/** A template's resources with their references resolved, as far as the table looks at them. */
export interface Deployed {
  readonly functions: readonly { readonly name: string; readonly logGroup: string; readonly hasVpc: boolean }[];
  /** Destinations for what a function's asynchronous invocations or event source mappings gave up on. */
  readonly destinations: readonly { readonly functionName: string; readonly arn: string }[];
  /** State machines that write a log. */
  readonly logging: readonly string[];
  readonly streams: readonly { readonly functionName: string; readonly arn: string }[];
  readonly schedules: readonly {
    readonly roleId: string;
    readonly targetArn: string;
    readonly deadLetterArn: string;
    readonly alarmName: string;
  }[];
}

export interface Invisible {
  readonly actions: readonly string[];
  readonly because: string;
  /** Title of the AWS page that says so. */
  readonly page: string;
  neededBy(role: Role, resource: string, deployed: Deployed): boolean;
}

const ofRole = (role: Role) => (each: { readonly functionName: string }) => role.functions.includes(each.functionName);

export const INVISIBLE: readonly Invisible[] = [
  {
    actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
    because: 'Lambda writes what a function prints into its log group with the function’s role.',
    page: 'Sending Lambda function logs to CloudWatch Logs',
    neededBy: (role, resource, { functions }) =>
      functions.some(({ name, logGroup }) => role.functions.includes(name) && resource.includes(`:${logGroup}:`)),
  },
  {
    actions: ['sqs:SendMessage'],
    because: 'Lambda sends the record of a failed asynchronous invocation or stream batch with the function’s role.',
    page: 'Capturing records of Lambda asynchronous invocations',
    neededBy: (role, resource, { destinations }) =>
      destinations.some((each) => ofRole(role)(each) && each.arn === resource),
  },
  {
    actions: [
      'ec2:AssignPrivateIpAddresses',
      'ec2:CreateNetworkInterface',
      'ec2:DeleteNetworkInterface',
      'ec2:DescribeNetworkInterfaces',
      'ec2:DescribeSubnets',
      'ec2:UnassignPrivateIpAddresses',
    ],
    because: 'Lambda makes and removes the network interfaces of a function in a VPC with the function’s role.',
    page: 'Giving Lambda functions access to resources in an Amazon VPC',
    neededBy: (role, resource, { functions }) =>
      resource === '*' && functions.some(({ name, hasVpc }) => hasVpc && role.functions.includes(name)),
  },
  {
    actions: ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'],
    because: 'Lambda reads the stream of an event source mapping with the function’s role.',
    page: 'Process DynamoDB records with Lambda',
    neededBy: (role, resource, { streams }) => streams.some((each) => ofRole(role)(each) && each.arn === resource),
  },
  {
    actions: ['dynamodb:ListStreams'],
    because: 'Lambda looks for the streams of a table with the function’s role.',
    page: 'AWS SAM policy templates, DynamoDBStreamReadPolicy',
    neededBy: (role, resource, { streams }) =>
      streams.some((each) => ofRole(role)(each) && resource === each.arn.replace(/\/stream\/.*$/, '/stream/*')),
  },
  {
    actions: ['lambda:InvokeFunction'],
    because: 'EventBridge Scheduler invokes a schedule’s target with the schedule’s role.',
    page: 'Setting up Amazon EventBridge Scheduler, Set up the execution role',
    neededBy: (role, resource, { schedules }) =>
      schedules.some(({ roleId, targetArn }) => roleId === role.logicalId && targetArn === resource),
  },
  {
    actions: ['kms:Decrypt'],
    because: 'S3 decrypts an object that is encrypted with a key of the customer’s in the reader’s name.',
    page: 'Using server-side encryption with AWS KMS keys (SSE-KMS), Permissions',
    // The key that it has RDS encrypt exports with.
    neededBy: ({ statements }, resource) =>
      statements.some(({ actions }) => actions.includes('rds:StartExportTask')) &&
      statements.some(({ actions, resources }) => actions.includes('kms:CreateGrant') && resources.includes(resource)),
  },
  {
    actions: ['states:StartExecution'],
    because: 'EventBridge Scheduler starts an execution of a schedule’s target with the schedule’s role.',
    page: 'Using templated targets in EventBridge Scheduler',
    neededBy: (role, resource, { schedules }) =>
      schedules.some(({ roleId, targetArn }) => roleId === role.logicalId && targetArn === resource),
  },
  {
    actions: [
      ...['logs:CreateLogDelivery', 'logs:GetLogDelivery', 'logs:UpdateLogDelivery', 'logs:DeleteLogDelivery'],
      ...['logs:ListLogDeliveries', 'logs:PutResourcePolicy', 'logs:DescribeResourcePolicies'],
      'logs:DescribeLogGroups',
    ],
    because: 'Step Functions sets the delivery of a state machine’s log up with the machine’s role.',
    page: 'Using CloudWatch Logs to log execution history in Step Functions',
    neededBy: (role, resource, { logging }) =>
      resource === '*' && logging.some((name) => role.functions.includes(`stateMachine:${name}`)),
  },
  {
    actions: ['cloudwatch:SetAlarmState'],
    because: 'EventBridge Scheduler calls the API of a universal target with the schedule’s role.',
    page: 'Using universal targets in EventBridge Scheduler',
    neededBy: (role, resource, { schedules }) =>
      schedules.some(
        ({ roleId, targetArn, alarmName }) =>
          roleId === role.logicalId &&
          targetArn.endsWith(':aws-sdk:cloudwatch:setAlarmState') &&
          resource.endsWith(`:alarm:${alarmName}`),
      ),
  },
  {
    actions: ['sqs:SendMessage'],
    because: 'EventBridge Scheduler sends what it could not deliver to the dead-letter queue with the schedule’s role.',
    page: 'Configuring a dead-letter queue for EventBridge Scheduler',
    neededBy: (role, resource, { schedules }) =>
      schedules.some(({ roleId, deadLetterArn }) => roleId === role.logicalId && deadLetterArn === resource),
  },
];

type Loose = { readonly [key: string]: Loose | undefined };
const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/** Reads what the table looks at. @throws UnresolvedError. */
export function readDeployed(template: PolicyTemplate, place: Place): Deployed {
  const resolve = resolver(template, place);
  const ofType = (type: string) => Object.values(template.Resources).filter(({ Type }) => Type === type);
  const property = (resource: { Properties?: unknown }, ...path: string[]): unknown => {
    let found = resource.Properties as Loose | undefined;
    for (const step of path) found = found?.[step];
    return found === undefined ? '' : resolve(found);
  };
  const mappings = ofType('AWS::Lambda::EventSourceMapping');
  const onFailure = [...ofType('AWS::Lambda::EventInvokeConfig'), ...mappings];
  return {
    functions: ofType('AWS::Lambda::Function').map((each) => ({
      name: text(property(each, 'FunctionName')),
      logGroup: text(property(each, 'LoggingConfig', 'LogGroup')),
      hasVpc: each.Properties?.VpcConfig !== undefined,
    })),
    destinations: onFailure.map((each) => ({
      functionName: text(property(each, 'FunctionName')),
      arn: text(property(each, 'DestinationConfig', 'OnFailure', 'Destination')),
    })),
    logging: ofType('AWS::StepFunctions::StateMachine')
      .filter((each) => each.Properties?.LoggingConfiguration !== undefined)
      .map((each) => text(property(each, 'StateMachineName'))),
    streams: mappings.map((each) => ({
      functionName: text(property(each, 'FunctionName')),
      arn: text(property(each, 'EventSourceArn')),
    })),
    schedules: ofType('AWS::Scheduler::Schedule').map((each) => ({
      roleId: roleIdOf(each.Properties?.Target as Loose | undefined),
      targetArn: text(property(each, 'Target', 'Arn')),
      deadLetterArn: text(property(each, 'Target', 'DeadLetterConfig', 'Arn')),
      alarmName: alarmNameIn(text(property(each, 'Target', 'Input'))),
    })),
  };
}

/** Of the input of a universal target that sets an alarm's state. */
function alarmNameIn(input: string): string {
  const { AlarmName } = JSON.parse(input || '{}') as { AlarmName?: unknown };
  return text(AlarmName);
}

/** The role is told by its logical id, because its name is given by CloudFormation. */
function roleIdOf(target: Loose | undefined): string {
  const attribute: unknown = target?.RoleArn?.['Fn::GetAtt'];
  return Array.isArray(attribute) ? String(attribute[0]) : '';
}
