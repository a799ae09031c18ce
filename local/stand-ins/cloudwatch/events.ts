/** What CloudWatch tells others: EventBridge events, SNS messages, Lambda payloads. Pure; AWS pages are named at each. */
import type { AwsEvent } from '../../world/types.ts';
import type { Alarm, AlarmState, Series } from './alarms.ts';
import { alarmTime } from './reason.ts';

export type Tags = Readonly<Record<string, string>>;

/** A state as events carry it. */
function stateDetail(state: AlarmState): Record<string, unknown> {
  return {
    value: state.value,
    reason: state.reason,
    ...(state.reasonData === undefined ? {} : { reasonData: state.reasonData }),
    timestamp: alarmTime(state.updatedAt),
    ...(state.actionsSuppressedBy && {
      actionsSuppressedBy: state.actionsSuppressedBy,
      actionsSuppressedReason: `Actions suppressed by ${state.actionsSuppressedBy}`,
    }),
  };
}

function seriesDetail(series: Series): Record<string, unknown> {
  const { id, label, returnData, query, expression } = series;
  if (!query) return { id, expression, ...(label && { label }), returnData };
  const { metric, periodSeconds: period, stat, unit } = query;
  return { id, metricStat: { metric, period, stat, ...(unit && { unit }) }, ...(label && { label }), returnData };
}

function whatItWatches(alarm: Alarm): Record<string, unknown> {
  if (alarm.kind === 'metric') return { metrics: alarm.series.map(seriesDetail) };
  return {
    alarmRule: alarm.input.AlarmRule,
    ...(alarm.suppressor && {
      actionsSuppressor: alarm.suppressor.alarm,
      actionsSuppressorWaitPeriod: alarm.suppressor.waitForSeconds,
      actionsSuppressorExtensionPeriod: alarm.suppressor.extendForSeconds,
    }),
  };
}

/**
 * The tags that travel with a notification, or nothing where propagation is off (AWS page "Alarm tags in action payloads":
 * keys that begin with `aws:` never travel). The tags are at hand here, so the status is always SUCCESS.
 */
function tagDetail(alarm: Alarm, tags: Tags): Record<string, unknown> {
  const setting = alarm.actionConfiguration?.AlarmTagsPropagation;
  if (!setting?.Enabled) return {};
  const travels = (key: string): boolean =>
    !key.startsWith('aws:') &&
    (setting.IncludedTagKeys?.includes(key) ?? true) &&
    !(setting.ExcludedTagKeys?.includes(key) ?? false);
  const alarmTags = Object.fromEntries(Object.entries(tags).filter(([key]) => travels(key)));
  return { alarmTags, alarmTagsStatus: 'SUCCESS' };
}

function stateChange(alarm: Alarm, previous: AlarmState, tags: Tags): Record<string, unknown> {
  return {
    alarmName: alarm.name,
    state: stateDetail(alarm.state),
    previousState: stateDetail(previous),
    configuration: { ...(alarm.description && { description: alarm.description }), ...whatItWatches(alarm) },
    ...tagDetail(alarm, tags),
  };
}

/** `CloudWatch Alarm State Change` (AWS page "Alarm events and EventBridge"). No mute rules here, so no `muteDetail`. */
export const stateChangeEvent = (alarm: Alarm, previous: AlarmState, region: string, tags: Tags): AwsEvent => ({
  source: 'aws.cloudwatch',
  detailType: 'CloudWatch Alarm State Change',
  resources: [alarm.arn],
  region,
  time: alarm.state.updatedAt,
  detail: stateChange(alarm, previous, tags),
});

function configuration(alarm: Alarm): Record<string, unknown> {
  const compared =
    alarm.kind === 'metric'
      ? {
          evaluationPeriods: alarm.evaluationPeriods,
          ...(alarm.input.DatapointsToAlarm && { datapointsToAlarm: alarm.datapointsToAlarm }),
          threshold: alarm.threshold,
          comparisonOperator: alarm.comparison,
          treatMissingData: alarm.treatMissingData,
        }
      : {};
  return {
    ...compared,
    ...whatItWatches(alarm),
    alarmName: alarm.name,
    ...(alarm.description && { description: alarm.description }),
    actionsEnabled: alarm.actionsEnabled,
    timestamp: alarmTime(alarm.configuredAt),
    okActions: alarm.actions.OK,
    alarmActions: alarm.actions.ALARM,
    insufficientDataActions: alarm.actions.INSUFFICIENT_DATA,
  };
}

