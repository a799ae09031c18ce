import { describe, expect, it } from '@jest/globals';
import { compareGuards } from '../../../functions/engine/guard-metrics.ts';
import { GUARD_METRICS, type GuardMetric } from '../../../functions/engine/runbook.ts';

/** Before, the worst that still passes, and the least that doesn't. */
const BOUNDS: readonly [GuardMetric, number, number, number][] = [
  ['healthyHosts', 3, 3, 2],
  ['runningTasks', 2, 2, 1],
  ['requestCount', 100, 50, 49],
  ['errorRate', 0, 0.02, 0.021],
  ['errorRate', 0.5, 0.55, 0.551],
  ['latencySeconds', 0.02, 0.22, 0.221],
  ['latencySeconds', 2, 4, 4.01],
];

describe('a guard metric', () => {
  it.each(BOUNDS)('%s may go from %d to %d and not to %d', (guard, before, passes, fails) => {
    expect(compareGuards([guard], { [guard]: before }, { [guard]: passes })).toEqual({ worse: [], unknown: [] });
    const { worse } = compareGuards([guard], { [guard]: before }, { [guard]: fails });
    expect(worse).toEqual([expect.stringContaining(`${guard} went from ${before} to ${fails}`)]);
  });

  it('has a row in this table, each of them', () => {
    expect(new Set(BOUNDS.map(([guard]) => guard))).toEqual(new Set(GUARD_METRICS));
  });

  it.each(['healthyHosts', 'runningTasks'] as const)(
    '%s may fall with what is wanted, as auto scaling has it',
    (guard) => {
      const before = { [guard]: 4, wantedTasks: 4 };
      expect(compareGuards([guard], before, { [guard]: 3, wantedTasks: 3 }).worse).toEqual([]);
      expect(compareGuards([guard], before, { [guard]: 2, wantedTasks: 3 }).worse).toHaveLength(1);
      expect(compareGuards([guard], before, { [guard]: 3, wantedTasks: 8 }).worse).toHaveLength(1);
      expect(compareGuards([guard], before, { [guard]: 4, wantedTasks: 8 }).worse).toEqual([]);
    },
  );

  it('healthyHosts of a roll-out, which has old and new ones, counts as many as are wanted', () => {
    const before = { healthyHosts: 4, wantedTasks: 2 };
    expect(compareGuards(['healthyHosts'], before, { healthyHosts: 2, wantedTasks: 2 }).worse).toEqual([]);
    expect(compareGuards(['healthyHosts'], before, { healthyHosts: 1, wantedTasks: 2 }).worse).toHaveLength(1);
  });

  it('may become better', () => {
    const before = { healthyHosts: 1, runningTasks: 1, requestCount: 10, errorRate: 0.9, latencySeconds: 5 };
    const after = { healthyHosts: 3, runningTasks: 3, requestCount: 90, errorRate: 0, latencySeconds: 0.1 };
    expect(compareGuards(GUARD_METRICS, before, after)).toEqual({ worse: [], unknown: [] });
  });

  it('that was unknown before is not compared', () => {
    expect(compareGuards(['errorRate'], {}, { errorRate: 1 })).toEqual({ worse: [], unknown: [] });
  });

  it('that is unknown now is told, because nothing shows that it is as good as before', () => {
    expect(compareGuards(['errorRate'], { errorRate: 0 }, {})).toEqual({ worse: [], unknown: ['errorRate'] });
  });

  it('of requests is not compared where there were too few of them to tell', () => {
    const few = { requestCount: 9, errorRate: 0, latencySeconds: 0.1 };
    const bad = { requestCount: 100, errorRate: 1, latencySeconds: 9 };
    expect(compareGuards(['errorRate', 'latencySeconds'], few, bad)).toEqual({ worse: [], unknown: [] });
    expect(compareGuards(['errorRate'], { ...few, requestCount: 10 }, bad).worse).toHaveLength(1);
    expect(compareGuards(['errorRate'], { ...few, requestCount: 10 }, { ...bad, requestCount: 9 }).worse).toEqual([]);
  });

  it('of requests can’t be told when none comes any more, or CloudWatch doesn’t tell of them yet', () => {
    const before = { requestCount: 600, errorRate: 0.01, latencySeconds: 0.1 };
    const after = { healthyHosts: 2, requestCount: 0 };
    expect(compareGuards(['errorRate', 'latencySeconds'], before, after)).toEqual({
      worse: [],
      unknown: ['errorRate', 'latencySeconds'],
    });
  });

  it('tells that requests stay away', () => {
    const { worse } = compareGuards(
      ['requestCount', 'errorRate'],
      { requestCount: 100, errorRate: 0 },
      { requestCount: 0 },
    );
    expect(worse).toEqual(['requestCount went from 100 to 0 requests a minute']);
  });

  it('that the runbook does not guard by is not compared', () => {
    expect(compareGuards([], { errorRate: 0 }, { errorRate: 1 })).toEqual({ worse: [], unknown: [] });
  });
});
