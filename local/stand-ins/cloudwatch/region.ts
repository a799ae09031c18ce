/** CloudWatch in one region: its metrics and alarms, how alarms change state, and what follows from that. */
import type { AwsEvent } from '../../world/types.ts';
import type { Alarm, AlarmState, CompositeAlarm, MetricAlarm, Series } from './alarms.ts';
import { evaluate, evaluationRange } from './evaluator.ts';
import type { Tags } from './events.ts';
import { stateChangeEvent } from './events.ts';
import type { Values } from './expression.ts';
import { evaluateMath } from './expression.ts';
import type { MetricStore } from './metrics.ts';
import { createMetricStore } from './metrics.ts';
import { INITIAL_REASON, reasonDataOf, reasonOf } from './reason.ts';
import { readWindows } from './statistics.ts';
import type { Suppression } from './suppression.ts';
import { suppressionAtChange, suppressionNow } from './suppression.ts';

export interface HistoryItem {
  readonly alarm: string;
  readonly alarmType: 'MetricAlarm' | 'CompositeAlarm';
  readonly at: Date;
  readonly type: 'ConfigurationUpdate' | 'StateUpdate' | 'Action';
  readonly summary: string;
  readonly data: string;
}

/** What leaves CloudWatch; both are queued by the caller, in order. */
export interface Outlets {
  publish(event: AwsEvent): void;
  act(actionArn: string, alarm: Alarm, previous: AlarmState): void;
}

export interface Region {
  readonly name: string;
  readonly metrics: MetricStore;
  readonly alarms: Map<string, Alarm>;
  readonly tags: Map<string, Record<string, string>>;
  readonly history: HistoryItem[];
  /** Their bodies (JSON), by name. */
  readonly dashboards: Map<string, string>;
  /** The alarm of this name or ARN. */
  find(nameOrArn: string): Alarm | undefined;
  tagsOf(alarm: Alarm): Tags;
  record(item: Omit<HistoryItem, 'alarmType'>): void;
  /** Sets a state as SetAlarmState and the evaluation do; tells others only if the value changes. */
  setState(name: string, state: Omit<AlarmState, 'transitionedAt'>): void;
  /** Judges a metric alarm by its metrics at that moment. */
  evaluateMetricAlarm(name: string, at: Date): void;
  /** Judges a composite alarm by its rule; `because` is the child whose state changed, absent after a change of configuration. */
  evaluateComposite(name: string, at: Date, because?: Alarm): void;
  /** Moves suppressed actions on: waits that ended, suppressors that changed. */
  checkSuppressions(at: Date): void;
}

/** AWS keeps 30 days; here the newest items of a region. */
const HISTORY_KEPT = 20_000;

/** Alarms of less than a minute are judged every 10 seconds, others every minute. */
export const evaluationIntervalSeconds = (alarm: MetricAlarm): number => (alarm.periodSeconds < 60 ? 10 : 60);

/** Values of all series for windows that start at `startsMs`. */
export function readSeries(
  metrics: MetricStore,
  series: readonly Series[],
  startsMs: readonly number[],
): ReadonlyMap<string, Values> {
  const given = new Map(
    series.flatMap((s) => (s.query ? [[s.id, readWindows(metrics, s.query, startsMs)] as const] : [])),
  );
  return evaluateMath(series, given, startsMs.length);
}

/** Starts of the periods of an alarm's evaluation range at `at`, oldest first: whole periods back from the last evaluation boundary. */
function rangeStarts(alarm: MetricAlarm, at: Date): number[] {
  const intervalMs = evaluationIntervalSeconds(alarm) * 1000;
  const endMs = Math.floor(at.getTime() / intervalMs) * intervalMs;
  const periods = evaluationRange(alarm.evaluationPeriods);
  return Array.from({ length: periods }, (_, i) => endMs - (periods - i) * alarm.periodSeconds * 1000);
}

const inWords = (date: Date): string => {
  const weekday = date.toLocaleDateString('en-GB', { weekday: 'long', timeZone: 'UTC' });
  const day = date.toLocaleDateString('en-GB', { day: '2-digit', month: 'long', year: 'numeric', timeZone: 'UTC' });
  return `${weekday} ${day.replace(/ (\d{4})$/, ', $1')} ${date.toISOString().slice(11, 19)} UTC`;
};

