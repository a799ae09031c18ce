import { describe, expect, it } from '@jest/globals';
import { evaluateMath, type Values } from '../../../local/stand-ins/cloudwatch/expression.ts';

const GIVEN = new Map<string, Values>([
  ['a', [1, 2, undefined, 4]],
  ['b', [10, undefined, 30, 0]],
]);
const compute = (expression: string) =>
  evaluateMath([{ id: 'a' }, { id: 'b' }, { id: 'e', expression }], GIVEN, 4).get('e');

describe('metric math', () => {
  it.each([
    ['a + 1', [2, 3, undefined, 5]],
    ['a + b * 2', [21, undefined, undefined, 4]],
    ['(a + b) * 2', [22, undefined, undefined, 8]],
    ['10 - 4 - 3', [3, 3, 3, 3]],
    ['-a', [-1, -2, undefined, -4]],
    ['a / b', [0.1, undefined, undefined, undefined]],
    ['SUM([a, b])', [11, 2, 30, 4]],
    ['SUM(METRICS())', [11, 2, 30, 4]],
    ['MAX([a, b])', [10, 2, 30, 4]],
    ['MIN([a, b])', [1, 2, 30, 0]],
    ['AVG([a, b])', [5.5, 2, 30, 2]],
    ['SUM(a)', [7, 7, 7, 7]],
    ['FILL(a, 0)', [1, 2, 0, 4]],
    ['FILL(a, REPEAT)', [1, 2, 2, 4]],
    ['IF(a > 1, b, 5)', [5, undefined, undefined, 0]],
    ['IF(a >= 2 AND a < 4, 1, 0)', [0, 1, undefined, 0]],
    ['CEIL(a / 3)', [1, 1, undefined, 2]],
    ['100 * a / FILL(b, 10)', [10, 20, undefined, undefined]],
  ])('%s', (expression, expected) => {
    expect(compute(expression)).toEqual(expected);
  });
  it('lets expressions use each other', () => {
    const queries = [{ id: 'a' }, { id: 'twice', expression: 'a * 2' }, { id: 'e', expression: 'twice + 1' }];
    expect(evaluateMath(queries, GIVEN, 4).get('e')).toEqual([3, 5, undefined, 9]);
  });
  it.each([
    'a +',
    'a b',
    '(a',
    'nobody + 1',
    'e + 1',
    'ANOMALY_DETECTION_BAND(a, 2)',
    "SEARCH('{AWS/EC2}', 'Average', 300)",
    '[a, b] + 1',
    'FILL(a, LINEAR)',
    'SUM(a, b)',
  ])('refuses %s with a sentence', (expression) => {
    expect(() => compute(expression)).toThrow(/Metric math expression/);
  });
});