/** `CloudWatch Alarm Configuration Change` on create, update and delete (same page). `previous` only on update. */
export const configurationChangeEvent = (
  alarm: Alarm,
  operation: 'create' | 'update' | 'delete',
  region: string,
  at: Date,
  previous?: Alarm,
): AwsEvent => ({
  source: 'aws.cloudwatch',
  detailType: 'CloudWatch Alarm Configuration Change',
  resources: [alarm.arn],
  region,
  time: at,
  detail: {
    alarmName: alarm.name,
    operation,
    state: {
      value: alarm.state.value,
      timestamp: alarmTime(alarm.state.updatedAt),
      ...(alarm.state.actionsSuppressedBy && { actionsSuppressedBy: alarm.state.actionsSuppressedBy }),
    },
    configuration: configuration(alarm),
    ...(previous && { previousConfiguration: configuration(previous) }),
  },
});

/** What a Lambda action is invoked with (AWS page "Invoke a Lambda function from an alarm"). */
export const lambdaPayload = (
  alarm: Alarm,
  previous: AlarmState,
  place: { readonly region: string; readonly accountId: string },
  tags: Tags,
): unknown => ({
  source: 'aws.cloudwatch',
  alarmArn: alarm.arn,
  accountId: place.accountId,
  time: alarmTime(alarm.state.updatedAt),
  region: place.region,
  alarmData: stateChange(alarm, previous, tags),
});

/**
 * What an SNS action publishes: subject and JSON message, in the form that subscribers of alarms receive. AWS publishes no full schema
 * of it; fields of metric math (`Trigger.Metrics`) are as the events carry them.
 */
export function snsMessage(
  alarm: Alarm,
  previous: AlarmState,
  place: { readonly region: string; readonly accountId: string },
  tags: Tags,
): { readonly subject: string; readonly message: string } {
  const travelling = tagDetail(alarm, tags);
  const message = {
    AlarmName: alarm.name,
    AlarmDescription: alarm.description ?? null,
    AWSAccountId: place.accountId,
    AlarmConfigurationUpdatedTimestamp: alarmTime(alarm.configuredAt),
    NewStateValue: alarm.state.value,
    NewStateReason: alarm.state.reason,
    StateChangeTime: alarmTime(alarm.state.updatedAt),
    Region: place.region,
    AlarmArn: alarm.arn,
    OldStateValue: previous.value,
    OKActions: alarm.actions.OK,
    AlarmActions: alarm.actions.ALARM,
    InsufficientDataActions: alarm.actions.INSUFFICIENT_DATA,
    ...(alarm.kind === 'metric'
      ? { Trigger: trigger(alarm.series, configuration(alarm)) }
      : { AlarmRule: alarm.input.AlarmRule }),
    ...(Object.keys(travelling).length > 0 && {
      AlarmTags: travelling.alarmTags,
      AlarmTagsStatus: travelling.alarmTagsStatus,
    }),
  };
  return { subject: `${alarm.state.value}: "${alarm.name}" in ${place.region}`, message: JSON.stringify(message) };
}

function trigger(series: readonly Series[], settings: Record<string, unknown>): Record<string, unknown> {
  const compared = {
    EvaluationPeriods: settings.evaluationPeriods,
    ...(settings.datapointsToAlarm !== undefined && { DatapointsToAlarm: settings.datapointsToAlarm }),
    ComparisonOperator: settings.comparisonOperator,
    Threshold: settings.threshold,
    TreatMissingData: settings.treatMissingData,
  };
  const [only] = series;
  if (series.length !== 1 || !only?.query) return { ...compared, Metrics: series.map(seriesDetail) };
  const { metric, stat, unit, periodSeconds } = only.query;
  return {
    MetricName: metric.name,
    Namespace: metric.namespace,
    StatisticType: stat.startsWith('p') ? 'ExtendedStatistic' : 'Statistic',
    Statistic: stat.toUpperCase(),
    Unit: unit ?? null,
    Dimensions: Object.entries(metric.dimensions).map(([name, value]) => ({ value, name })),
    Period: periodSeconds,
    ...compared,
  };
}
