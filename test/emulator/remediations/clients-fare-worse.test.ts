/**
 * A change of a service that ends its alarm and harms its clients: seen at its load balancer, through CloudWatch, by the remediation's own handler code.
 * What the load balancer tells is put for minutes ahead, and the clock is put forward instead of waiting for it.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Observation } from '../../../functions/remediations/scale-out-service/decide.ts';
import { balancerOf, dimensionsOf } from '../../../local/stand-ins/ecs/balancer-metrics.ts';
import { type EcsRemediationWorld, openEcsRemediation } from '../../support/ecs-remediation.ts';
import { REGION } from '../ecs/support.ts';

jest.setTimeout(90_000);
let w: EcsRemediationWorld<Observation>;
beforeAll(async () => {
  w = await openEcsRemediation(() => import('../../../functions/remediations/scale-out-service/handler.ts'), {
    metricsEveryMs: 600_000,
  });
});
afterEach(() => {
  jest.restoreAllMocks();
});
afterAll(() => w?.close());

const PERIOD_SECONDS = 10;
const AHEAD_MS = 300_000;

/** So many requests and errors a second from a minute ago, or from the time given. */
function tell(name: string, requests: number, errors: number, fromMs = Date.now() - 60_000): void {
  const first = Math.ceil(fromMs / 1000) * 1000;
  const put = (metric: string, value: number, at: number) =>
    w.world.cloudwatch.put({
      ...{ region: REGION, namespace: 'AWS/ApplicationELB', name: metric, dimensions: dimensionsOf(name) },
      ...{ value, at: new Date(at) },
    });
  for (let at = first; at < Date.now() + AHEAD_MS; at += 1000) {
    put('HealthyHostCount', 2, at);
    put('RequestCount', requests, at);
    put('TargetResponseTime', 0.1, at);
    if (errors > 0) put('HTTPCode_Target_5XX_Count', errors, at);
  }
}

const deliver = (name: string, state: 'ALARM' | 'OK') =>
  w.deliver(name, w.alarm(name, 'CPUUtilization', state), {
    target: { balancedBy: balancerOf(name), maxTasks: 4 },
    config: { alarmPeriodSeconds: PERIOD_SECONDS, metricPeriodSeconds: PERIOD_SECONDS },
  });
/** The function's clock is put to when a whole period is over for long enough that began after now. */
function wholePeriodLater(): void {
  const { now } = Date;
  jest.spyOn(Date, 'now').mockImplementation(() => now() + 2.5 * PERIOD_SECONDS * 1000);
}
const desired = async (name: string) => (await w.describe(name))?.desiredCount;

describe('a service that was scaled out', () => {
  it('is set back, and a person called, when its alarm is OK and its clients get errors that they did not get before', async () => {
    await w.create('worse', {}, { desiredCount: 2 });
    tell('worse', 20, 0);
    const outcome = await deliver('worse', 'ALARM');
    expect(await desired('worse')).toBe(3);
    await w.steady('worse');
    tell('worse', 20, 20, Date.now());
    wholePeriodLater();
    await deliver('worse', 'OK');
    expect(await desired('worse')).toBe(2);
    const incident = await w.incident(outcome);
    expect(incident?.state).toBe('escalated');
    expect(incident?.timeline.find(({ kind }) => kind === 'not-verified')?.summary).toBe(
      'errorRate went from 0 to 0.5 (share)',
    );
  });

  it('is proved when its clients fare as before', async () => {
    await w.create('same', {}, { desiredCount: 2 });
    tell('same', 20, 1);
    const outcome = await deliver('same', 'ALARM');
    await w.steady('same');
    wholePeriodLater();
    await deliver('same', 'OK');
    expect(await w.incident(outcome)).toMatchObject({ state: 'resolved', actions: [{ status: 'verified' }] });
    expect(await desired('same')).toBe(3);
  });

  it('is not changed when its load balancer can not be read', async () => {
    await w.create('unread', {}, { desiredCount: 2 });
    w.world.gateway.faults.add({
      name: 'unread',
      match: { service: 'monitoring', operation: 'GetMetricData' },
      kind: 'refused',
    });
    const { result, changing } = await w.callsDuring(() => deliver('unread', 'ALARM'));
    w.calm();
    expect(result).toMatchObject({ kind: 'escalated', reason: expect.stringContaining('AccessDenied') });
    expect(changing).toEqual([]);
  });
});
