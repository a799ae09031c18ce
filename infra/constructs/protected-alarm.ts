/**
 * An alarm that starts a remediation, and its backstop: the same signal over a longer time, with a direct page that touches none of our
 * code (invariant I13). If Nightshift is dead, wrong or slow, the backstop still calls a person.
 */
import { CfnAlarm } from 'aws-cdk-lib/aws-cloudwatch';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { DEPLOYMENT_TAG, RUNBOOK_TAG } from '../../functions/engine/manifest.ts';
import { pagingAlarm } from './alarm-action.ts';

export const SEVERITY_TAG = 'nightshift:severity';

export interface ProtectedAlarmProps {
  /** Name of the Nightshift deployment that answers. */
  readonly deployment: string;
  /** Remediation that the alarm starts: its folder's name. */
  readonly runbook: string;
  readonly alarmName: string;
  /** What it means, as a sentence. */
  readonly description: string;
  readonly severity: 'P1' | 'P2' | 'P3' | 'P4';
  readonly metric: {
    readonly namespace: string;
    readonly metricName: string;
    readonly dimensions: Readonly<Record<string, string>>;
    readonly statistic: 'Average' | 'Maximum' | 'Minimum' | 'Sum';
  };
  readonly threshold: number;
  /**
   * The metric is an availability: being below the threshold is the trouble, and so is its absence (design section 3: availability alarms treat missing
   * data as breaching).
   */
  readonly below?: boolean;
  readonly periodSeconds: number;
  /** How long the metric must stay beyond the threshold; a multiple of the period. */
  readonly forSeconds: number;
  /** How much longer until the backstop pages: what Nightshift has to mend it, and a margin. */
  readonly backstopAfterSeconds: number;
  readonly pageTopic: ITopic;
}

/**
 * Two alarms: `<name>` and `<name>-backstop`.
 * @throws Error for times that CloudWatch has no whole number of periods for.
 */
export class ProtectedAlarm extends Construct {
  readonly alarm: CfnAlarm;
  readonly backstop: CfnAlarm;

  constructor(scope: Construct, id: string, props: ProtectedAlarmProps) {
    super(scope, id);
    const { metric, threshold, periodSeconds, forSeconds } = props;
    if (forSeconds <= 0 || forSeconds % periodSeconds !== 0)
      throw new Error(
        `${props.alarmName}: forSeconds is ${forSeconds}; expected a multiple of the period, ${periodSeconds} s`,
      );
    const signal = {
      namespace: metric.namespace,
      metricName: metric.metricName,
      dimensions: Object.entries(metric.dimensions).map(([name, value]) => ({ name, value })),
      statistic: metric.statistic,
      period: periodSeconds,
      threshold,
      comparisonOperator: props.below ? 'LessThanThreshold' : 'GreaterThanThreshold',
      treatMissingData: props.below ? 'breaching' : 'missing',
    } as const;
    this.alarm = new CfnAlarm(this, 'Alarm', {
      ...signal,
      alarmName: props.alarmName,
      alarmDescription: `${props.severity}. ${props.description} Nightshift ${props.deployment} answers with ${props.runbook}.`,
      evaluationPeriods: forSeconds / periodSeconds,
      // "Alarm tags in action payloads", Amazon CloudWatch User Guide: without it the event has no tags and the rule doesn't see it.
      actionConfiguration: { alarmTagsPropagation: { enabled: true } },
      tags: [
        { key: RUNBOOK_TAG, value: props.runbook },
        { key: DEPLOYMENT_TAG, value: props.deployment },
        { key: SEVERITY_TAG, value: props.severity },
      ],
    });
    this.backstop = pagingAlarm(this, 'Backstop', {
      ...signal,
      alarmName: `${props.alarmName}-backstop`,
      alarmDescription: `${props.severity}. ${props.description} Nightshift ${props.deployment} did not mend it in ${props.backstopAfterSeconds} s: look yourself.`,
      evaluationPeriods: Math.ceil((forSeconds + props.backstopAfterSeconds) / periodSeconds),
      pageTopic: props.pageTopic,
    });
  }
}
