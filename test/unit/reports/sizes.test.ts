import { describe, expect, it } from '@jest/globals';
import type { Use } from '../../../functions/reports/facts.ts';
import { reviewsSection } from '../../../functions/reports/reviews.ts';
import { adviceOn, sizesSection } from '../../../functions/reports/sizes.ts';
import { incidentOf } from '../../support/reports.ts';

describe('the size of tasks', () => {
  const use = (highest?: number): Use => (highest === undefined ? {} : { average: highest / 2, highest });

  it.each<[number | undefined, number | undefined, string]>([
    [50, 50, 'fits'],
    [39, 39, 'tasks of half the size would do'],
    [39, 40, 'fits'],
    [80, 90, 'fits'],
    [81, 50, 'CPU is short'],
    [50, 91, 'memory is short'],
    [99, 99, 'CPU and memory are short'],
    [99, undefined, 'CPU is short'],
    [10, undefined, 'not known'],
    [undefined, undefined, 'not known'],
  ])('with CPU at %s and memory at %s percent: %s', (cpu, memory, advice) => {
    expect(adviceOn(use(cpu), use(memory))).toBe(advice);
  });

  it('is said of nothing where nothing is protected', () => {
    expect(sizesSection([])).toEqual({ title: 'Sizes of tasks', says: ['No service is protected.'] });
  });
});

describe('reviews', () => {
  const over = (severity: 'P1' | 'P2' | 'P3', resolvedAt: string) =>
    incidentOf(severity, '2026-11-20T00:00:00.000Z', { severity, resolvedAt });

  it('are due 48 hours after the end of severe incidents, the soonest first', () => {
    const { table } = reviewsSection([
      over('P2', '2026-11-20T03:00:00.000Z'),
      over('P1', '2026-11-20T01:00:00.000Z'),
      over('P3', '2026-11-20T02:00:00.000Z'),
      incidentOf('inc-open', '2026-11-20T00:00:00.000Z', { severity: 'P1', state: 'open' }),
    ]);
    expect(table?.rows.map(([until, severity]) => [until, severity])).toEqual([
      ['2026-11-22 01:00:00.000 UTC', 'P1'],
      ['2026-11-22 03:00:00.000 UTC', 'P2'],
    ]);
    expect(reviewsSection([]).says).toHaveLength(1);
  });
});
