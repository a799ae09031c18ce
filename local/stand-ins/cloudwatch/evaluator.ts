/**
 * Decides an alarm's state from its datapoints. Pure.
 * Follows AWS pages "Alarm evaluation" and "Configuring how CloudWatch alarms treat missing data" (both tables are tests).
 */

export type StateValue = 'OK' | 'ALARM' | 'INSUFFICIENT_DATA';
export type TreatMissingData = 'breaching' | 'notBreaching' | 'ignore' | 'missing';

export const COMPARISONS = {
  GreaterThanOrEqualToThreshold: { holds: (v: number, t: number) => v >= t, words: 'greater than or equal to' },
  GreaterThanThreshold: { holds: (v: number, t: number) => v > t, words: 'greater than' },
  LessThanThreshold: { holds: (v: number, t: number) => v < t, words: 'less than' },
  LessThanOrEqualToThreshold: { holds: (v: number, t: number) => v <= t, words: 'less than or equal to' },
} as const;
export type Comparison = keyof typeof COMPARISONS;

export interface EvaluationInput {
  /** One entry for each period of the evaluation range, oldest first; `undefined` = missing. */
  readonly datapoints: readonly (number | undefined)[];
  readonly evaluationPeriods: number;
  readonly datapointsToAlarm: number;
  readonly comparison: Comparison;
  readonly threshold: number;
  readonly treatMissingData: TreatMissingData;
}

export interface Evaluation {
  /** `retain`: the alarm keeps the state it has. */
  readonly state: StateValue | 'retain';
  /** Positions in `datapoints` of the real datapoints that were judged, newest first. */
  readonly used: readonly number[];
  /** Periods that had to be filled by `treatMissingData`. */
  readonly filled: number;
}

/**
 * Periods that are read for an alarm. AWS's page reads 5 for 3 ("CloudWatch attempts to retrieve a higher number"), and doesn't
 * publish the numbers for other lengths: two more than the evaluation periods are read for all.
 */
export const evaluationRange = (evaluationPeriods: number): number => evaluationPeriods + 2;

/** Judges the datapoints; see the pages named above for the rules. */
export function evaluate(input: EvaluationInput): Evaluation {
  const { datapoints, evaluationPeriods, datapointsToAlarm } = input;
  const real = datapoints.flatMap((value, position) => (value === undefined ? [] : [{ value, position }])).reverse();
  const used = real.slice(0, evaluationPeriods);
  const breaching = used.filter(({ value }) => COMPARISONS[input.comparison].holds(value, input.threshold));
  const filled = evaluationPeriods - used.length;
  const result = (state: Evaluation['state']): Evaluation => ({ state, used: used.map((d) => d.position), filled });

  if (filled === 0) return result(breaching.length >= datapointsToAlarm ? 'ALARM' : 'OK');
  switch (input.treatMissingData) {
    case 'breaching':
      return result(breaching.length + filled >= datapointsToAlarm ? 'ALARM' : 'OK');
    case 'notBreaching':
      return result(breaching.length >= datapointsToAlarm ? 'ALARM' : 'OK');
    case 'missing':
    case 'ignore': {
      if (used.length === 0) return result(input.treatMissingData === 'missing' ? 'INSUFFICIENT_DATA' : 'retain');
      if (breaching.length >= datapointsToAlarm) return result('ALARM');
      if (breaching.length < used.length) return result('OK');
      // Only breaching datapoints, too few of them: "Avoiding premature transitions to alarm state".
      const oldestAge = datapoints.length - Math.min(...used.map((d) => d.position));
      const premature = oldestAge < datapointsToAlarm;
      return result(!premature && input.treatMissingData === 'missing' ? 'ALARM' : 'retain');
    }
  }
}
