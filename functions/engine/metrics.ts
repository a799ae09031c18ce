/**
 * What Nightshift measures of itself: a line of the log for each measure. Those that an alarm watches, and all of them where the configuration asks for it
 * (`selfWatch.metrics`), are in CloudWatch's embedded metric format, which CloudWatch turns into metrics by itself ("Specification: Embedded metric format", Amazon
 * CloudWatch User Guide; on Lambda "writing JSON to standard out ... is sufficient"). The others can be asked of the log.
 *
 * A metric of one's own costs 0.30 USD a month for each combination of dimension values, by the hour in which it is sent ("Amazon CloudWatch
 * Pricing", custom metrics, prorated hourly). So nothing is sent while nothing happens, and dimensions have few, known values: never an
 * alarm's name or anything else that comes from outside; of targets only the databases that the configuration has heartbeats written into.
 */
import type { JournalEntry } from '../../events/journal.ts';
import type { Outcome } from '../../events/outcome.ts';

export const NAMESPACE = 'Nightshift';

/** Set to `all` where every measure is to be a metric (infra/constructs/nightshift-function.ts). */
export const METRICS_SETTING = 'NIGHTSHIFT_METRICS';

interface Metric {
  readonly unit: 'Count' | 'Milliseconds' | 'Seconds';
  readonly dimensions: readonly string[];
  /** An alarm watches it, so it is a metric everywhere. */
  readonly isWatched?: true;
}

/** Every measure: its unit, and its dimensions besides `Deployment`. */
export const METRICS = {
  /** What signals and orders ended in. */
  Outcomes: { unit: 'Count', dimensions: ['Remediation', 'Outcome'] },
  /** Signals put off or refused, by the guardrail or reason. */
  Held: { unit: 'Count', dimensions: ['Guardrail'] },
  /** From the alarm's change of state to its change recorded as done. */
  AlarmToChange: { unit: 'Milliseconds', dimensions: [] },
  /** Changes that were verified, or weren't by their deadline. */
  Verifications: { unit: 'Count', dimensions: ['Verdict'] },
  /** Calls for a person that left by the page topic, and tries that failed. */
  Pages: { unit: 'Count', dimensions: [] },
  PageFailures: { unit: 'Count', dimensions: [] },
  /** Work that was due when the reconciler looked, and how long the oldest piece had waited. */
  WorkDue: { unit: 'Count', dimensions: [] },
  WorkOverdue: { unit: 'Seconds', dimensions: [] },
  /** Deliveries to channels that failed; they are tried again. */
  NotifyFailures: { unit: 'Count', dimensions: [] },
  /** What the follow-through did, by kind of step, and how late it called people after it was due. */
  FollowSteps: { unit: 'Count', dimensions: ['Step'] },
  CallLateness: { unit: 'Seconds', dimensions: [] },
  /** What the public endpoint answered, by HTTP status. */
  LinkAnswers: { unit: 'Count', dimensions: ['Status'] },
  /** Incidents that were archived, tries that failed, and how long after its end an incident was kept. */
  Archived: { unit: 'Count', dimensions: [] },
  ArchiveFailures: { unit: 'Count', dimensions: [] },
  ArchiveAge: { unit: 'Seconds', dimensions: [] },
  /** Runs of jobs that ended, by verdict, and how long after their time that was. */
  JobRuns: { unit: 'Count', dimensions: ['Job', 'Verdict'] },
  JobAge: { unit: 'Seconds', dimensions: ['Job'] },
  /** Databases whose heartbeat can't be written before a person has set it up. The alarm `heartbeats-not-set-up` watches it. */
  HeartbeatsNotSetUp: { unit: 'Count', dimensions: [], isWatched: true },
  /** 1: no beat of a minute's heartbeats was answered by the database's server; 0: one was. The alarm `<database>-down` watches it. */
  DatabaseUnanswered: { unit: 'Count', dimensions: ['DBInstanceIdentifier'], isWatched: true },
  /** 1: the primary of each pair was granted time to write, and is held to it; 0: not so. The alarm `authority-not-kept` watches it. */
  AuthorityKept: { unit: 'Count', dimensions: [], isWatched: true },
  /** A primary database was told until when it may write. The alarm `authority-not-heard` watches it in the primary's region, whatever becomes of the standby's. */
  AuthorityHeard: { unit: 'Count', dimensions: [], isWatched: true },
  /** What a person must look at: events given up on, work that doesn't get done. The alarm `trouble` watches what is new of it. */
  Trouble: { unit: 'Count', dimensions: [] },
  NewTrouble: { unit: 'Count', dimensions: [], isWatched: true },
} as const satisfies Record<string, Metric>;

