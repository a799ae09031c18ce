/** CloudWatch's API operations on a region (their API pages). Reading metrics is in `read.ts`, describing alarms in `describe.ts`. */
import type {
  AlarmHistoryItem,
  DeleteAlarmsInput,
  DescribeAlarmHistoryInput,
  DescribeAlarmsInput,
  DisableAlarmActionsInput,
  GetDashboardInput,
  GetMetricDataInput,
  GetMetricStatisticsInput,
  ListMetricsInput,
  ListTagsForResourceInput,
  MetricDatum,
  PutCompositeAlarmInput,
  PutDashboardInput,
  PutMetricAlarmInput,
  PutMetricDataInput,
  SetAlarmStateInput,
  TagResourceInput,
  UntagResourceInput,
} from '@aws-sdk/client-cloudwatch';
import type { AwsCall, AwsEvent } from '../../world/types.ts';
import { AwsFault } from '../../world/types.ts';
import type { Alarm, CompositeAlarm } from './alarms.ts';
import { makeCompositeAlarm, makeMetricAlarm } from './alarms.ts';
import { getDashboard, putDashboard } from './dashboards.ts';
import { describeAlarms, page } from './describe.ts';
import type { StateValue } from './evaluator.ts';
import { configurationChangeEvent } from './events.ts';
import type { Sample } from './metrics.ts';
import { getMetricData, getMetricStatistics, listMetrics } from './read.ts';
import type { Region } from './region.ts';
import type { AlarmRule } from './rule.ts';
import type { Operation, Wire } from './wire.ts';
import { fromWire, operation, toWire } from './wire.ts';

export interface OperationContext {
  readonly accountId: string;
  region(name: string): Region;
  publish(event: AwsEvent): void;
  now(): Date;
}

const notFound = (what: string): AwsFault => new AwsFault('ResourceNotFound', `There is no alarm ${what}`, 404);
const STATES: readonly StateValue[] = ['OK', 'ALARM', 'INSUFFICIENT_DATA'];

