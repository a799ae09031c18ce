import { describe, expect, it } from '@jest/globals';
import type { EvaluationInput, TreatMissingData } from '../../../local/stand-ins/cloudwatch/evaluator.ts';
import { evaluate } from '../../../local/stand-ins/cloudwatch/evaluator.ts';

const TREATMENTS: readonly TreatMissingData[] = ['missing', 'ignore', 'breaching', 'notBreaching'];
const points = (row: string) => row.split(' ').map((c) => (c === '-' ? undefined : c === 'X' ? 100 : 0));
const judge = (row: string, m: number, treatMissingData: TreatMissingData, more: Partial<EvaluationInput> = {}) =>
  evaluate({
    datapoints: points(row),
    evaluationPeriods: 3,
    datapointsToAlarm: m,
    comparison: 'GreaterThanThreshold',
    threshold: 50,
    treatMissingData,
    ...more,
  });

describe('the first table of "Configuring how CloudWatch alarms treat missing data" (3 of 3, range of 5)', () => {
  it.each([
    // datapoints, filled, then missing / ignore / breaching / notBreaching
    ['0 - X - X', 0, 'OK', 'OK', 'OK', 'OK'],
    ['0 - - - -', 2, 'OK', 'OK', 'OK', 'OK'],
    ['- - - - -', 3, 'INSUFFICIENT_DATA', 'retain', 'ALARM', 'OK'],
    ['0 X X - X', 0, 'ALARM', 'ALARM', 'ALARM', 'ALARM'],
    ['- - X - -', 2, 'ALARM', 'retain', 'ALARM', 'OK'],
  ])('judges %s as the page does', (row, filled, ...states) => {
    expect(TREATMENTS.map((treatment) => judge(row, 3, treatment).state)).toEqual(states);
    expect(judge(row, 3, 'missing').filled).toBe(filled);
  });
});

describe('the second table of the page (2 of 3, range of 5)', () => {
  it.each([
    ['0 - X - X', 0, 'ALARM', 'ALARM', 'ALARM', 'ALARM'],
    ['0 0 X 0 X', 0, 'ALARM', 'ALARM', 'ALARM', 'ALARM'],
    ['0 - X - -', 1, 'OK', 'OK', 'ALARM', 'OK'],
    ['- - - - 0', 2, 'OK', 'OK', 'ALARM', 'OK'],
    ['- - - X -', 2, 'ALARM', 'retain', 'ALARM', 'OK'],
  ])('judges %s as the page does', (row, filled, ...states) => {
    expect(TREATMENTS.map((treatment) => judge(row, 2, treatment).state)).toEqual(states);
    expect(judge(row, 2, 'missing').filled).toBe(filled);
  });
});

describe('avoiding premature transitions to alarm state', () => {
  it.each([
    ['- - - - X', 'retain'],
    ['- - - X -', 'retain'],
    ['- - - X 0', 'OK'],
    ['- - X - 0', 'OK'],
    ['- X - - -', 'ALARM'],
  ])('judges %s (3 of 3, missing) as %s', (row, state) => {
    expect(judge(row, 3, 'missing').state).toBe(state);
  });
});

describe('comparison', () => {
  it.each([
    ['GreaterThanThreshold', 50, 'OK'],
    ['GreaterThanOrEqualToThreshold', 50, 'ALARM'],
    ['LessThanThreshold', 50, 'OK'],
    ['LessThanOrEqualToThreshold', 50, 'ALARM'],
    ['LessThanThreshold', 49.9, 'ALARM'],
    ['GreaterThanThreshold', 50.1, 'ALARM'],
  ] as const)('%s judges %d against 50 as %s', (comparison, value, state) => {
    const one = { evaluationPeriods: 1, comparison, datapoints: [undefined, undefined, value] };
    expect(judge('', 1, 'missing', one).state).toBe(state);
  });
});

describe('which datapoints are judged', () => {
  it('uses the newest real ones only, newest first', () => {
    expect(judge('X X 0 - 0 0', 3, 'missing').used).toEqual([5, 4, 2]);
  });
});