export type MetricName = keyof typeof METRICS;

/** One value. `dimensions` has exactly the ones that METRICS names for it. */
export interface Measure {
  readonly name: MetricName;
  readonly value: number;
  readonly dimensions?: Readonly<Record<string, string>>;
}

/** Whether a measure becomes a metric. @param setting value of NIGHTSHIFT_METRICS. */
export function isMetric(name: MetricName, setting: string | undefined): boolean {
  const { isWatched }: Metric = METRICS[name];
  return isWatched === true || setting === 'all';
}

/** The line for one measure. Pure. @param at epoch milliseconds. @param asMetric whether CloudWatch makes a metric of it. */
export function metricLine(
  deployment: string,
  { name, value, dimensions = {} }: Measure,
  at: number,
  asMetric: boolean,
) {
  const { unit, dimensions: names } = METRICS[name];
  const directive = {
    Namespace: NAMESPACE,
    Dimensions: [['Deployment', ...names]],
    Metrics: [{ Name: name, Unit: unit }],
  };
  return {
    ...(asMetric && { _aws: { Timestamp: at, CloudWatchMetrics: [directive] } }),
    measure: name,
    Deployment: deployment,
    ...Object.fromEntries(names.map((each) => [each, dimensions[each] ?? 'unknown'])),
    [name]: value,
  };
}

/** Writes measures to the log, one line each. */
export function measure(deployment: string, measures: readonly Measure[], at: number = Date.now()): void {
  const setting = process.env[METRICS_SETTING];
  for (const each of measures)
    process.stdout.write(`${JSON.stringify(metricLine(deployment, each, at, isMetric(each.name, setting)))}\n`);
}

/**
 * What an invocation of a remediation amounts to. Pure.
 * @param event what the function was invoked with; only the time of the alarm's change of state is read of it.
 */
export function outcomeMeasures(remediation: string, outcome: Outcome, event: unknown, now: number): Measure[] {
  const measures: Measure[] = [
    { name: 'Outcomes', value: 1, dimensions: { Remediation: remediation, Outcome: outcome.kind } },
  ];
  const guardrail = guardrailOf(outcome);
  if (guardrail !== undefined) measures.push({ name: 'Held', value: 1, dimensions: { Guardrail: guardrail } });
  const firedAt = outcome.kind === 'remediated' ? changeOfStateIn(event) : undefined;
  if (firedAt !== undefined) measures.push({ name: 'AlarmToChange', value: Math.max(0, now - firedAt) });
  return measures;
}

function guardrailOf(outcome: Outcome): string | undefined {
  if (outcome.kind === 'held') return outcome.reason;
  return outcome.kind === 'refused' ? outcome.guardrail : undefined;
}

/** `detail.state.timestamp` of an alarm's event; undefined for orders of the reconciler, which come long after. */
function changeOfStateIn(event: unknown): number | undefined {
  const state = (event as { detail?: { state?: { timestamp?: unknown } } } | null | undefined)?.detail?.state;
  const at = typeof state?.timestamp === 'string' ? Date.parse(state.timestamp) : Number.NaN;
  return Number.isNaN(at) ? undefined : at;
}

/** What entries written to the journal amount to. Pure. */
export function entryMeasures(entries: readonly Pick<JournalEntry, 'kind'>[]): Measure[] {
  return entries.flatMap(({ kind }) =>
    kind === 'verified' || kind === 'not-verified'
      ? [{ name: 'Verifications' as const, value: 1, dimensions: { Verdict: kind } }]
      : [],
  );
}
