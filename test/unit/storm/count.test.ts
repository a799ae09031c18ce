/** What the storm scenario counts, from records made by hand: a count that can't go wrong proves nothing. */
import { describe, expect, it } from '@jest/globals';
import { changesOf, describesPerSecond } from '../../../local/scenarios/support/storm.ts';
import type { RecordedCall } from '../../../local/world/types.ts';

const call = (change: Partial<RecordedCall> & { second?: number }): RecordedCall => ({
  id: 1,
  at: new Date(1_000_000 + (change.second ?? 0) * 1000).toISOString(),
  service: 'ecs',
  region: 'us-east-1',
  operation: 'DescribeServices',
  caller: 'nightshift-demo-scale-out-service',
  status: 200,
  durationMs: 1,
  changing: false,
  resource: 'fleet-001',
  ...change,
});

describe('reads of the customer’s APIs', () => {
  it('are counted within any one second, not within seconds of the clock', () => {
    const seconds = [0, 0.6, 0.9, 1.2, 1.5, 3];
    expect(describesPerSecond(seconds.map((second) => call({ second })))).toBe(4);
  });

  it('are neither our own journal nor changes', () => {
    expect(
      describesPerSecond([call({ service: 'dynamodb' }), call({ changing: true, operation: 'UpdateService' })]),
    ).toBe(0);
  });

  it('include alarms, metrics and scaling limits, in whatever order they ended', () => {
    const services = ['monitoring', 'application-autoscaling', 'ecs', 'rds'];
    expect(describesPerSecond(services.map((service, index) => call({ service, second: -index / 10 })))).toBe(4);
  });
});

describe('changes of the fleet', () => {
  const change = (resource: string, status = 200) =>
    call({ operation: 'UpdateService', changing: true, resource, status });
  it('are counted by service, when they took effect', () => {
    const calls = [
      change('fleet-001'),
      change('fleet-001'),
      change('fleet-002'),
      change('fleet-002', 400),
      change('backend'),
    ];
    expect(changesOf(calls, ['fleet-001', 'fleet-002', 'fleet-003'])).toEqual(
      new Map([
        ['fleet-001', 2],
        ['fleet-002', 1],
      ]),
    );
  });
});