/** All operations by name. */
export function createOperations(context: OperationContext): Readonly<Record<string, Operation>> {
  const on = <Input>(run: (region: Region, input: Wire<Input>, call: AwsCall) => unknown): Operation =>
    operation<Input>((input, call) => run(context.region(call.region), input, call));

  function save(region: Region, alarm: Alarm, tags: PutMetricAlarmInput['Tags']): void {
    const before = region.alarms.get(alarm.name);
    region.alarms.set(alarm.name, alarm);
    // Tags in a request for an existing alarm are ignored, as on AWS.
    if (!before) addTags(region, alarm.arn, tags);
    const what = before ? 'update' : 'create';
    context.publish(configurationChangeEvent(alarm, what, region.name, alarm.configuredAt, before));
    region.record({
      alarm: alarm.name,
      at: alarm.configuredAt,
      type: 'ConfigurationUpdate',
      summary: `Alarm "${alarm.name}" ${what}d`,
      data: JSON.stringify({ version: '1.0', type: what === 'create' ? 'Create' : 'Update' }),
    });
  }

  const makeContext = (region: Region, name: string | undefined) => {
    const before = region.alarms.get(name ?? '');
    return { region: region.name, accountId: context.accountId, at: context.now(), ...(before && { before }) };
  };

  function switchActions(region: Region, names: readonly string[], actionsEnabled: boolean): void {
    for (const name of names) {
      const alarm = region.alarms.get(name);
      // Unknown names are ignored: these two operations name no such error.
      if (alarm) region.alarms.set(name, { ...alarm, actionsEnabled, configuredAt: context.now() });
    }
  }

  const tagged = (region: Region, arn: string | undefined): Record<string, string> => {
    const alarm = region.find(arn ?? '');
    if (!alarm || alarm.arn !== arn) throw new AwsFault('ResourceNotFoundException', `There is no alarm ${arn}`, 404);
    return region.tags.get(alarm.arn) ?? {};
  };

  return {
    PutMetricData: on<PutMetricDataInput>((region, input) => putMetricData(region, input, context.now())),
    PutMetricAlarm: on<PutMetricAlarmInput>((region, input) => {
      save(region, makeMetricAlarm(input, makeContext(region, input.AlarmName)), input.Tags);
    }),
    PutCompositeAlarm: on<PutCompositeAlarmInput>((region, input) => {
      const exists = (alarm: string): boolean => region.find(alarm) !== undefined;
      const alarm = makeCompositeAlarm(input, makeContext(region, input.AlarmName), exists);
      refuseCircle(region, alarm);
      save(region, alarm, input.Tags);
      region.evaluateComposite(alarm.name, context.now());
    }),
    PutDashboard: on<PutDashboardInput>(putDashboard),
    GetDashboard: on<GetDashboardInput>(getDashboard),
    DescribeAlarms: on<DescribeAlarmsInput>(describeAlarms),
    DeleteAlarms: on<DeleteAlarmsInput>((region, input) => deleteAlarms(region, input.AlarmNames ?? [], context)),
    SetAlarmState: on<SetAlarmStateInput>((region, input) => {
      const alarm = region.alarms.get(input.AlarmName ?? '');
      if (!alarm) throw notFound(input.AlarmName ?? '(no AlarmName)');
      const value = STATES.find((state) => state === input.StateValue);
      if (!value || input.StateReason === undefined)
        throw new AwsFault(
          'ValidationError',
          `StateValue: expected one of ${STATES.join(', ')}; StateReason: is required`,
        );
      const reasonData = input.StateReasonData;
      if (reasonData !== undefined && !isJson(reasonData))
        throw new AwsFault('InvalidFormat', 'StateReasonData: expected JSON');
      const told = { value, reason: input.StateReason, ...(reasonData !== undefined && { reasonData }) };
      region.setState(alarm.name, { ...told, updatedAt: context.now() });
    }),
    EnableAlarmActions: on<DisableAlarmActionsInput>((region, input) =>
      switchActions(region, input.AlarmNames ?? [], true),
    ),
    DisableAlarmActions: on<DisableAlarmActionsInput>((region, input) =>
      switchActions(region, input.AlarmNames ?? [], false),
    ),
    DescribeAlarmHistory: on<DescribeAlarmHistoryInput>(describeHistory),
    TagResource: on<TagResourceInput>((region, input) => {
      tagged(region, input.ResourceARN);
      addTags(region, input.ResourceARN ?? '', input.Tags);
    }),
    UntagResource: on<UntagResourceInput>((region, input) => {
      const kept = Object.entries(tagged(region, input.ResourceARN)).filter(([key]) => !input.TagKeys?.includes(key));
      region.tags.set(input.ResourceARN ?? '', Object.fromEntries(kept));
    }),
    ListTagsForResource: on<ListTagsForResourceInput>((region, input) => ({
      Tags: Object.entries(tagged(region, input.ResourceARN)).map(([Key, Value]) => ({ Key, Value })),
    })),
    GetMetricData: on<GetMetricDataInput>(getMetricData),
    GetMetricStatistics: on<GetMetricStatisticsInput>(getMetricStatistics),
    ListMetrics: on<ListMetricsInput>(listMetrics),
  };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false; // The question asked, not a failure.
  }
}

function addTags(
  region: Region,
  arn: string,
  tags: readonly { Key?: string | undefined; Value?: string | undefined }[] = [],
): void {
  const added = tags.map(({ Key, Value }): [string, string] => [Key ?? '', Value ?? '']);
  region.tags.set(arn, { ...region.tags.get(arn), ...Object.fromEntries(added) });
}

/** AWS takes alarms that refer to each other in a circle and then doesn't evaluate them; here they are refused at once. */
function refuseCircle(region: Region, alarm: CompositeAlarm): void {
  const visit = (rule: AlarmRule, seen: readonly string[]): void => {
    for (const child of rule.children) {
      const found = region.find(child);
      if (found?.name === alarm.name)
        throw new AwsFault(
          'ValidationError',
          `AlarmRule: ${[alarm.name, ...seen, alarm.name].join(' -> ')} is a circle`,
        );
      if (found?.kind === 'composite') visit(found.rule, [...seen, found.name]);
    }
  };
  visit(alarm.rule, []);
}

