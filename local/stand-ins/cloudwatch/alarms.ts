/** Alarms as they are kept, made from the requests that AWS would accept (API pages "PutMetricAlarm", "PutCompositeAlarm"). */
import type {
  ActionConfiguration,
  MetricDataQuery,
  PutCompositeAlarmInput,
  PutMetricAlarmInput,
} from '@aws-sdk/client-cloudwatch';
import { AwsFault } from '../../world/types.ts';
import type { Comparison, StateValue, TreatMissingData } from './evaluator.ts';
import { COMPARISONS } from './evaluator.ts';
import { evaluateMath } from './expression.ts';
import { INITIAL_REASON } from './reason.ts';
import type { AlarmRule } from './rule.ts';
import { parseRule } from './rule.ts';
import type { MetricQuery } from './statistics.ts';
import { isKnownStatistic } from './statistics.ts';
import type { Wire } from './wire.ts';

export interface AlarmState {
  readonly value: StateValue;
  readonly reason: string;
  readonly reasonData?: string;
  /** When the state was last set, and when its value last changed. */
  readonly updatedAt: Date;
  readonly transitionedAt: Date;
  /** Composite alarms only: why actions are held back. */
  readonly actionsSuppressedBy?: 'WaitPeriod' | 'ExtensionPeriod' | 'Alarm';
}

/** One series of an alarm or query: a metric's statistic, or an expression over others. */
export interface Series {
  readonly id: string;
  readonly label?: string;
  readonly returnData: boolean;
  readonly query?: MetricQuery;
  readonly expression?: string;
}

interface AlarmCommon {
  readonly name: string;
  readonly arn: string;
  readonly description?: string;
  readonly actionsEnabled: boolean;
  readonly actions: Readonly<Record<StateValue, readonly string[]>>;
  readonly actionConfiguration?: ActionConfiguration;
  readonly configuredAt: Date;
  readonly state: AlarmState;
}

export interface MetricAlarm extends AlarmCommon {
  readonly kind: 'metric';
  readonly input: Wire<PutMetricAlarmInput>;
  readonly series: readonly Series[];
  readonly periodSeconds: number;
  readonly evaluationPeriods: number;
  readonly datapointsToAlarm: number;
  readonly comparison: Comparison;
  readonly threshold: number;
  readonly treatMissingData: TreatMissingData;
}

export interface CompositeAlarm extends AlarmCommon {
  readonly kind: 'composite';
  readonly input: Wire<PutCompositeAlarmInput>;
  readonly rule: AlarmRule;
  readonly suppressor?: {
    readonly alarm: string;
    readonly waitForSeconds: number;
    readonly extendForSeconds: number;
  };
}

export type Alarm = MetricAlarm | CompositeAlarm;

const invalid = (message: string): AwsFault => new AwsFault('ValidationError', message);

function required<T>(field: string, value: T | undefined): T {
  if (value === undefined || value === null || value === '') throw invalid(`${field}: a value is required`);
  return value;
}

/** Where and when an alarm is made; `before` is the alarm of that name, whose state is kept (PutMetricAlarm: "its state is left unchanged"). */
export interface MakeContext {
  readonly region: string;
  readonly accountId: string;
  readonly at: Date;
  readonly before?: Alarm;
}

function common(input: Wire<PutMetricAlarmInput> | Wire<PutCompositeAlarmInput>, context: MakeContext): AlarmCommon {
  const name = required('AlarmName', input.AlarmName);
  const tags = input.ActionConfiguration?.AlarmTagsPropagation;
  if (tags?.IncludedTagKeys && tags.ExcludedTagKeys)
    throw invalid('ActionConfiguration.AlarmTagsPropagation: give IncludedTagKeys or ExcludedTagKeys, not both');
  const initial: AlarmState = {
    value: 'INSUFFICIENT_DATA',
    reason: INITIAL_REASON,
    updatedAt: context.at,
    transitionedAt: context.at,
  };
  return {
    name,
    arn: `arn:aws:cloudwatch:${context.region}:${context.accountId}:alarm:${name}`,
    ...(input.AlarmDescription === undefined ? {} : { description: input.AlarmDescription }),
    actionsEnabled: input.ActionsEnabled ?? true,
    actions: {
      ALARM: input.AlarmActions ?? [],
      OK: input.OKActions ?? [],
      INSUFFICIENT_DATA: input.InsufficientDataActions ?? [],
    },
    ...(input.ActionConfiguration === undefined ? {} : { actionConfiguration: input.ActionConfiguration }),
    configuredAt: context.at,
    state: context.before?.state ?? initial,
  };
}

