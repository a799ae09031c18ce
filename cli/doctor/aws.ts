/** What doctor asks AWS: reading calls only. */
import {
  ApplicationAutoScalingClient,
  paginateDescribeScalingPolicies,
} from '@aws-sdk/client-application-auto-scaling';
import {
  CloudWatchClient,
  DescribeAlarmsCommand,
  GetMetricStatisticsCommand,
  ListTagsForResourceCommand,
  type MetricAlarm,
  paginateDescribeAlarms,
} from '@aws-sdk/client-cloudwatch';
import {
  GetAccountSettingsCommand,
  GetFunctionConcurrencyCommand,
  GetFunctionConfigurationCommand,
  InvokeCommand,
  LambdaClient,
  ListEventSourceMappingsCommand,
  ResourceNotFoundException,
} from '@aws-sdk/client-lambda';
import { type DBInstance, DBInstanceNotFoundFault, DescribeDBInstancesCommand, RDSClient } from '@aws-sdk/client-rds';
import {
  DescribeSecretCommand,
  ResourceNotFoundException as SecretNotFoundException,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { DescribeStateMachineCommand, SFNClient, StateMachineDoesNotExist } from '@aws-sdk/client-sfn';
import { paginateListSubscriptionsByTopic, SNSClient, type Subscription } from '@aws-sdk/client-sns';
import { DescribeParametersCommand, SSMClient } from '@aws-sdk/client-ssm';
import * as z from 'zod';
import type { Command } from '../../events/command.ts';
import { DESIRED_COUNT, readScalableTarget, resourceId } from '../../functions/ecs/scalable.ts';
import { clientDefaults } from '../../functions/engine/clients.ts';
import type { ServiceConfig } from '../../functions/engine/config.ts';
import { assetFile } from '../deployment.ts';
import type { Place } from '../place.ts';
import type { TaggedAlarm, WithoutMetric } from './alarms.ts';
import type { Scaling } from './scalers.ts';

export interface Aws {
  /** Every metric alarm of a region for which `concerned` says yes, with its tags. */
  alarms(concerned: (alarm: MetricAlarm) => boolean, region: string): Promise<TaggedAlarm[]>;
  /** Composite alarms of the region with their tags. */
  alarmsWithoutMetric(): Promise<WithoutMetric[]>;
  /** What Application Auto Scaling has of a service. */
  scaling(service: ServiceConfig): Promise<Scaling>;
  /** `undefined` when there is no such instance. */
  instance(name: string): Promise<DBInstance | undefined>;
  /** Of a topic in whatever region its ARN names. */
  subscriptions(topicArn: string): Promise<Subscription[]>;
  /** Alarms of that name, as far as they exist. */
  ownAlarms(region: string, names: readonly string[]): Promise<MetricAlarm[]>;
  /** Messages sent to a queue since then, as SQS counted them. */
  messagesSent(region: string, queueName: string, since: Date): Promise<number>;
  /** States of the event source mappings of a function. */
  mappingStates(functionName: string): Promise<string[]>;
  /** Sum of a function's metric since `since`. */
  sumOf(functionName: string, metric: 'Invocations' | 'Errors', since: Date): Promise<number>;
  /** Environment variables of a function; none when there is no such function. */
  environment(functionName: string): Promise<Readonly<Record<string, string>>>;
  /** A JSON file in the code of a function; undefined when there is no such function. */
  assetFile(functionName: string, file: string): Promise<unknown>;
  /** Of a Secrets Manager secret or an SSM parameter. */
  secret(arn: string): Promise<'there' | 'missing' | 'being-deleted'>;
  /** Concurrent executions of the account in this region, and those that no function keeps for itself. */
  concurrency(): Promise<{ readonly limit: number; readonly unreserved: number }>;
  /** Executions that a function keeps for itself; undefined when it keeps none, or isn't there. */
  reservedConcurrency(functionName: string): Promise<number | undefined>;
  /**
   * Has a function look at a target with its own role, network and login (events/command.ts, `look`).
   * @returns why it couldn't; undefined when it could.
   */
  lookBy(functionName: string, target: string): Promise<string | undefined>;
  /** Undefined when there is no such state machine. */
  machineStatus(arn: string): Promise<string | undefined>;
  destroy(): void;
}

/** A function answers within its own timeout, a minute at most; asking again wouldn't make it quicker. */
const LONG_ANSWERS = {
  maxAttempts: 1,
  requestHandler: { connectionTimeout: 1_000, requestTimeout: 70_000, throwOnRequestTimeout: true },
} as const;

const answered = z.union([
  z.looseObject({ kind: z.string(), detail: z.optional(z.string()) }),
  z.looseObject({ errorType: z.optional(z.string()), errorMessage: z.optional(z.string()) }),
]);

/** Pure: what a function's answer to `look` says. "Lambda function errors": `FunctionError` is set, and the payload has type and message. */
export function whyNotLooked(functionError: string | undefined, payload: string): string | undefined {
  const answer = answered.parse(JSON.parse(payload));
  if (functionError === undefined && 'kind' in answer && answer.kind === 'noted') return undefined;
  if ('kind' in answer) return `${answer.kind}: ${answer.detail ?? 'no reason was given'}`;
  return `${answer.errorType ?? functionError ?? 'error'}: ${answer.errorMessage ?? 'no reason was given'}`;
}

export function awsOf(place: Place): Aws {
  const settings = { ...clientDefaults(), ...place.clientSettings };
  const cloudwatch = new CloudWatchClient(settings);
  const autoScaling = new ApplicationAutoScalingClient(settings);
  const rds = new RDSClient(settings);
  const sns = new Map<string, SNSClient>();
  const lambda = new LambdaClient(settings);
  const waiting = new LambdaClient({ ...settings, ...LONG_ANSWERS });
  const secrets = new SecretsManagerClient(settings);
  const ssm = new SSMClient(settings);
  const sfn = new SFNClient(settings);
  const watches = new Map<string, CloudWatchClient>();
  const inRegion = <C>(clients: Map<string, C>, region: string, make: () => C): C => {
    const client = clients.get(region) ?? make();
    clients.set(region, client);
    return client;
  };
  const watchIn = (region: string) => inRegion(watches, region, () => new CloudWatchClient({ ...settings, region }));
  const tagsOf = async (ResourceARN: string | undefined, client = cloudwatch) => {
    const { Tags = [] } = await client.send(new ListTagsForResourceCommand({ ResourceARN }));
    return Object.fromEntries(Tags.map(({ Key = '', Value = '' }) => [Key, Value]));
  };
  return {
    alarmsWithoutMetric: async () => {
      const found: WithoutMetric[] = [];
      const types = { AlarmTypes: ['CompositeAlarm' as const, 'LogAlarm' as const] };
      for await (const page of paginateDescribeAlarms({ client: cloudwatch }, types)) {
        for (const { AlarmName: name = '', AlarmArn } of page.CompositeAlarms ?? [])
          found.push({ kind: 'composite', name, tags: await tagsOf(AlarmArn) });
        for (const { AlarmName: name = '', AlarmArn } of page.LogAlarms ?? [])
          found.push({ kind: 'log', name, tags: await tagsOf(AlarmArn) });
      }
      return found;
    },
    alarms: async (concerned, region) => {
      const found: TaggedAlarm[] = [];
      const client = watchIn(region);
      for await (const page of paginateDescribeAlarms({ client }, { AlarmTypes: ['MetricAlarm'] }))
        for (const alarm of (page.MetricAlarms ?? []).filter(concerned))
          found.push({ alarm, tags: await tagsOf(alarm.AlarmArn, client) });
      return found;
    },
    scaling: async (service) => {
      const limits = await readScalableTarget(autoScaling, service);
      const policies: Scaling['policies'][number][] = [];
      const of = { ServiceNamespace: DESIRED_COUNT.ServiceNamespace, ResourceId: resourceId(service) };
      for await (const page of paginateDescribeScalingPolicies({ client: autoScaling }, of))
        policies.push(...(page.ScalingPolicies ?? []));
      return { limits, policies };
    },
    instance: async (name) => {
      try {
        return (await rds.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: name }))).DBInstances?.[0];
      } catch (error) {
        if (error instanceof DBInstanceNotFoundFault) return undefined;
        throw error;
      }
    },
    subscriptions: async (TopicArn) => {
      const [, , , region = ''] = TopicArn.split(':');
      const client = inRegion(sns, region, () => new SNSClient({ ...settings, region }));
      const found: Subscription[] = [];
      for await (const page of paginateListSubscriptionsByTopic({ client }, { TopicArn }))
        found.push(...(page.Subscriptions ?? []));
      return found;
    },
    sumOf: async (functionName, MetricName, since) => {
      const reply = await cloudwatch.send(
        new GetMetricStatisticsCommand({
          Namespace: 'AWS/Lambda',
          MetricName,
          Dimensions: [{ Name: 'FunctionName', Value: functionName }],
          StartTime: since,
          EndTime: new Date(),
          Period: 60,
          Statistics: ['Sum'],
        }),
      );
      return (reply.Datapoints ?? []).reduce((sum, { Sum = 0 }) => sum + Sum, 0);
    },
    ownAlarms: async (region, names) => {
      const { MetricAlarms = [] } = await watchIn(region).send(new DescribeAlarmsCommand({ AlarmNames: [...names] }));
      return MetricAlarms;
    },
    messagesSent: async (region, queueName, since) => {
      const reply = await watchIn(region).send(
        new GetMetricStatisticsCommand({
          Namespace: 'AWS/SQS',
          MetricName: 'NumberOfMessagesSent',
          Dimensions: [{ Name: 'QueueName', Value: queueName }],
          StartTime: since,
          EndTime: new Date(),
          Period: 60,
          Statistics: ['Sum'],
        }),
      );
      return (reply.Datapoints ?? []).reduce((sum, { Sum = 0 }) => sum + Sum, 0);
    },
    mappingStates: async (FunctionName) => {
      const { EventSourceMappings = [] } = await lambda.send(new ListEventSourceMappingsCommand({ FunctionName }));
      return EventSourceMappings.map(({ State = 'without a state' }) => State);
    },
    environment: async (FunctionName) => {
      try {
        const { Environment } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
        return Environment?.Variables ?? {};
      } catch (error) {
        if (error instanceof ResourceNotFoundException) return {};
        throw error;
      }
    },
    assetFile: (functionName, file) => assetFile(place, functionName, file),
    secret: (arn) => (arn.split(':')[2] === 'ssm' ? parameterState(ssm, arn) : secretState(secrets, arn)),
    concurrency: async () => {
      const { AccountLimit } = await lambda.send(new GetAccountSettingsCommand({}));
      const { ConcurrentExecutions: limit = 0, UnreservedConcurrentExecutions: unreserved = 0 } = AccountLimit ?? {};
      return { limit, unreserved };
    },
    reservedConcurrency: async (FunctionName) => {
      try {
        const reply = await lambda.send(new GetFunctionConcurrencyCommand({ FunctionName }));
        return reply.ReservedConcurrentExecutions;
      } catch (error) {
        if (error instanceof ResourceNotFoundException) return undefined;
        throw error;
      }
    },
    lookBy: async (FunctionName, target) => {
      const order: Command = { nightshift: 1, command: 'look', target };
      const reply = await waiting.send(new InvokeCommand({ FunctionName, Payload: JSON.stringify(order) }));
      return whyNotLooked(reply.FunctionError, new TextDecoder().decode(reply.Payload));
    },
    machineStatus: async (stateMachineArn) => {
      try {
        return (await sfn.send(new DescribeStateMachineCommand({ stateMachineArn }))).status;
      } catch (error) {
        if (error instanceof StateMachineDoesNotExist) return undefined;
        throw error;
      }
    },
    destroy: () => {
      const ours = [cloudwatch, autoScaling, rds, lambda, waiting, secrets, ssm, sfn];
      for (const client of [...ours, ...sns.values(), ...watches.values()]) client.destroy();
    },
  };
}

/** "DescribeSecret", AWS Secrets Manager API Reference: DeletedDate is set while its deletion is scheduled. It tells no value. */
async function secretState(client: SecretsManagerClient, SecretId: string) {
  try {
    const { DeletedDate } = await client.send(new DescribeSecretCommand({ SecretId }));
    return DeletedDate ? 'being-deleted' : 'there';
  } catch (error) {
    if (error instanceof SecretNotFoundException) return 'missing';
    throw error;
  }
}

/** "DescribeParameters", AWS Systems Manager API Reference: metadata only. A parameter's name may begin with the slash that its ARN has anyhow. */
async function parameterState(client: SSMClient, arn: string) {
  const path = arn.slice(arn.indexOf(':parameter/') + ':parameter'.length);
  const Values = [path, path.slice(1)];
  const { Parameters = [] } = await client.send(
    new DescribeParametersCommand({ ParameterFilters: [{ Key: 'Name', Option: 'Equals', Values }] }),
  );
  return Parameters.length > 0 ? 'there' : 'missing';
}
