/** Schedule expressions by "Schedule types in EventBridge Scheduler". */
import { describe, expect, it } from '@jest/globals';
import { nextTime, parseExpression } from '../../../local/stand-ins/scheduler/expression.ts';

const at = (text: string) => new Date(text);
const next = (expression: string, after: string, timeZone = 'UTC') =>
  nextTime(
    parseExpression(expression, timeZone),
    { createdAt: at('2026-01-01T00:00:00Z') },
    at(after),
    1,
  )?.toISOString();

describe('cron', () => {
  it.each<[string, string, string, string]>([
    ['cron(15 10 * * ? *)', 'UTC', '2026-11-20T12:00:00Z', '2026-11-21T10:15:00.000Z'],
    ['cron(0/15 * * * ? *)', 'UTC', '2026-11-20T12:01:00Z', '2026-11-20T12:15:00.000Z'],
    ['cron(0 8 ? * 2-6 *)', 'UTC', '2026-11-20T12:00:00Z', '2026-11-23T08:00:00.000Z'],
    ['cron(0 8 ? * SUN *)', 'Asia/Tokyo', '2026-11-20T12:00:00Z', '2026-11-21T23:00:00.000Z'],
    ['cron(0 8 ? * 6L *)', 'UTC', '2026-11-20T12:00:00Z', '2026-11-27T08:00:00.000Z'],
    ['cron(0 8 ? * 6#1 *)', 'UTC', '2026-11-20T12:00:00Z', '2026-12-04T08:00:00.000Z'],
    ['cron(0 0 L * ? *)', 'UTC', '2026-11-20T12:00:00Z', '2026-11-30T00:00:00.000Z'],
    ['cron(0 0 1 1 ? 2028)', 'UTC', '2026-11-20T12:00:00Z', '2028-01-01T00:00:00.000Z'],
  ])('%s in %s runs next', (expression, timeZone, after, expected) => {
    expect(next(expression, after, timeZone)).toBe(expected);
  });

  it('leaves out the time that a clock skips in spring', () => {
    expect(next('cron(30 2 * * ? *)', '2027-03-27T12:00:00Z', 'Europe/Paris')).toBe('2027-03-29T00:30:00.000Z');
  });

  it('runs once at the time that comes twice in autumn', () => {
    const first = next('cron(30 2 * * ? *)', '2027-10-30T12:00:00Z', 'Europe/Paris');
    expect(first).toBe('2027-10-31T00:30:00.000Z');
    expect(next('cron(30 2 * * ? *)', '2027-10-31T00:30:00Z', 'Europe/Paris')).toBe('2027-11-01T01:30:00.000Z');
  });
});

describe('rate', () => {
  it('counts from when the schedule was made, whole periods on', () => {
    expect(next('rate(5 minutes)', '2026-01-01T00:07:00Z')).toBe('2026-01-01T00:10:00.000Z');
    expect(next('rate(5 minutes)', '2026-01-01T00:00:00Z')).toBe('2026-01-01T00:05:00.000Z');
  });

  it('is shortened by the time scale, and starts at its start date', () => {
    const span = { createdAt: at('2026-01-01T00:00:00Z'), start: at('2026-02-01T00:00:00Z') };
    const hourly = parseExpression('rate(1 hour)');
    expect(nextTime(hourly, span, at('2026-01-10T00:00:00Z'), 0.1)).toEqual(span.start);
    expect(nextTime(hourly, span, span.start, 0.1)?.toISOString()).toBe('2026-02-01T00:06:00.000Z');
  });

  it('ends at its end date', () => {
    const span = { createdAt: at('2026-01-01T00:00:00Z'), end: at('2026-01-01T00:59:00Z') };
    expect(nextTime(parseExpression('rate(1 hour)'), span, span.createdAt, 1)).toBeUndefined();
  });
});

describe('at', () => {
  it('is a time of the clock in its zone, once', () => {
    expect(next('at(2026-12-01T08:00:00)', '2026-11-01T00:00:00Z', 'America/New_York')).toBe(
      '2026-12-01T13:00:00.000Z',
    );
    expect(next('at(2026-12-01T08:00:00)', '2026-12-01T13:00:00Z', 'America/New_York')).toBeUndefined();
  });
});

describe('refused', () => {
  it.each([
    'rate(1 minutes)',
    'rate(5 minute)',
    'rate(0 minutes)',
    'rate(5 seconds)',
    'cron(0 8 * * * *)',
    'cron(0 8 ? * ? *)',
    'cron(0 8 * * ?)',
    'cron(99 8 * * ? *)',
    'at(tomorrow)',
    'at(2026-12-01)',
    '5 minutes',
  ])('%s', (expression) => {
    expect(() => parseExpression(expression)).toThrow(`Invalid Schedule Expression ${expression}.`);
  });

  it('is a time zone that isn’t known', () => {
    expect(() => parseExpression('rate(1 hour)', 'Mars/Olympus')).toThrow('ScheduleExpressionTimezone Mars/Olympus');
  });
});
