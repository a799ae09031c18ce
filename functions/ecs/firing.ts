/**
 * Alarms that are firing because something is wrong with a service: with itself, with what sends it requests, or with the databases that it depends on.
 */
import {
  type CloudWatchClient,
  DescribeAlarmsCommand,
  type Metric,
  type MetricAlarm,
} from '@aws-sdk/client-cloudwatch';
import type { ServiceConfig } from '../engine/config.ts';
import { ActionFailedError, classifyAwsError } from '../engine/errors.ts';

/** "DescribeAlarms", Amazon CloudWatch API Reference: at most 100 in MaxRecords. */
const PAGE = 100;
const MOST_PAGES = 5;

export interface FiringAlarm {
  readonly arn: string;
  readonly name: string;
  /** It is of a database of the service's, not of the service itself: fewer or more tasks may have nothing to do with it. */
  readonly isOfDatabase: boolean;
}

type Watched = Pick<ServiceConfig, 'cluster' | 'service' | 'dependsOn' | 'balancedBy'>;

/**
 * Reads the metric alarms that are in state ALARM. Composite alarms name no metric; what they are made of does.
 * @throws EngineError when they can't be read, or are so many that not all can be: then nobody can say that nothing is wrong.
 */
export async function readFiring(cloudwatch: CloudWatchClient, target: Watched): Promise<readonly FiringAlarm[]> {
  const found: FiringAlarm[] = [];
  let NextToken: string | undefined;
  for (let page = 0; page < MOST_PAGES; page++) {
    const reply = await firingPage(cloudwatch, target, NextToken);
    for (const alarm of reply.MetricAlarms ?? [])
      if (isAbout(alarm, target) && !saysTooLittle(alarm))
        found.push({
          arn: alarm.AlarmArn ?? '',
          name: alarm.AlarmName ?? '',
          isOfDatabase: !isAbout(alarm, { ...target, dependsOn: [] }),
        });
    NextToken = reply.NextToken;
    if (!NextToken) return found;
  }
  throw new ActionFailedError(
    `more than ${PAGE * MOST_PAGES} alarms of this account are firing: not all of them were read`,
  );
}

async function firingPage(cloudwatch: CloudWatchClient, { cluster, service }: Watched, NextToken: string | undefined) {
  try {
    return await cloudwatch.send(
      new DescribeAlarmsCommand({
        StateValue: 'ALARM',
        AlarmTypes: ['MetricAlarm'],
        MaxRecords: PAGE,
        ...(NextToken && { NextToken }),
      }),
    );
  } catch (error) {
    throw classifyAwsError(`read which alarms of ${cluster}/${service} are firing`, error);
  }
}

/** Pure: whether it says that CPU or memory is used too little, which is nothing wrong: auto scaling has such alarms, and so has scaling in. */
export function saysTooLittle(alarm: MetricAlarm): boolean {
  const below =
    alarm.ComparisonOperator === 'LessThanThreshold' || alarm.ComparisonOperator === 'LessThanOrEqualToThreshold';
  return (
    below &&
    metricsOf(alarm).some(
      ({ Namespace, MetricName }) =>
        Namespace === 'AWS/ECS' && (MetricName === 'CPUUtilization' || MetricName === 'MemoryUtilization'),
    )
  );
}

const metricsOf = (alarm: MetricAlarm): readonly Metric[] => [
  alarm,
  ...(alarm.Metrics ?? []).flatMap(({ MetricStat }) => MetricStat?.Metric ?? []),
];

/** Pure: whether one of the alarm's metrics is of the service, its target group or a database of its. */
export function isAbout(alarm: MetricAlarm, { cluster, service, dependsOn, balancedBy }: Watched): boolean {
  return metricsOf(alarm).some(({ Dimensions = [] }) => {
    const of = Object.fromEntries(Dimensions.map(({ Name = '', Value = '' }) => [Name, Value]));
    return (
      (of.ClusterName === cluster && of.ServiceName === service) ||
      (balancedBy !== undefined && of.TargetGroup === balancedBy.targetGroup) ||
      (of.DBInstanceIdentifier !== undefined && dependsOn.includes(of.DBInstanceIdentifier))
    );
  });
}