/** An empty region. */
export function createRegion(name: string, outlets: Outlets): Region {
  const alarms = new Map<string, Alarm>();
  const tags = new Map<string, Record<string, string>>();
  const history: HistoryItem[] = [];
  const dashboards = new Map<string, string>();
  const metrics = createMetricStore();
  const suppressions = new Map<string, Suppression>();
  const find = (nameOrArn: string): Alarm | undefined => alarms.get(nameOrArn.replace(/^arn:.*?:alarm:/, ''));
  const tagsOf = (alarm: Alarm): Tags => tags.get(alarm.arn) ?? {};
  const record: Region['record'] = (item) => {
    const alarmType = alarms.get(item.alarm)?.kind === 'composite' ? 'CompositeAlarm' : 'MetricAlarm';
    history.push({ ...item, alarmType });
    if (history.length > HISTORY_KEPT) history.splice(0, HISTORY_KEPT / 2);
  };
  const suppressorInAlarm = (alarm: CompositeAlarm): boolean =>
    find(alarm.suppressor?.alarm ?? '')?.state.value === 'ALARM';

  function tell(alarm: Alarm, previous: AlarmState): void {
    outlets.publish(stateChangeEvent(alarm, previous, name, tagsOf(alarm)));
    if (!alarm.actionsEnabled || alarm.state.actionsSuppressedBy) return;
    for (const action of alarm.actions[alarm.state.value]) outlets.act(action, alarm, previous);
  }

  function setState(alarmName: string, state: Omit<AlarmState, 'transitionedAt'>): void {
    const alarm = alarms.get(alarmName);
    if (!alarm) return;
    const previous = alarm.state;
    const changed = previous.value !== state.value;
    const held = changed ? holdActions(alarm, state.updatedAt) : suppressions.get(alarmName);
    const next: Alarm = {
      ...alarm,
      state: {
        ...state,
        transitionedAt: changed ? state.updatedAt : previous.transitionedAt,
        ...(held && { actionsSuppressedBy: held.by }),
      },
    };
    alarms.set(alarmName, next);
    if (!changed) return;
    record({
      alarm: alarmName,
      at: state.updatedAt,
      type: 'StateUpdate',
      summary: `Alarm updated from ${previous.value} to ${state.value}`,
      data: historyData(previous, next.state),
    });
    tell(next, previous);
    for (const parent of alarms.values())
      if (parent.kind === 'composite' && parent.rule.children.some((child) => find(child)?.name === alarmName))
        evaluateComposite(parent.name, state.updatedAt, next);
    checkSuppressions(state.updatedAt);
  }

  function holdActions(alarm: Alarm, at: Date): Suppression | undefined {
    suppressions.delete(alarm.name);
    if (alarm.kind === 'metric' || !alarm.suppressor) return undefined;
    const held = suppressionAtChange(alarm.suppressor, suppressorInAlarm(alarm), at.getTime());
    if (held) suppressions.set(alarm.name, held);
    return held;
  }

  function checkSuppressions(at: Date): void {
    for (const [alarmName, current] of suppressions) {
      const alarm = alarms.get(alarmName);
      if (alarm?.kind !== 'composite' || !alarm.suppressor) {
        suppressions.delete(alarmName);
        continue;
      }
      const held = suppressionNow(alarm.suppressor, current, suppressorInAlarm(alarm), at.getTime());
      if (held?.by === current.by) continue;
      const { actionsSuppressedBy: _, ...state } = alarm.state;
      const next = { ...alarm, state: { ...state, ...(held && { actionsSuppressedBy: held.by }) } };
      alarms.set(alarmName, next);
      if (held) suppressions.set(alarmName, held);
      else {
        suppressions.delete(alarmName);
        tell({ ...next, state: { ...next.state, updatedAt: at } }, alarm.state);
      }
    }
  }

  function evaluateMetricAlarm(alarmName: string, at: Date): void {
    const alarm = alarms.get(alarmName);
    if (alarm?.kind !== 'metric') return;
    const startsMs = rangeStarts(alarm, at);
    const compared = alarm.series.find((series) => series.returnData);
    const datapoints = readSeries(metrics, alarm.series, startsMs).get(compared?.id ?? '') ?? [];
    const input = { ...alarm, datapoints };
    const found = evaluate(input);
    // A new alarm that is judged for the first time and finds nothing says so, without a change of state.
    const first = alarm.state.reason === INITIAL_REASON;
    if (found.state === 'retain' || (found.state === alarm.state.value && !first)) return;
    const stat = compared?.query?.stat;
    const about = { queryDate: at, periodSeconds: alarm.periodSeconds, ...(stat && { stat }) };
    setState(alarmName, {
      value: found.state,
      reason: reasonOf(found.state, input, found, startsMs),
      reasonData: reasonDataOf(input, found, startsMs, about),
      updatedAt: at,
    });
  }

  function evaluateComposite(alarmName: string, at: Date, because?: Alarm): void {
    const alarm = alarms.get(alarmName);
    if (alarm?.kind !== 'composite') return;
    const value = alarm.rule.holds((child) => find(child)?.state.value ?? 'INSUFFICIENT_DATA') ? 'ALARM' : 'OK';
    if (value === alarm.state.value) return;
    const children = alarm.rule.children.flatMap((child) => find(child) ?? []);
    const triggering = because
      ? children.filter((child) => child.name === because.name || (value === 'ALARM' && child.state.value === 'ALARM'))
      : children;
    const reason = because
      ? `${because.arn} transitioned to ${because.state.value} at ${inWords(because.state.updatedAt)}`
      : `${alarm.arn} was ${alarm.state.reason === INITIAL_REASON ? 'created' : 'updated'} and its alarm rule evaluates to ${value}`;
    setState(alarmName, { value, reason, reasonData: triggeringData(triggering), updatedAt: at });
  }

  return {
    name,
    metrics,
    alarms,
    tags,
    history,
    dashboards,
    find,
    tagsOf,
    record,
    setState,
    evaluateMetricAlarm,
    evaluateComposite,
    checkSuppressions,
  };
}

/** Which children led to a composite's state (AWS page "Alarm events and EventBridge", composite sample). */
const triggeringData = (children: readonly Alarm[]): string =>
  JSON.stringify({
    triggeringAlarms: children.map((child) => ({
      arn: child.arn,
      state: { value: child.state.value, timestamp: child.state.updatedAt.toISOString().replace('Z', '+0000') },
    })),
  });

/** History data of a state update (API page "DescribeAlarmHistory", sample response). */
function historyData(before: AlarmState, after: AlarmState): string {
  const shape = (state: AlarmState) => ({
    stateValue: state.value,
    stateReason: state.reason,
    ...(state.reasonData && { stateReasonData: JSON.parse(state.reasonData) as unknown }),
  });
  return JSON.stringify({ version: '1.0', oldState: shape(before), newState: shape(after) });
}
