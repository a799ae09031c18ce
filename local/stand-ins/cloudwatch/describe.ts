/** Alarms in the shapes that DescribeAlarms answers with. */
import type {
  CompositeAlarm as AwsComposite,
  MetricAlarm as AwsMetric,
  DescribeAlarmsInput,
} from '@aws-sdk/client-cloudwatch';
import { AwsFault } from '../../world/types.ts';
import type { Alarm, CompositeAlarm, MetricAlarm } from './alarms.ts';
import type { Region } from './region.ts';
import type { Wire } from './wire.ts';
import { toWire } from './wire.ts';

const common = (alarm: Alarm) => ({
  AlarmName: alarm.name,
  AlarmArn: alarm.arn,
  ...(alarm.description !== undefined && { AlarmDescription: alarm.description }),
  AlarmConfigurationUpdatedTimestamp: toWire(alarm.configuredAt),
  ActionsEnabled: alarm.actionsEnabled,
  OKActions: [...alarm.actions.OK],
  AlarmActions: [...alarm.actions.ALARM],
  InsufficientDataActions: [...alarm.actions.INSUFFICIENT_DATA],
  ...(alarm.actionConfiguration && { ActionConfiguration: alarm.actionConfiguration }),
  StateValue: alarm.state.value,
  StateReason: alarm.state.reason,
  ...(alarm.state.reasonData !== undefined && { StateReasonData: alarm.state.reasonData }),
  StateUpdatedTimestamp: toWire(alarm.state.updatedAt),
  StateTransitionedTimestamp: toWire(alarm.state.transitionedAt),
});

function describeMetric(alarm: MetricAlarm): Wire<AwsMetric> {
  const { input } = alarm;
  return {
    ...common(alarm),
    EvaluationPeriods: alarm.evaluationPeriods,
    ...(input.DatapointsToAlarm !== undefined && { DatapointsToAlarm: input.DatapointsToAlarm }),
    Threshold: alarm.threshold,
    ComparisonOperator: alarm.comparison,
    ...(input.TreatMissingData !== undefined && { TreatMissingData: input.TreatMissingData }),
    ...(input.Metrics?.length
      ? { Metrics: input.Metrics }
      : {
          MetricName: input.MetricName,
          Namespace: input.Namespace,
          Dimensions: input.Dimensions ?? [],
          Period: input.Period,
          ...(input.Statistic && { Statistic: input.Statistic }),
          ...(input.ExtendedStatistic && { ExtendedStatistic: input.ExtendedStatistic }),
          ...(input.Unit && { Unit: input.Unit }),
        }),
  };
}

const describeComposite = (alarm: CompositeAlarm): Wire<AwsComposite> => ({
  ...common(alarm),
  AlarmRule: alarm.input.AlarmRule,
  ...(alarm.suppressor && {
    ActionsSuppressor: alarm.suppressor.alarm,
    ActionsSuppressorWaitPeriod: alarm.suppressor.waitForSeconds,
    ActionsSuppressorExtensionPeriod: alarm.suppressor.extendForSeconds,
  }),
  ...(alarm.state.actionsSuppressedBy && {
    ActionsSuppressedBy: alarm.state.actionsSuppressedBy,
    ActionsSuppressedReason: `Actions suppressed by ${alarm.state.actionsSuppressedBy}`,
  }),
});

/** Cuts one page out of a list; the token is the position of the next page. @throws AwsFault `InvalidNextToken`. */
export function page<T>(items: readonly T[], limit: number, token: string | undefined): { items: T[]; next?: string } {
  const from = token === undefined ? 0 : Number(token);
  if (!Number.isInteger(from) || from < 0)
    throw new AwsFault('InvalidNextToken', `NextToken: "${token}" isn't one of ours`);
  const to = from + limit;
  return { items: items.slice(from, to), ...(to < items.length && { next: String(to) }) };
}

/**
 * DescribeAlarms: metric alarms only unless `AlarmTypes` asks for others, or a composite's children or an alarm's parents are asked for, of which it tells name, ARN
 * and state only; sorted by name, 50 a page (API page "DescribeAlarms").
 */
export function describeAlarms(region: Region, input: Wire<DescribeAlarmsInput>): Record<string, unknown> {
  const types = input.AlarmTypes ?? ['MetricAlarm'];
  const family = relatives(region, input);
  const wanted = [...region.alarms.values()].filter(
    (alarm) =>
      (family || types.includes(alarm.kind === 'metric' ? 'MetricAlarm' : 'CompositeAlarm')) &&
      (!input.AlarmNames || input.AlarmNames.includes(alarm.name)) &&
      alarm.name.startsWith(input.AlarmNamePrefix ?? '') &&
      (!input.StateValue || alarm.state.value === input.StateValue) &&
      (!input.ActionPrefix ||
        Object.values(alarm.actions).some((arns) => arns.some((arn) => arn.startsWith(input.ActionPrefix ?? '')))) &&
      (!family || family.has(alarm.name)),
  );
  wanted.sort((a, b) => (a.name < b.name ? -1 : 1));
  const { items, next } = page(wanted, input.MaxRecords ?? 50, input.NextToken);
  return {
    MetricAlarms: items.flatMap((alarm) =>
      alarm.kind === 'metric' ? [family ? inShort(describeMetric(alarm)) : describeMetric(alarm)] : [],
    ),
    CompositeAlarms: items.flatMap((alarm) =>
      alarm.kind === 'composite' ? [family ? inShort(describeComposite(alarm)) : describeComposite(alarm)] : [],
    ),
    ...(next && { NextToken: next }),
  };
}

const inShort = ({ AlarmName, AlarmArn, StateValue, StateUpdatedTimestamp }: Record<string, unknown>) => ({
  ...{ AlarmName, AlarmArn, StateValue, StateUpdatedTimestamp },
});

function relatives(region: Region, input: Wire<DescribeAlarmsInput>): ReadonlySet<string> | undefined {
  const childrenOf = (alarm: Alarm): string[] =>
    alarm.kind === 'composite' ? alarm.rule.children.flatMap((child) => region.find(child)?.name ?? []) : [];
  if (input.ChildrenOfAlarmName) {
    const parent = region.find(input.ChildrenOfAlarmName);
    return new Set(parent ? childrenOf(parent) : []);
  }
  const { ParentsOfAlarmName: child } = input;
  if (!child) return undefined;
  return new Set([...region.alarms.values()].filter((a) => childrenOf(a).includes(child)).map((a) => a.name));
}
