/** What doctor asks AWS: reading calls only. */
import {
  CloudWatchClient,
  DescribeAlarmsCommand,
  GetMetricStatisticsCommand,
  ListTagsForResourceCommand,
  type MetricAlarm,
  paginateDescribeAlarms,
} from '@aws-sdk/client-cloudwatch';
import { LambdaClient, ListEventSourceMappingsCommand } from '@aws-sdk/client-lambda';
import { type DBInstance, DBInstanceNotFoundFault, DescribeDBInstancesCommand, RDSClient } from '@aws-sdk/client-rds';
import { paginateListSubscriptionsByTopic, SNSClient, type Subscription } from '@aws-sdk/client-sns';
import { clientDefaults } from '../../functions/engine/clients.ts';
import type { Place } from '../place.ts';
import type { TaggedAlarm } from './alarms.ts';

export interface Aws {
  /** Every metric alarm of the region for which `concerned` says yes, with its tags. */
  alarms(concerned: (alarm: MetricAlarm) => boolean): Promise<TaggedAlarm[]>;
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
  destroy(): void;
}

export function awsOf({ clientSettings }: Pick<Place, 'clientSettings'>): Aws {
  const settings = { ...clientDefaults(), ...clientSettings };
  const cloudwatch = new CloudWatchClient(settings);
  const rds = new RDSClient(settings);
  const sns = new Map<string, SNSClient>();
  const lambda = new LambdaClient(settings);
  const watches = new Map<string, CloudWatchClient>();
  const inRegion = <C>(clients: Map<string, C>, region: string, make: () => C): C => {
    const client = clients.get(region) ?? make();
    clients.set(region, client);
    return client;
  };
  const watchIn = (region: string) => inRegion(watches, region, () => new CloudWatchClient({ ...settings, region }));
  return {
    alarms: async (concerned) => {
      const found: TaggedAlarm[] = [];
      for await (const page of paginateDescribeAlarms({ client: cloudwatch }, { AlarmTypes: ['MetricAlarm'] }))
        for (const alarm of (page.MetricAlarms ?? []).filter(concerned)) {
          const { Tags = [] } = await cloudwatch.send(new ListTagsForResourceCommand({ ResourceARN: alarm.AlarmArn }));
          found.push({ alarm, tags: Object.fromEntries(Tags.map(({ Key = '', Value = '' }) => [Key, Value])) });
        }
      return found;
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
    destroy: () => {
      for (const client of [cloudwatch, rds, lambda, ...sns.values(), ...watches.values()]) client.destroy();
    },
  };
}
