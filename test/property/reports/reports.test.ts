import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { compose } from '../../../functions/reports/compose.ts';
import { longestGap, percentile, serviceLevel } from '../../../functions/reports/figures.ts';
import { htmlOf } from '../../../functions/reports/html.ts';
import { markdownOf } from '../../../functions/reports/markdown.ts';
import { REPORT_NAMES } from '../../../functions/reports/names.ts';
import { type PeriodKind, periodBefore } from '../../../functions/reports/period.ts';
import { FACTS } from '../../support/reports.ts';

const HOUR = 3_600_000;
/** With and without changing clocks, half hours, and midnights that are skipped. */
const zone = fc.constantFrom(
  ...['UTC', 'Europe/Paris', 'America/New_York', 'America/Sao_Paulo', 'Asia/Kolkata', 'Australia/Lord_Howe'],
  ...['Pacific/Kiritimati', 'Pacific/Pago_Pago', 'Asia/Beirut', 'America/Havana', 'Africa/Cairo'],
);
const moment = fc.integer({ min: Date.parse('2015-01-01T00:00:00Z'), max: Date.parse('2035-01-01T00:00:00Z') });
const LENGTHS: Readonly<Record<PeriodKind, readonly [leastHours: number, mostHours: number]>> = {
  day: [23, 25],
  week: [7 * 24 - 1, 7 * 24 + 1],
  month: [28 * 24 - 1, 31 * 24 + 1],
  'last-24-hours': [24, 24],
};
const kind = fc.constantFrom<PeriodKind>('day', 'week', 'month');

describe('the time of a report', () => {
  it('is over when it is written, is as long as its kind, and the one before ends where it begins', () => {
    fc.assert(
      fc.property(kind, moment, zone, (which, at, timeZone) => {
        const { from, to } = periodBefore(which, at, timeZone);
        const [least, most] = LENGTHS[which];
        expect(to).toBeLessThanOrEqual(at);
        expect((to - from) / HOUR).toBeGreaterThanOrEqual(least);
        expect((to - from) / HOUR).toBeLessThanOrEqual(most);
        expect(periodBefore(which, to, timeZone)).toMatchObject({ from, to });
        expect(periodBefore(which, to - 1, timeZone).to).toBe(from);
      }),
      { numRuns: 100 },
    );
  });
});

