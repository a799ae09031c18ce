/**
 * An alarm that starts a remediation, and its backstop: the same signal over a longer time, with a direct page that touches none of our
 * code (invariant I13). If Nightshift is dead, wrong or slow, the backstop still calls a person.
 */
import { CfnAlarm, type CfnAlarmProps } from 'aws-cdk-lib/aws-cloudwatch';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { DEPLOYMENT_TAG, RUNBOOK_TAG } from '../../functions/engine/manifest.ts';
import { pagingAlarm } from './alarm-action.ts';

export const SEVERITY_TAG = 'nightshift:severity';

export interface Metric {
  readonly namespace: string;
  readonly metricName: string;
  readonly dimensions: Readonly<Record<string, string>>;
  /** A statistic, or a percentile such as `p95`. */
  readonly statistic: 'Average' | 'Maximum' | 'Minimum' | 'Sum' | 'SampleCount' | 'p95';
}

/** Metric math over metrics of one target ("Using math expressions with CloudWatch metrics"). */
export interface MetricMath {
  readonly expression: string;
  /** By the id that the expression calls it. */
  readonly of: Readonly<Record<string, Metric>>;
}

export interface ProtectedAlarmProps {
  /** Name of the Nightshift deployment that answers. */
  readonly deployment: string;
  /** Remediation that the alarm starts: its folder's name. */
  readonly runbook: string;
  readonly alarmName: string;
  /** What it means, as a sentence. */
  readonly description: string;
  readonly severity: 'P1' | 'P2' | 'P3' | 'P4';
  readonly metric: Metric | MetricMath;
  readonly threshold: number;
  /** Which side of the threshold is trouble; above when left out. */
  readonly trouble?: 'above' | 'below';
  /** Whether no data is trouble, too, which starts the runbook: of what is always there while it is well. */
  readonly silenceIsTrouble?: boolean;
  /**
   * Whether the backstop also calls a person when there was data and there is none any more: what publishes it is down, and no runbook can look at
   * it. One that was just made has none yet, and calls nobody ("Using Amazon CloudWatch alarms": actions run on a change of state).
   */
  readonly silencePages?: boolean;
  /** Nobody is woken when it isn't mended: of what costs money and endangers nothing. */
  readonly noBackstop?: boolean;
  readonly periodSeconds: number;
  /** How long the metric must stay beyond the threshold; a multiple of the period. */
  readonly forSeconds: number;
  /** How much longer until the backstop pages: what Nightshift has to mend it, and a margin. */
  readonly backstopAfterSeconds: number;
  readonly pageTopic: ITopic;
}

/**
 * Two alarms: `<name>` and `<name>-backstop`, unless it has none.
 * @throws Error for times that CloudWatch has no whole number of periods for.
 */
export class ProtectedAlarm extends Construct {
  readonly alarm: CfnAlarm;
  readonly backstop: CfnAlarm | undefined;

  constructor(scope: Construct, id: string, props: ProtectedAlarmProps) {
    super(scope, id);
    const { metric, threshold, periodSeconds, forSeconds } = props;
    if (forSeconds <= 0 || forSeconds % periodSeconds !== 0)
      throw new Error(
        `${props.alarmName}: forSeconds is ${forSeconds}; expected a multiple of the period, ${periodSeconds} s`,
      );
    const signal = {
      ...asAlarm(metric, periodSeconds),
      threshold,
      comparisonOperator: props.trouble === 'below' ? 'LessThanThreshold' : 'GreaterThanThreshold',
      treatMissingData: props.silenceIsTrouble ? 'breaching' : 'missing',
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
    if (props.noBackstop) return;
    this.backstop = pagingAlarm(this, 'Backstop', {
      ...signal,
      alarmName: `${props.alarmName}-backstop`,
      alarmDescription: `${props.severity}. ${props.description} Nightshift ${props.deployment} did not mend it in ${props.backstopAfterSeconds} s: look yourself.`,
      evaluationPeriods: Math.ceil((forSeconds + props.backstopAfterSeconds) / periodSeconds),
      ...(props.silencePages && { insufficientDataActions: [props.pageTopic.topicArn] }),
      pageTopic: props.pageTopic,
    });
  }
}

/** Of a metric or of metric math, as an alarm has it. */
export const asAlarm = (metric: Metric | MetricMath, periodSeconds: number) =>
  'expression' in metric ? mathOf(metric, periodSeconds) : plainOf(metric, periodSeconds);

function plainOf({ namespace, metricName, dimensions, statistic }: Metric, period: number) {
  const how = isPercentile(statistic) ? { extendedStatistic: statistic } : { statistic };
  return { namespace, metricName, dimensions: named(dimensions), ...how, period };
}

function mathOf({ expression, of }: MetricMath, period: number): Pick<CfnAlarmProps, 'metrics'> {
  const inputs = Object.entries(of).map(([id, { namespace, metricName, dimensions, statistic: stat }]) => ({
    ...{ id, returnData: false },
    metricStat: { metric: { namespace, metricName, dimensions: named(dimensions) }, period, stat },
  }));
  // What reads no metric by itself says by no metric how long its periods are ("MetricDataQuery", Amazon CloudWatch API Reference).
  const result = { id: 'result', expression, returnData: true, ...(inputs.length === 0 && { period }) };
  return { metrics: [result, ...inputs] };
}

const isPercentile = (statistic: string): boolean => /^p\d/.test(statistic);
const named = (dimensions: Readonly<Record<string, string>>) =>
  Object.entries(dimensions).map(([name, value]) => ({ name, value }));
