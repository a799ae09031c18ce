/** How a service's clients fare, from what CloudWatch answers of its load balancer. */
import { describe, expect, it } from '@jest/globals';
import { readingsOf, tasksOf } from '../../../functions/ecs/guards.ts';
import type { Deployment, RunningService } from '../../../functions/ecs/types.ts';
import { firstAfter, lastWhole, toldFrom, valuesOfNewest } from '../../../functions/metrics/newest-period.ts';

const at = (minute: number) => new Date(Date.UTC(2026, 10, 20, 3, minute));
const result = (Id: string, ...values: [number, number][]) => ({
  Id,
  Timestamps: values.map(([minute]) => at(minute)),
  Values: values.map(([, value]) => value),
});

describe('the newest period', () => {
  it('is the same for all metrics: what is not told of it is left out', () => {
    const told = [result('hosts', [2, 3], [1, 4]), result('errors', [1, 50]), result('requests', [2, 9])];
    expect(valuesOfNewest(told)).toEqual({ hosts: 3, requests: 9 });
  });

  it.each([
    [60_000, 60_000],
    [61_000, 60_000],
    [72_000, 60_000],
    [72_001, 120_000],
    [119_999, 120_000],
  ])('after %d ms begins at %d ms, for a fifth of a minute may lie before', (since, begins) => {
    expect(firstAfter(since, 60_000)).toBe(begins);
  });

  it.each([
    [89_999, 0],
    [90_000, 60_000],
    [120_000, 60_000],
    [149_999, 60_000],
    [150_000, 120_000],
  ])('at %d ms is one that ended by %d ms: half a minute later all of its requests are told of', (now, ended) => {
    expect(lastWhole(now, 60_000)).toBe(ended);
  });

  it.each([60_000, 61_000, 72_000, 72_001, 119_999])(
    'is told of a change at %d ms as soon as it can be: not a moment before',
    (since) => {
      const at = toldFrom(since, 60_000);
      expect(lastWhole(at, 60_000)).toBeGreaterThan(firstAfter(since, 60_000));
      expect(lastWhole(at - 1, 60_000)).toBe(firstAfter(since, 60_000));
    },
  );

  it('is none where nothing is told', () => {
    expect(valuesOfNewest([])).toBeUndefined();
    expect(valuesOfNewest([result('hosts'), result('requests')])).toBeUndefined();
  });
});

describe('readings of a load balancer', () => {
  it('tell requests by the minute, and errors as a share of them', () => {
    const told = { hosts: 3, requests: 50, errors: 5, latency: 0.25 };
    expect(readingsOf(told, 30)).toEqual({ healthyHosts: 3, requestCount: 100, errorRate: 0.1, latencySeconds: 0.25 });
  });

  it('have no errors where none are told', () => {
    expect(readingsOf({ requests: 50 }, 60)).toEqual({ requestCount: 50, errorRate: 0 });
  });

  it('tell that requests stay away, and nothing of how they fared', () => {
    expect(readingsOf({ hosts: 3 }, 60)).toEqual({ healthyHosts: 3, requestCount: 0 });
  });

  it('are none where nothing is told', () => {
    expect(readingsOf(undefined, 60)).toEqual({});
  });
});

describe('running tasks', () => {
  const service: RunningService = {
    ...{ kind: 'service', arn: '', desired: 2, running: 2, pending: 0, controller: 'ECS', minimumHealthyPercent: 100 },
    ...{ maximumPercent: 200, rollsBackByItself: false, fargate: true, tags: {} },
    deployments: [],
  };
  const deployment: Deployment = {
    ...{ id: 'ecs-svc/1', primary: true, taskDefinition: '', rolloutState: 'COMPLETED', reason: '', failedTasks: 0 },
    ...{ running: 2, createdAtMs: 0 },
  };

  it('are told of a steady service', () => {
    expect(tasksOf({ ...service, deployments: [deployment] })).toEqual({ wantedTasks: 2, runningTasks: 2 });
  });

  it.each<[string, Parameters<typeof tasksOf>[0]]>([
    ['a task starts', { ...service, running: 1 }],
    ['a deployment is under way', { ...service, deployments: [deployment, deployment] }],
    ['there is no such service', { kind: 'missing', why: 'gone' }],
  ])('are not told while %s', (_, seen) => {
    expect(tasksOf(seen).runningTasks).toBeUndefined();
  });
});
