/** Alarms that call a person directly: nothing of ours stands between the metric and the page. */
import { CfnAlarm, type CfnAlarmProps } from 'aws-cdk-lib/aws-cloudwatch';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';

export type PagingAlarmProps = Omit<CfnAlarmProps, 'alarmActions' | 'actionsEnabled' | 'comparisonOperator'> & {
  readonly comparisonOperator: 'GreaterThanThreshold' | 'GreaterThanOrEqualToThreshold' | 'LessThanThreshold';
  readonly pageTopic: ITopic;
};

/** An alarm whose only action is the page topic. It carries no runbook tag, so it starts no remediation. */
export function pagingAlarm(scope: Construct, id: string, { pageTopic, ...alarm }: PagingAlarmProps): CfnAlarm {
  return new CfnAlarm(scope, id, { ...alarm, actionsEnabled: true, alarmActions: [pageTopic.topicArn] });
}
