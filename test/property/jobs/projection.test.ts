import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { projectionOf } from '../../../functions/jobs/check-capacity/projection.ts';

const value = fc.integer({ min: 0, max: 1000 });
const anyDays = fc.array(fc.option(value, { nil: undefined, freq: 5 }), { maxLength: 40 });
const rule = fc.record({
  limit: fc.integer({ min: 1, max: 1200 }),
  level: fc.constantFrom('newest' as const, 'busiest' as const),
  fallAbove: fc.option(fc.integer({ min: 1, max: 500 }), { nil: undefined }),
});

describe('a projection of any month', () => {
  it('tells figures that can be told, and days left only below the limit', () => {
    fc.assert(
      fc.property(anyDays, rule, (days, limits) => {
        const seen = projectionOf(days, limits);
        if (seen.kind === 'unknown') return;
        expect(Number.isFinite(seen.now)).toBe(true);
        expect(seen.now >= limits.limit).toBe(seen.kind === 'reached');
        if (seen.kind !== 'grows') return;
        expect(seen.daysLeft).toBeGreaterThan(0);
        expect(seen.now + seen.perDay * seen.daysLeft).toBeCloseTo(limits.limit, 6);
      }),
    );
  });

  it('finds a straight growth behind any weekly rhythm, and the days left to the day', () => {
    const week = fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 7, maxLength: 7 });
    fc.assert(
      fc.property(week, fc.integer({ min: 1, max: 20 }), fc.integer({ min: 14, max: 30 }), (rhythm, perDay, count) => {
        const days = Array.from({ length: count }, (_, day) => perDay * day + (rhythm[day % 7] ?? 0));
        const now = Math.max(...days.slice(-7));
        const seen = projectionOf(days, { limit: now + 10 * perDay, level: 'busiest' });
        expect(seen).toMatchObject({ kind: 'grows', now });
        if (seen.kind === 'grows') expect(seen.daysLeft).toBeCloseTo(10, 6);
      }),
    );
  });

  it('isn’t bent by three wild days before this week', () => {
    const wild = fc.uniqueArray(fc.integer({ min: 0, max: 22 }), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(wild, value, (indices, instead) => {
        const days = Array.from({ length: 30 }, (_, day) => (indices.includes(day) ? instead : 100 + day));
        expect(projectionOf(days, { limit: 2000, level: 'busiest' })).toMatchObject({ kind: 'grows', perDay: 1 });
      }),
    );
  });

  it('sees the same growth when storage was added on any one day', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 29 }), fc.integer({ min: 20, max: 200 }), (grownOn, by) => {
        const days = Array.from({ length: 30 }, (_, day) => 300 + day - (day >= grownOn ? by : 0));
        const seen = projectionOf(days, { limit: 1000, level: 'newest', fallAbove: 10 });
        expect(seen).toMatchObject({ kind: 'grows', now: days[29] });
        // The day of the fall itself is taken for one without growth.
        if (seen.kind === 'grows') expect(Math.abs(seen.perDay - 1)).toBeLessThanOrEqual(1 / 7);
      }),
    );
  });
});
