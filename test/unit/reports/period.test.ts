import { describe, expect, it } from '@jest/globals';
import { type PeriodKind, periodBefore } from '../../../functions/reports/period.ts';

const told = (kind: PeriodKind, at: string, zone: string) => {
  const { from, to, label } = periodBefore(kind, Date.parse(at), zone);
  return [new Date(from).toISOString(), new Date(to).toISOString(), label];
};

describe('the time of a report', () => {
  it.each([
    ['day', '2026-11-21T07:30:00Z', 'UTC', '2026-11-20T00:00:00.000Z', '2026-11-21T00:00:00.000Z', '2026-11-20'],
    // Clocks go back at 01:00 UTC on 2026-10-25 and on at 01:00 UTC on 2026-03-29 (European Union).
    [
      'day',
      '2026-10-26T06:30:00Z',
      'Europe/Paris',
      '2026-10-24T22:00:00.000Z',
      '2026-10-25T23:00:00.000Z',
      '2026-10-25',
    ],
    [
      'day',
      '2026-03-30T06:30:00Z',
      'Europe/Paris',
      '2026-03-28T23:00:00.000Z',
      '2026-03-29T22:00:00.000Z',
      '2026-03-29',
    ],
    [
      'day',
      '2026-11-21T20:00:00Z',
      'Asia/Kolkata',
      '2026-11-20T18:30:00.000Z',
      '2026-11-21T18:30:00.000Z',
      '2026-11-21',
    ],
    // Midnight of 2018-11-04 was skipped in São Paulo: that day began at 01:00.
    [
      'day',
      '2018-11-05T12:00:00Z',
      'America/Sao_Paulo',
      '2018-11-04T03:00:00.000Z',
      '2018-11-05T02:00:00.000Z',
      '2018-11-04',
    ],
    [
      'week',
      '2026-11-23T08:00:00Z',
      'UTC',
      '2026-11-16T00:00:00.000Z',
      '2026-11-23T00:00:00.000Z',
      '2026-11-16 to 2026-11-22',
    ],
    [
      'week',
      '2026-11-22T23:59:59Z',
      'UTC',
      '2026-11-09T00:00:00.000Z',
      '2026-11-16T00:00:00.000Z',
      '2026-11-09 to 2026-11-15',
    ],
    ['month', '2026-03-01T08:00:00Z', 'UTC', '2026-02-01T00:00:00.000Z', '2026-03-01T00:00:00.000Z', '2026-02'],
    [
      'month',
      '2026-01-31T23:30:00Z',
      'Europe/Paris',
      '2025-12-31T23:00:00.000Z',
      '2026-01-31T23:00:00.000Z',
      '2026-01',
    ],
    [
      'month',
      '2024-03-31T12:00:00Z',
      'America/New_York',
      '2024-02-01T05:00:00.000Z',
      '2024-03-01T05:00:00.000Z',
      '2024-02',
    ],
  ] as const)('%s before %s in %s', (kind, at, zone, from, to, label) => {
    expect(told(kind, at, zone)).toEqual([from, to, label]);
  });

  it('of a handoff is the last 24 hours to the second', () => {
    expect(told('last-24-hours', '2026-11-21T09:00:00Z', 'Europe/Paris').slice(0, 2)).toEqual([
      '2026-11-20T09:00:00.000Z',
      '2026-11-21T09:00:00.000Z',
    ]);
  });

  it('is refused in a zone that does not exist', () => {
    expect(() => periodBefore('day', 0, 'Mars/Olympus')).toThrow(RangeError);
  });
});
