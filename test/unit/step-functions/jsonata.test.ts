/** JSONata as "Transforming data with JSONata in Step Functions" has it, above all what an emulator got wrong before. */
import { describe, expect, it } from '@jest/globals';
import { syntaxError } from '../../../local/stand-ins/step-functions/expressions.ts';
import { only, outputOf, stage } from './support.ts';

const INPUT = { list: [{ v: 1 }, { v: 2 }, { v: 3 }], at: '2026-01-02T03:04:05Z', text: 'a,b' };
const value = (expression: string) => outputOf(only({ Type: 'Pass', Output: `{% ${expression} %}` }), INPUT);

describe('the language', () => {
  it.each([
    ['$map($states.input.list, function($each) { $each.v * 2 })', [2, 4, 6]],
    ['$filter($states.input.list, function($each) { $each.v > 1 }).v', [2, 3]],
    ['$states.input.list[v > 1]', [{ v: 2 }, { v: 3 }]],
    ['$states.input.list.v', [1, 2, 3]],
    ['$states.input.list[v = 2].v', 2],
    ['$reduce($states.input.list.v, function($a, $b) { $a + $b })', 6],
    ['$sort($states.input.list, function($a, $b) { $a.v < $b.v }).v', [3, 2, 1]],
    ['$toMillis($states.input.at)', Date.parse(INPUT.at)],
    ['$fromMillis(0)', '1970-01-01T00:00:00.000Z'],
    ['$states.input.list{"k" & v: v}', { k1: 1, k2: 2, k3: 3 }],
    ['($sum := $sum($states.input.list.v); $sum > 5 ? "many" : "few")', 'many'],
    ['$split($states.input.text, ",")', ['a', 'b']],
    ['$replace($states.input.text, /[ab]/, "x")', 'x,x'],
    ['$merge([{"a": 1}, {"b": 2}])', { a: 1, b: 2 }],
    [
      '$states.input.list ~> |$|{"w": v}| ',
      [
        { v: 1, w: 1 },
        { v: 2, w: 2 },
        { v: 3, w: 3 },
      ],
    ],
    ['null', null],
    ['[]', []],
  ])('%s', async (expression, expected) => {
    expect(await value(expression)).toEqual(expected);
  });
});

describe('the functions of Step Functions', () => {
  it.each([
    ['$partition([1, 2, 3], 2)', [[1, 2], [3]]],
    ['$range(0, 1, 0.5)', [0, 0.5, 1]],
    ['$range(3, 1, -1)', [3, 2, 1]],
    ['$hash("input data", "SHA-1")', 'aaff4a450a104cd177d28d18d74485e8cae074b7'],
    ['$parse("{\\"a\\": [1]}").a', [1]],
    ['$random(7) = $random(7)', true],
    ['$random() < 1', true],
    ['$uuid() = $uuid()', false],
    ['$length($uuid())', 36],
  ])('%s', async (expression, expected) => {
    expect(await value(expression)).toEqual(expected);
  });
});

describe('an expression that fails', () => {
  it.each([
    ['$states.input.missing', 'returned nothing (undefined).'],
    ['$unknown', 'returned nothing (undefined).'],
    ['missing', 'returned nothing (undefined).'],
    ['$number("x")', 'threw an error during evaluation. D3030: Unable to cast value to a number: "x"'],
    ['$eval("1")', 'threw an error during evaluation. T1006'],
    ['$parse("{")', 'threw an error during evaluation.'],
    ['$range(1, 10000, 1)', 'gives at most 1000 values'],
    ['function($x) { $x }', 'returned a function'],
    ['$sum', 'returned a function'],
  ])('%s says what and where', async (expression, text) => {
    const record = await stage().run(only({ Type: 'Pass', Output: { deep: [`{% ${expression} %}`] } }));
    expect(record.outcome).toMatchObject({ status: 'FAILED', error: 'States.QueryEvaluationError' });
    const told =
      `An error occurred while executing the state 'S' (entered at the event id #2). ` +
      `The JSONata expression '${expression}' specified for the field 'Output/deep[0]'`;
    expect(record.outcome?.cause).toContain(told);
    expect(record.outcome?.cause).toContain(text);
    expect(record.history.events[2]).toMatchObject({
      type: 'EvaluationFailed',
      details: ['evaluationFailed', { state: 'S', location: 'Output/deep[0]', error: 'States.QueryEvaluationError' }],
    });
  });
});

describe('variables', () => {
  it('are all assigned from the values on entering, and seen from the next state on', async () => {
    const machine = {
      StartAt: 'A',
      States: {
        A: { Type: 'Pass', Assign: { x: 1, y: { deep: [true] } }, Next: 'B' },
        B: { Type: 'Pass', Assign: { x: '{% $x + 1 %}', old: '{% $x %}' }, Output: '{% $x %}', Next: 'C' },
        C: { Type: 'Pass', Output: '{% [$states.input, $x, $old, $y.deep] %}', End: true },
      },
    };
    expect(await outputOf(machine)).toEqual([1, 2, 1, true]);
  });

  it('are told in the history where they are assigned', async () => {
    const record = await stage().run(only({ Type: 'Pass', Assign: { x: { n: 1 } } }));
    expect(record.history.events[2]?.details?.[1]).toMatchObject({ assignedVariables: { x: '{"n":1}' } });
  });
});

describe('syntax', () => {
  it('is checked before anything runs', () => {
    expect(syntaxError('1 + 1')).toBeUndefined();
    expect(syntaxError('1 +')).toBe('S0207: Unexpected end of expression');
  });
});
