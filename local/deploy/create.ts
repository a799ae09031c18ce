/**
 * Makes what the transformation took out, with the AWS SDK from the resource's own template properties. CloudFormation's property names
 * are the API's own for these types; the few that differ are named below. A property that isn't known stops the deployment.
 */
import {
  CloudWatchClient,
  PutDashboardCommand,
  type PutDashboardCommandInput,
  PutMetricAlarmCommand,
  type PutMetricAlarmCommandInput,
} from '@aws-sdk/client-cloudwatch';
import {
  CreateEventSourceMappingCommand,
  type CreateEventSourceMappingCommandInput,
  LambdaClient,
  PutFunctionEventInvokeConfigCommand,
  type PutFunctionEventInvokeConfigCommandInput,
} from '@aws-sdk/client-lambda';
import { CreateScheduleCommand, type CreateScheduleCommandInput, SchedulerClient } from '@aws-sdk/client-scheduler';
import { CreateStateMachineCommand, SFNClient } from '@aws-sdk/client-sfn';
import { STATE_MACHINE_PROPERTIES, type StateMachineProperties, toCreateInput } from './state-machine.ts';
import { type DeferredResource, resolveOutputs, TransformError } from './transform.ts';

export interface CreateOptions {
  readonly endpointUrl: string;
  readonly region: string;
  /** Outputs of the deployed stack. */
  readonly outputs: Readonly<Record<string, string>>;
}

/** Makes the resources, each type after the ones before it: alarms last, so that what they start is complete, and then what shows them. */
export async function createDeferred(resources: readonly DeferredResource[], options: CreateOptions): Promise<void> {
  const unknown = resources.filter(({ type }) => !MADE_TYPES.some((made) => made === type));
  if (unknown.length > 0)
    throw new TransformError(`no way is known here to make ${unknown.map(({ type }) => type).join(', ')}`);
  const client = {
    endpoint: options.endpointUrl,
    region: options.region,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  };
  const clients = {
    lambda: new LambdaClient(client),
    scheduler: new SchedulerClient(client),
    cloudwatch: new CloudWatchClient(client),
    stepFunctions: new SFNClient(client),
  };
  try {
    const known = creators(clients);
    for (const type of MADE_TYPES) {
      const { create, properties } = known[type];
      const ofType = resources.filter((resource) => resource.type === type);
      await Promise.all(ofType.map((resource) => createOne(resource, properties, create, options.outputs)));
    }
  } finally {
    for (const each of Object.values(clients)) each.destroy();
  }
}

async function createOne(
  { logicalId, type, properties }: DeferredResource,
  known: readonly string[],
  create: (properties: never) => Promise<unknown>,
  outputs: Readonly<Record<string, string>>,
): Promise<void> {
  const unknown = Object.keys(properties).filter((property) => !known.includes(property));
  if (unknown.length > 0)
    throw new TransformError(
      `${logicalId} (${type}): ${unknown.join(', ')} would be lost; known are ${known.join(', ')}`,
    );
  try {
    // The properties are those of the API's input: CloudFormation and the API share one model for these types.
    await create(resolveOutputs(properties, outputs) as never);
  } catch (cause) {
    const message = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
    throw new Error(`${logicalId} (${type}) couldn't be made: ${message}`, { cause });
  }
}

interface Clients {
  readonly lambda: LambdaClient;
  readonly scheduler: SchedulerClient;
  readonly cloudwatch: CloudWatchClient;
  readonly stepFunctions: SFNClient;
}

/** In the order in which they are made. */
const MADE_TYPES = [
  'AWS::StepFunctions::StateMachine',
  'AWS::Lambda::EventInvokeConfig',
  'AWS::Lambda::EventSourceMapping',
  'AWS::Scheduler::Schedule',
  'AWS::CloudWatch::Alarm',
  'AWS::CloudWatch::Dashboard',
] as const;

/** By type: the properties that the call carries, and the call. */
const creators = ({ lambda, scheduler, cloudwatch, stepFunctions }: Clients) => ({
  'AWS::StepFunctions::StateMachine': {
    properties: STATE_MACHINE_PROPERTIES,
    create: (properties: StateMachineProperties) =>
      stepFunctions.send(new CreateStateMachineCommand(toCreateInput(properties))),
  },
  'AWS::Lambda::EventInvokeConfig': {
    properties: ['FunctionName', 'Qualifier', 'MaximumRetryAttempts', 'MaximumEventAgeInSeconds', 'DestinationConfig'],
    create: (input: PutFunctionEventInvokeConfigCommandInput) =>
      lambda.send(new PutFunctionEventInvokeConfigCommand(input)),
  },
  'AWS::Lambda::EventSourceMapping': {
    properties: [
      ...['FunctionName', 'EventSourceArn', 'StartingPosition', 'BatchSize', 'FilterCriteria', 'FunctionResponseTypes'],
      ...['BisectBatchOnFunctionError', 'MaximumRetryAttempts', 'MaximumRecordAgeInSeconds', 'DestinationConfig'],
      ...['MaximumBatchingWindowInSeconds', 'ParallelizationFactor', 'Enabled'],
    ],
    create: (input: CreateEventSourceMappingCommandInput) => lambda.send(new CreateEventSourceMappingCommand(input)),
  },
  'AWS::Scheduler::Schedule': {
    properties: [
      ...['Name', 'GroupName', 'Description', 'ScheduleExpression', 'ScheduleExpressionTimezone', 'FlexibleTimeWindow'],
      ...['State', 'StartDate', 'EndDate', 'Target', 'KmsKeyArn'],
    ],
    create: (input: CreateScheduleCommandInput) => scheduler.send(new CreateScheduleCommand(input)),
  },
  'AWS::CloudWatch::Alarm': {
    properties: [
      ...['AlarmName', 'AlarmDescription', 'ActionsEnabled', 'AlarmActions', 'OKActions', 'InsufficientDataActions'],
      ...['Namespace', 'MetricName', 'Dimensions', 'Statistic', 'ExtendedStatistic', 'Period', 'Unit', 'Metrics'],
      ...['EvaluationPeriods', 'DatapointsToAlarm', 'Threshold', 'ComparisonOperator', 'TreatMissingData'],
      ...['EvaluateLowSampleCountPercentile', 'ThresholdMetricId', 'ActionConfiguration', 'Tags'],
    ],
    create: (input: PutMetricAlarmCommandInput) => cloudwatch.send(new PutMetricAlarmCommand(input)),
  },
  'AWS::CloudWatch::Dashboard': {
    properties: ['DashboardName', 'DashboardBody'],
    create: (input: PutDashboardCommandInput) => cloudwatch.send(new PutDashboardCommand(input)),
  },
});