function checkPeriod(field: string, period: number | undefined): number {
  const seconds = required(field, period);
  if (![10, 20, 30].includes(seconds) && (seconds % 60 !== 0 || seconds <= 0))
    throw invalid(`${field}: expected 10, 20, 30 or a multiple of 60 seconds, got ${seconds}`);
  return seconds;
}

/** Namespace, name, dimensions, period and statistic of a metric. @throws AwsFault `ValidationError` naming the field. */
export function metricQuery(
  field: string,
  metric: {
    Namespace?: string | undefined;
    MetricName?: string | undefined;
    Dimensions?: { Name?: string | undefined; Value?: string | undefined }[] | undefined;
  },
  read: { period: number | undefined; stat: string | undefined; unit: string | undefined },
): MetricQuery {
  const stat = required(`${field}.Stat`, read.stat);
  if (!isKnownStatistic(stat)) throw invalid(`${field}: the statistic "${stat}" is not known to the local world`);
  const dimensions = (metric.Dimensions ?? []).map((d): [string, string] => [
    required(`${field}.Dimensions.Name`, d.Name),
    required(`${field}.Dimensions.Value`, d.Value),
  ]);
  return {
    metric: {
      namespace: required(`${field}.Namespace`, metric.Namespace),
      name: required(`${field}.MetricName`, metric.MetricName),
      dimensions: Object.fromEntries(dimensions),
    },
    periodSeconds: checkPeriod(`${field}.Period`, read.period),
    stat,
    ...(read.unit === undefined ? {} : { unit: read.unit }),
  };
}

/** The series of a list of metric data queries, as in PutMetricAlarm's `Metrics` and in GetMetricData. */
export function seriesOf(queries: readonly Wire<MetricDataQuery>[]): readonly Series[] {
  const series = queries.map((query): Series => {
    const id = required('Id', query.Id);
    if (!/^[a-z][a-zA-Z0-9_]*$/.test(id))
      throw invalid(`Id "${id}": expected a lower-case letter, then letters, digits, _`);
    const base = { id, returnData: query.ReturnData ?? true, ...(query.Label ? { label: query.Label } : {}) };
    if (query.Expression) return { ...base, expression: query.Expression };
    const stat = required(`Metrics.${id}.MetricStat`, query.MetricStat);
    const read = { period: stat.Period, stat: stat.Stat, unit: stat.Unit };
    return { ...base, query: metricQuery(`Metrics.${id}`, required('Metric', stat.Metric), read) };
  });
  // Tried on empty series, so that an expression that can't be read is refused when it is written.
  const empty = new Map(series.flatMap((s) => (s.query ? [[s.id, []] as const] : [])));
  evaluateMath(series, empty, 0);
  return series;
}

function seriesOfAlarm(input: Wire<PutMetricAlarmInput>): readonly Series[] {
  if (!input.Metrics?.length) {
    const stat = input.ExtendedStatistic ?? input.Statistic;
    const query = metricQuery('Alarm', input, { period: input.Period, stat, unit: input.Unit });
    return [{ id: crypto.randomUUID(), returnData: true, query }];
  }
  if (input.MetricName) throw invalid('MetricName and Metrics: give one of them');
  const series = seriesOf(input.Metrics);
  if (series.filter((s) => s.returnData).length !== 1)
    throw invalid('Metrics: exactly one of them must return data (ReturnData true), the one that is compared');
  return series;
}

