/** What doctor asks AWS: reading calls only. */
import {
  CloudWatchClient,
  GetMetricStatisticsCommand,
  ListTagsForResourceCommand,
  type MetricAlarm,
  paginateDescribeAlarms,
} from '@aws-sdk/client-cloudwatch';
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
  subscriptions(topicArn: string): Promise<Subscription[]>;
  /** Sum of a function's metric since `since`. */
  sumOf(functionName: string, metric: 'Invocations' | 'Errors', since: Date): Promise<number>;
  destroy(): void;
}

export function awsOf({ clientSettings }: Pick<Place, 'clientSettings'>): Aws {
  const settings = { ...clientDefaults(), ...clientSettings };
  const cloudwatch = new CloudWatchClient(settings);
  const rds = new RDSClient(settings);
  const sns = new SNSClient(settings);
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
      const found: Subscription[] = [];
      for await (const page of paginateListSubscriptionsByTopic({ client: sns }, { TopicArn }))
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
    destroy: () => {
      for (const client of [cloudwatch, rds, sns]) client.destroy();
    },
  };
}
