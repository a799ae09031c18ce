/** Alarms that call a person directly: nothing of ours stands between the metric and the page. */
import { CfnAlarm, type CfnAlarmProps } from 'aws-cdk-lib/aws-cloudwatch';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';

export type PagingAlarmProps = Omit<CfnAlarmProps, 'alarmActions' | 'actionsEnabled' | 'comparisonOperator'> & {
  readonly comparisonOperator: 'GreaterThanThreshold' | 'GreaterThanOrEqualToThreshold' | 'LessThanThreshold';
  readonly pageTopic: ITopic;
};

/** What says how an alarm that waits for signs takes their absence. */
export type SilenceAlarmProps = Omit<
  PagingAlarmProps,
  'treatMissingData' | 'insufficientDataActions' | 'comparisonOperator' | 'threshold'
>;

/**
 * An alarm that calls a person when less than one is counted, and as well when nothing is counted any more: by going to INSUFFICIENT_DATA ("Using Amazon
 * CloudWatch alarms": actions run on a change of state). One that was just made is in that state already and doesn't change, so a first deployment,
 * which can't have given a sign yet, calls nobody; missing data that counts as breaching would call at once.
 */
export function silenceAlarm(scope: Construct, id: string, props: SilenceAlarmProps): CfnAlarm {
  return pagingAlarm(scope, id, {
    ...props,
    threshold: 1,
    comparisonOperator: 'LessThanThreshold',
    treatMissingData: 'missing',
    insufficientDataActions: [props.pageTopic.topicArn],
  });
}

/** An alarm whose only action is the page topic. It carries no runbook tag, so it starts no remediation. */
export function pagingAlarm(scope: Construct, id: string, { pageTopic, ...alarm }: PagingAlarmProps): CfnAlarm {
  return new CfnAlarm(scope, id, { ...alarm, actionsEnabled: true, alarmActions: [pageTopic.topicArn] });
}
