/** The remediation's own handler code on a real journal and on services with real tasks, whose CPU and memory of the last minute are said to be low. */
import {
  ApplicationAutoScalingClient,
  DeregisterScalableTargetCommand,
  RegisterScalableTargetCommand,
} from '@aws-sdk/client-application-auto-scaling';
import { PutMetricAlarmCommand, SetAlarmStateCommand } from '@aws-sdk/client-cloudwatch';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { RetryableError } from '../../../functions/engine/errors.ts';
import type { Observation } from '../../../functions/remediations/scale-in-service/decide.ts';
import { keepsItsPromises } from '../../support/ecs-guarantees.ts';
import { type DeliverOptions, type EcsRemediationWorld, openEcsRemediation } from '../../support/ecs-remediation.ts';
import { eventually, REGION } from '../ecs/support.ts';

jest.setTimeout(90_000);
let w: EcsRemediationWorld<Observation>;
beforeAll(async () => {
  w = await openEcsRemediation(() => import('../../../functions/remediations/scale-in-service/handler.ts'));
});
afterEach(() => w.calm());
afterAll(() => w?.close());

const idle = (name: string, state: 'ALARM' | 'OK' = 'ALARM') => w.alarm(name, 'CPUUtilization', state);
const desiredOf = async (name: string) => (await w.describe(name))?.desiredCount;

/** Of the minute that is over, and of the one before, in case it turns meanwhile. */
function say(name: string, percent: number): void {
  for (const metric of ['CPUUtilization', 'MemoryUtilization'])
    for (const minutesAgo of [1, 2])
      w.world.cloudwatch.put({
        ...{ region: REGION, namespace: 'AWS/ECS', name: metric, unit: 'Percent', value: percent },
        dimensions: { ClusterName: 'orders', ServiceName: name },
        at: new Date(Date.now() - minutesAgo * 60_000),
      });
}

/** Three tasks, whose load one bears: 3 x 10 % are less than the 40 % that it may come to. At most half go at once: one of three. */
async function overProvisioned(name: string): Promise<void> {
  await w.create(name, {}, { desiredCount: 3 });
  say(name, 10);
}

describe('scale-in-service', () => {
  it('takes the tasks away that its load does not need, and is verified [3a/scale-in-service]', async () => {
    await overProvisioned('happy');
    const { result, changing } = await w.callsDuring(() => w.deliver('happy', idle('happy')));
    expect(result).toMatchObject({ kind: 'remediated' });
    expect(changing).toEqual(['UpdateService']);
    await w.steady('happy');
    await eventually('two tasks are left', () => w.world.ecs.processes('orders', 'happy').length === 2);
    await w.deliver('happy', idle('happy', 'OK'));
    expect(await w.incident(result)).toMatchObject({ state: 'resolved', actions: [{ status: 'verified' }] });
  });

  it('takes away no more than it could bear at its busiest of the last hour', async () => {
    await w.create('bursts', {}, { desiredCount: 3 });
    say('bursts', 10);
    w.world.cloudwatch.put({
      ...{ region: REGION, namespace: 'AWS/ECS', name: 'CPUUtilization', unit: 'Percent', value: 35 },
      dimensions: { ClusterName: 'orders', ServiceName: 'bursts' },
      at: new Date(Date.now() - 30 * 60_000),
    });
    const { result, changing } = await w.callsDuring(() => w.deliver('bursts', idle('bursts')));
    expect(result).toMatchObject({ kind: 'held', detail: expect.stringContaining('busiest') });
    expect(changing).toEqual([]);
  });

  it('does not carry out an intent that was left behind once its load has come', async () => {
    await overProvisioned('returned');
    const died: DeliverOptions<Observation> = {
      act: () => Promise.reject(new RetryableError('the function dies here')),
    };
    const event = idle('returned');
    await expect(w.deliver('returned', event, died)).rejects.toBeInstanceOf(RetryableError);
    say('returned', 80);
    const later = () => Date.now() + 90_000;
    const { result, changing } = await w.callsDuring(() => w.deliver('returned', event, { now: later }));
    expect(result).toMatchObject({
      kind: 'held',
      detail: expect.stringContaining('needs 4 tasks; that was some time ago'),
    });
    expect(changing).toEqual([]);
    expect(await desiredOf('returned')).toBe(3);
  });

  it('changes nothing at the minimum, or where its load needs them all', async () => {
    await overProvisioned('least');
    const { result, changing } = await w.callsDuring(() =>
      w.deliver('least', idle('least'), { target: { minTasks: 3 } }),
    );
    expect(result).toMatchObject({ kind: 'already-fine', reason: expect.stringContaining('fewest') });
    expect(changing).toEqual([]);
    await w.create('busy', {}, { desiredCount: 2 });
    say('busy', 35);
    expect(await w.deliver('busy', idle('busy'))).toMatchObject({ kind: 'already-fine' });
    expect(await desiredOf('busy')).toBe(2);
  });

  it('waits while any other alarm about the service is firing', async () => {
    await overProvisioned('red');
    const { cloudwatch } = w.world.clients;
    const AlarmName = 'red-errors';
    await cloudwatch.send(
      new PutMetricAlarmCommand({
        ...{ AlarmName, Namespace: 'AWS/ECS', MetricName: 'MemoryUtilization', Statistic: 'Average', Period: 60 },
        Dimensions: [
          { Name: 'ClusterName', Value: 'orders' },
          { Name: 'ServiceName', Value: 'red' },
        ],
        ...{ EvaluationPeriods: 1, Threshold: 1e9, ComparisonOperator: 'GreaterThanThreshold' as const },
        TreatMissingData: 'ignore',
      }),
    );
    const set = (StateValue: 'ALARM' | 'OK') =>
      cloudwatch.send(new SetAlarmStateCommand({ AlarmName, StateValue, StateReason: 'set by a test' }));
    await set('ALARM');
    const { result, changing } = await w.callsDuring(() => w.deliver('red', idle('red')));
    expect(result).toMatchObject({ kind: 'held', detail: expect.stringContaining('red-errors is firing') });
    expect(changing).toEqual([]);
    await set('OK');
    expect(await w.deliver('red', idle('red'))).toMatchObject({ kind: 'remediated' });
  });

  it('leaves a service to auto scaling that is scaled by it', async () => {
    await overProvisioned('scaled');
    const scaling = new ApplicationAutoScalingClient(w.world.config);
    const id = {
      ...{ ServiceNamespace: 'ecs' as const, ScalableDimension: 'ecs:service:DesiredCount' as const },
      ResourceId: 'service/orders/scaled',
    };
    await scaling.send(new RegisterScalableTargetCommand({ ...id, MinCapacity: 3, MaxCapacity: 8 }));
    const { result, changing } = await w.callsDuring(() => w.deliver('scaled', idle('scaled')));
    await scaling.send(new DeregisterScalableTargetCommand(id));
    scaling.destroy();
    expect(result).toMatchObject({ kind: 'already-fine', reason: expect.stringContaining('Auto Scaling') });
    expect(changing).toEqual([]);
  });

  keepsItsPromises({
    world: () => w,
    trouble: overProvisioned,
    told: idle,
    changing: ['UpdateService'],
    state: desiredOf,
    interfere: (name) => w.update(name, { desiredCount: 4 }),
  });
});