describe('a percentile', () => {
  const values = fc.array(fc.double({ min: 0, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 60 });

  it('is one of the values, of which at least so many percent are no larger, and grows with the percent', () => {
    fc.assert(
      fc.property(values, fc.double({ min: 0.1, max: 100, noNaN: true }), (all, percent) => {
        const found = percentile(all, percent) ?? Number.NaN;
        expect(all).toContain(found);
        expect(all.filter((value) => value <= found).length).toBeGreaterThanOrEqual(
          (percent / 100) * all.length - 1e-9,
        );
        expect(percentile(all, 100)).toBe(Math.max(...all));
        expect(percentile(all, percent / 2) ?? Number.NaN).toBeLessThanOrEqual(found);
      }),
    );
  });

  it('of nothing is not known', () => {
    expect(percentile([], 50)).toBeUndefined();
  });
});

describe('a service level', () => {
  const period = { from: 0, to: 240 * HOUR };
  const hours = fc
    .array(
      fc.tuple(fc.nat(10_000), fc.nat(100), fc.option(fc.double({ min: 0, max: 10, noNaN: true }), { nil: undefined })),
      {
        maxLength: 240,
      },
    )
    .map((all) =>
      all.map(([requests, failed, p95Seconds], index) => ({
        ...{ at: index * HOUR, requests, failed: Math.min(requests, failed), p95Seconds },
      })),
    );
  const objective = fc.double({ min: 90, max: 99.999, noNaN: true });

  it('keeps its budget exactly as long as it meets its objective, and counts hours once', () => {
    fc.assert(
      fc.property(hours, objective, (all, objectivePercent) => {
        const level = serviceLevel(all, period, { objectivePercent, latencySeconds: 2 });
        if (!level) return all.every(({ requests }) => requests === 0);
        const { availablePercent, budget, silentHours, slowHours, latencyHours } = level;
        expect(availablePercent).toBeGreaterThanOrEqual(0);
        expect(availablePercent).toBeLessThanOrEqual(100);
        expect(slowHours).toBeLessThanOrEqual(latencyHours);
        expect(silentHours).toBe(240 - all.filter(({ requests }) => requests > 0).length);
        const left = budget?.leftShare ?? Number.NaN;
        if (Math.abs(availablePercent - objectivePercent) > 1e-6)
          expect(left > 0).toBe(availablePercent > objectivePercent);
        expect(left).toBeLessThanOrEqual(1);
        return true;
      }),
    );
  });

  it('has none of its budget left over that it does not have: what failed is taken off once', () => {
    const all = [{ at: 0, requests: 1000, failed: 1 }];
    const { budget } = serviceLevel(all, period, { objectivePercent: 99.8, latencySeconds: 2 }) ?? {};
    expect(budget?.leftShare).toBeCloseTo(0.5, 9);
    expect(budget?.leftMinutes).toBeCloseTo((240 * 60 * 0.002) / 2, 6);
  });
});

describe('the longest time without', () => {
  it('is at least the mean of the gaps and never longer than the period', () => {
    const moments = fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(moments, (all) => {
        const { ms: gap, isAtLeast } = longestGap(all, { from: 0, to: 1000 });
        const before = longestGap(all, { from: 0, to: 1000 }, -10);
        expect(before.ms).toBeGreaterThanOrEqual(gap);
        expect([before.isAtLeast, isAtLeast]).toEqual([false, gap === Math.min(...all)]);
        expect(gap).toBeLessThanOrEqual(1000);
        expect(gap).toBeGreaterThanOrEqual(1000 / (all.length + 1) - 1e-9);
      }),
    );
    expect(longestGap([], { from: 0, to: 1000 })).toEqual({ ms: 1000, isAtLeast: true });
    expect(longestGap([], { from: 0, to: 1000 }, -5)).toEqual({ ms: 1005, isAtLeast: false });
  });
});

describe('any text from outside', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom(
      '<script>alert(1)</script>',
      '"><svg onload=alert(1)>',
      '| a |\n| b |',
      '[x](javascript:alert(1))',
      '=1+1',
      '`',
    ),
  );

  it('opens no tag in the page and no row in the Markdown of any report', () => {
    const tags = (html: string) => html.match(/<[a-z]+/g)?.length;
    const lines = (markdown: string) => markdown.split('\n').length;
    fc.assert(
      fc.property(fc.constantFrom(...REPORT_NAMES), text, (name, value) => {
        const poisoned = {
          ...FACTS,
          deployment: value,
          unread: [value],
          incidents: FACTS.incidents.map((each) => ({ ...each, title: value, target: value, id: value })),
          jobs: FACTS.jobs.map((each) => ({ ...each, lastSummary: value, subject: value, job: each.job })),
          services: FACTS.services.map((each) => ({ ...each, name: value, requests: each.requests?.slice(0, 5) })),
          databases: FACTS.databases.map((each) => ({ ...each, name: value })),
          targets: [{ target: value, holds: [value], takenOver: { by: value, until: 0, reason: value } }],
          drills: FACTS.drills.map((each) => ({ ...each, title: value })),
        };
        const harmless = JSON.parse(JSON.stringify(poisoned), (_, each) => (each === value ? 'harmless' : each));
        const [bad, good] = [compose(name, poisoned), compose(name, harmless)];
        expect(tags(htmlOf(bad))).toBe(tags(htmlOf(good)));
        expect(lines(markdownOf(bad))).toBe(lines(markdownOf(good)));
      }),
      { numRuns: 40 },
    );
  });
});
