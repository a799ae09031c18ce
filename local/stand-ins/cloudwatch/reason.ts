/** The sentences and the `reasonData` document that CloudWatch writes beside a state (AWS page "Alarm events and EventBridge", samples). */
import type { Evaluation, EvaluationInput, StateValue } from './evaluator.ts';
import { COMPARISONS } from './evaluator.ts';

export const INITIAL_REASON = 'Unchecked: Initial alarm creation';

/** A time as CloudWatch writes it in documents: `2019-10-02T17:04:40.989+0000`. */
export const alarmTime = (date: Date): string => date.toISOString().replace('Z', '+0000');

/** A number as CloudWatch writes it in sentences: always with a decimal point. */
const decimal = (value: number): string => (Number.isInteger(value) ? value.toFixed(1) : String(value));

const two = (value: number): string => String(value).padStart(2, '0');

function shortTime(ms: number): string {
  const d = new Date(ms);
  const day = `${two(d.getUTCDate())}/${two(d.getUTCMonth() + 1)}/${two(d.getUTCFullYear() % 100)}`;
  return `${day} ${two(d.getUTCHours())}:${two(d.getUTCMinutes())}:${two(d.getUTCSeconds())}`;
}

const plural = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`;

/** A reason in words for a state that the evaluator found. `startsMs` are the starts of the range's periods, oldest first. */
export function reasonOf(
  state: StateValue,
  input: EvaluationInput,
  found: Evaluation,
  startsMs: readonly number[],
): string {
  if (state === 'INSUFFICIENT_DATA') {
    const unknown = input.datapoints.filter((value) => value === undefined).length;
    return `Insufficient Data: ${plural(unknown, 'datapoint')} ${unknown === 1 ? 'was' : 'were'} unknown.`;
  }
  const treated = input.treatMissingData === 'breaching' ? '[Breaching]' : '[NonBreaching]';
  if (found.used.length === 0)
    return `Threshold Crossed: no datapoints were received for ${plural(input.evaluationPeriods, 'period')} and ${plural(
      found.filled,
      'missing datapoint',
    )} ${found.filled === 1 ? 'was' : 'were'} treated as ${treated}.`;

  const toAlarm = state === 'ALARM';
  const { holds, words } = COMPARISONS[input.comparison];
  const shown = found.used.filter((p) => holds(input.datapoints[p] ?? Number.NaN, input.threshold) === toAlarm);
  const list = shown.map((p) => `${decimal(input.datapoints[p] ?? 0)} (${shortTime(startsMs[p] ?? 0)})`).join(', ');
  const needed = toAlarm ? input.datapointsToAlarm : input.evaluationPeriods - input.datapointsToAlarm + 1;
  const direction = toAlarm ? 'OK -> ALARM' : 'ALARM -> OK';
  return (
    `Threshold Crossed: ${shown.length} out of the last ${plural(found.used.length, 'datapoint')} [${list}] ` +
    `${shown.length === 1 ? 'was' : 'were'}${toAlarm ? '' : ' not'} ${words} the threshold (${decimal(input.threshold)}) ` +
    `(minimum ${plural(needed, 'datapoint')} for ${direction} transition).`
  );
}

/** The `reasonData` document, as JSON text. `stat` is absent for metric math. */
export function reasonDataOf(
  input: EvaluationInput,
  found: Evaluation,
  startsMs: readonly number[],
  about: { readonly queryDate: Date; readonly stat?: string; readonly periodSeconds: number },
): string {
  const oldest = found.used.at(-1);
  const values = found.used.map((p) => input.datapoints[p]);
  return JSON.stringify({
    version: '1.0',
    queryDate: alarmTime(about.queryDate),
    ...(oldest === undefined ? {} : { startDate: alarmTime(new Date(startsMs[oldest] ?? 0)) }),
    ...(about.stat === undefined ? {} : { statistic: about.stat }),
    period: about.periodSeconds,
    recentDatapoints: [...values].reverse(),
    threshold: input.threshold,
    evaluatedDatapoints: evaluatedDatapoints(input, found, startsMs),
  });
}

function evaluatedDatapoints(input: EvaluationInput, found: Evaluation, startsMs: readonly number[]): unknown[] {
  const positions = found.used.length > 0 ? found.used : input.datapoints.map((_, p) => p).reverse();
  return positions.map((p) => {
    const value = input.datapoints[p];
    const timestamp = alarmTime(new Date(startsMs[p] ?? 0));
    return value === undefined ? { timestamp } : { timestamp, value };
  });
}
