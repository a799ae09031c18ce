import { describe, expect, it } from '@jest/globals';
import type { StateValue } from '../../../local/stand-ins/cloudwatch/evaluator.ts';
import { parseRule } from '../../../local/stand-ins/cloudwatch/rule.ts';
import { suppressionAtChange, suppressionNow } from '../../../local/stand-ins/cloudwatch/suppression.ts';

const STATES: Record<string, StateValue> = { a: 'ALARM', b: 'OK', c: 'INSUFFICIENT_DATA', 'd (old) x': 'ALARM' };
const holds = (rule: string) => parseRule(rule).holds((name) => STATES[name] ?? 'OK');

describe('a composite alarm’s rule', () => {
  it.each([
    ['ALARM(a)', true],
    ['ALARM("a")', true],
    ['ALARM("d (old) x")', true],
    ['OK(b) AND INSUFFICIENT_DATA(c)', true],
    ['ALARM(b) OR ALARM(c)', false],
    ['NOT ALARM(b)', true],
    ['ALARM(b) AND ALARM(b) OR ALARM(a)', true],
    ['ALARM(b) AND (ALARM(b) OR ALARM(a))', false],
    ['NOT (ALARM(a) AND OK(b))', false],
    ['TRUE', true],
    ['FALSE OR (ALARM( a ))', true],
  ])('%s', (rule, expected) => {
    expect(holds(rule)).toBe(expected);
  });
  it('names its children once each', () => {
    expect(parseRule('ALARM(a) OR (OK(b) AND NOT ALARM("a"))').children).toEqual(['a', 'b']);
  });
  it.each([
    '',
    'a',
    'ALARM()',
    'ALARM(a',
    'ALARM(a) ALARM(b)',
    'AND ALARM(a)',
    'ALARM(a) AND',
    '(ALARM(a)',
    'BROKEN(a)',
  ])('refuses "%s"', (rule) => {
    expect(() => parseRule(rule)).toThrow(/AlarmRule/);
  });
});

describe('suppression of actions', () => {
  const setting = { waitForSeconds: 120, extendForSeconds: 180 };
  it('waits for the suppressor after a change, then lets the actions go', () => {
    const held = suppressionAtChange(setting, false, 0);
    expect(held).toEqual({ by: 'WaitPeriod', untilMs: 120_000 });
    if (!held) throw new Error('not held');
    expect(suppressionNow(setting, held, false, 119_999)).toBe(held);
    expect(suppressionNow(setting, held, false, 120_000)).toBeUndefined();
  });
  it('lasts while the suppressor fires, and an extension longer', () => {
    const held = { by: 'WaitPeriod', untilMs: 120_000 } as const;
    expect(suppressionNow(setting, held, true, 60_000)).toEqual({ by: 'Alarm' });
    expect(suppressionNow(setting, { by: 'Alarm' }, false, 60_000)).toEqual({
      by: 'ExtensionPeriod',
      untilMs: 240_000,
    });
    expect(suppressionNow(setting, { by: 'ExtensionPeriod', untilMs: 240_000 }, false, 240_000)).toBeUndefined();
  });
});
