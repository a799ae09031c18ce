import { describe, expect, it } from '@jest/globals';
import type { Figures, RunItem, Verdict } from '../../../functions/recovery/items.ts';
import { ledgerOf } from '../../../functions/recovery/ledger.ts';

const run = (recoveryTimeMs: number, more: Partial<Figures> = {}, verdict: Verdict = 'rehearsed'): RunItem => ({
  ...{ plan: 'any', run: 'r', version: 1, phase: 'ended', input: {}, rehearse: verdict === 'rehearsed', verdict },
  ...{ startedBy: 'person:jane', startedAt: 0, incidentId: 'inc-1', targets: [], about: [], leasedUntil: 0, steps: {} },
  frozenMs: more.frozenMs ?? 0,
  figures: { recoveryTimeMs, frozenMs: 0, targetRecoveryTimeMs: 600_000, ...more },
});

describe('the ledger of a plan', () => {
  it('is of runs that came to a good end, real ones and rehearsals apart', () => {
    const runs = [
      run(1_000),
      run(2_000, {}, 'recovered'),
      run(3_000, {}, 'backed-out'),
      run(4_000, {}, 'needs-person'),
    ];
    expect(ledgerOf(runs, 'rehearsals')).toEqual({ runs: 1, withinTargets: 1, lastMs: 1_000, trend: 'first' });
    expect(ledgerOf(runs, 'real')).toMatchObject({ runs: 1, lastMs: 2_000 });
    expect(ledgerOf([], 'real')).toBeUndefined();
  });

  it('says whether the newest is slower or faster than usual, by more than chance', () => {
    const trend = (...times: number[]) =>
      ledgerOf(
        times.map((each) => run(each)),
        'rehearsals',
      )?.trend;
    expect(trend(200_000, 100_000, 101_000)).toBe('slower');
    expect(trend(140_000, 100_000)).toBe('steady');
    expect(trend(100_000, 200_000)).toBe('faster');
    expect(trend(20_000, 1_000)).toBe('steady');
  });

  it('counts what kept both targets; lost data that nobody knows of keeps none, and frozen time is no time', () => {
    const runs = [
      run(500_000),
      run(700_000),
      run(700_000, { frozenMs: 200_000 }),
      run(1_000, { dataLossMs: 5, targetDataLossMs: 4 }),
      run(1_000, { dataLossMs: null, targetDataLossMs: 4 }),
      run(1_000, { dataLossMs: 3, targetDataLossMs: 4 }),
    ];
    expect(ledgerOf(runs, 'rehearsals')).toMatchObject({ runs: 6, withinTargets: 3 });
  });
});