/** @throws AwsFault `ValidationError` naming the field, as PutMetricAlarm does. Anomaly detection, PromQL and Metrics Insights aren't known. */
export function makeMetricAlarm(input: Wire<PutMetricAlarmInput>, context: MakeContext): MetricAlarm {
  if (input.ThresholdMetricId || input.EvaluationCriteria)
    throw invalid(
      'ThresholdMetricId, EvaluationCriteria: anomaly detection and PromQL are not part of the local world',
    );
  const series = seriesOfAlarm(input);
  const periods = new Set(series.flatMap((s) => s.query?.periodSeconds ?? []));
  const [periodSeconds] = periods;
  if (periodSeconds === undefined || periods.size > 1)
    throw invalid('Metrics: the metrics of one alarm must all have the same Period');
  const evaluationPeriods = required('EvaluationPeriods', input.EvaluationPeriods);
  const datapointsToAlarm = input.DatapointsToAlarm ?? evaluationPeriods;
  if (evaluationPeriods < 1 || datapointsToAlarm < 1 || datapointsToAlarm > evaluationPeriods)
    throw invalid('DatapointsToAlarm: expected a number from 1 to EvaluationPeriods');
  const limitSeconds = periodSeconds < 3600 ? 86_400 : 604_800;
  if (periodSeconds * evaluationPeriods > limitSeconds)
    throw invalid(`EvaluationPeriods: Period times EvaluationPeriods must not exceed ${limitSeconds} seconds`);
  const comparison = required('ComparisonOperator', input.ComparisonOperator);
  if (!isComparison(comparison))
    throw invalid(`ComparisonOperator: ${comparison} needs anomaly detection, not known here`);
  const treat = input.TreatMissingData ?? defaultTreatment(series);
  if (!isTreatment(treat)) throw invalid('TreatMissingData: expected breaching, notBreaching, ignore or missing');
  return {
    ...common(input, context),
    kind: 'metric',
    input,
    series,
    periodSeconds,
    evaluationPeriods,
    datapointsToAlarm,
    comparison,
    threshold: required('Threshold', input.Threshold),
    treatMissingData: treat,
  };
}

const isComparison = (name: string): name is Comparison => Object.hasOwn(COMPARISONS, name);
const isTreatment = (name: string): name is TreatMissingData =>
  ['breaching', 'notBreaching', 'ignore', 'missing'].includes(name);
/** "Alarms that evaluate metrics in the AWS/DynamoDB namespace default to ignore missing data." */
const defaultTreatment = (series: readonly Series[]): TreatMissingData =>
  series.some((s) => s.query?.metric.namespace === 'AWS/DynamoDB') ? 'ignore' : 'missing';

/** @throws AwsFault `ValidationError` naming the field; `exists` tells whether an alarm of this name or ARN is there. */
export function makeCompositeAlarm(
  input: Wire<PutCompositeAlarmInput>,
  context: MakeContext,
  exists: (alarm: string) => boolean,
): CompositeAlarm {
  const rule = parseRule(required('AlarmRule', input.AlarmRule));
  const missing = rule.children.filter((child) => !exists(child));
  if (missing.length > 0)
    throw invalid(
      `Could not save the composite alarm as alarms [${missing.join(', ')}] in the alarm rule do not exist`,
    );
  if (input.ActionsSuppressor && !exists(input.ActionsSuppressor))
    throw invalid(`ActionsSuppressor: there is no alarm ${input.ActionsSuppressor}`);
  return {
    ...common(input, context),
    kind: 'composite',
    input,
    rule,
    ...(input.ActionsSuppressor && {
      suppressor: {
        alarm: input.ActionsSuppressor,
        waitForSeconds: required('ActionsSuppressorWaitPeriod', input.ActionsSuppressorWaitPeriod),
        extendForSeconds: required('ActionsSuppressorExtensionPeriod', input.ActionsSuppressorExtensionPeriod),
      },
    }),
  };
}