function deleteAlarms(region: Region, names: readonly string[], context: OperationContext): void {
  const alarms = names.map((name) => {
    const alarm = region.alarms.get(name);
    if (!alarm) throw notFound(name);
    return alarm;
  });
  for (const { name } of alarms)
    for (const other of region.alarms.values())
      if (other.kind === 'composite' && !names.includes(other.name) && refersTo(region, other, name))
        throw new AwsFault('ValidationError', `Cannot delete ${name} as there are composite alarm(s) depending on it`);
  for (const alarm of alarms) {
    const at = context.now();
    context.publish(configurationChangeEvent(alarm, 'delete', region.name, at));
    const data = JSON.stringify({ version: '1.0', type: 'Delete' });
    region.record({
      alarm: alarm.name,
      at,
      type: 'ConfigurationUpdate',
      summary: `Alarm "${alarm.name}" deleted`,
      data,
    });
    region.alarms.delete(alarm.name);
    region.tags.delete(alarm.arn);
  }
}

const refersTo = (region: Region, composite: Alarm, name: string): boolean =>
  composite.kind === 'composite' && composite.rule.children.some((child) => region.find(child)?.name === name);

function describeHistory(region: Region, input: Wire<DescribeAlarmHistoryInput>): Record<string, unknown> {
  const from = input.StartDate === undefined ? 0 : fromWire('StartDate', input.StartDate).getTime();
  const to = input.EndDate === undefined ? Number.POSITIVE_INFINITY : fromWire('EndDate', input.EndDate).getTime();
  const types = input.AlarmTypes ?? ['MetricAlarm'];
  const wanted = region.history.filter(
    (item) =>
      (!input.AlarmName || item.alarm === input.AlarmName) &&
      (!input.HistoryItemType || item.type === input.HistoryItemType) &&
      types.includes(item.alarmType) &&
      item.at.getTime() >= from &&
      item.at.getTime() <= to,
  );
  if (input.ScanBy !== 'TimestampAscending') wanted.reverse();
  const { items, next } = page(wanted, input.MaxRecords ?? 100, input.NextToken);
  const described = items.map(
    (item): Wire<AlarmHistoryItem> => ({
      AlarmName: item.alarm,
      AlarmType: item.alarmType,
      Timestamp: toWire(item.at),
      HistoryItemType: item.type,
      HistorySummary: item.summary,
      HistoryData: item.data,
    }),
  );
  return { AlarmHistoryItems: described, ...(next && { NextToken: next }) };
}

function putMetricData(region: Region, input: Wire<PutMetricDataInput>, now: Date): void {
  const { Namespace: namespace } = input;
  if (!namespace) throw new AwsFault('MissingParameter', 'Namespace: a value is required');
  for (const datum of input.MetricData ?? []) {
    if (!datum.MetricName) throw new AwsFault('MissingParameter', 'MetricData.MetricName: a value is required');
    const dimensions = Object.fromEntries((datum.Dimensions ?? []).map((d) => [d.Name ?? '', d.Value ?? '']));
    const metric = { namespace, name: datum.MetricName, dimensions };
    for (const sample of samplesOf(datum, now)) region.metrics.put(metric, sample);
  }
}

/** A datum is one value, values with counts, or a statistic set (API page "MetricDatum"). */
function samplesOf(datum: Wire<MetricDatum>, now: Date): Sample[] {
  const atMs = datum.Timestamp === undefined ? now.getTime() : fromWire('Timestamp', datum.Timestamp).getTime();
  // Without a unit AWS stores `None`.
  const base = { atMs, unit: datum.Unit ?? 'None' };
  const one = (value: number, count: number): Sample => {
    if (!Number.isFinite(value)) throw new AwsFault('InvalidParameterValue', 'MetricData.Value: expected a number');
    return { ...base, sampleCount: count, sum: value * count, minimum: value, maximum: value };
  };
  const set = datum.StatisticValues;
  if (set) {
    const { SampleCount = 0, Sum = 0, Minimum = 0, Maximum = 0 } = set;
    return [{ ...base, sampleCount: SampleCount, sum: Sum, minimum: Minimum, maximum: Maximum }];
  }
  if (datum.Values) return datum.Values.map((value, i) => one(value, datum.Counts?.[i] ?? 1));
  if (datum.Value === undefined)
    throw new AwsFault('MissingParameter', 'MetricData: Value, Values or StatisticValues is required');
  return [one(datum.Value, 1)];
}
