import {
  PutCompositeAlarmCommand,
  PutMetricAlarmCommand,
  type PutMetricAlarmCommandInput,
  SetAlarmStateCommand,
} from '@aws-sdk/client-cloudwatch';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { RetryableError } from '../../../functions/engine/errors.ts';
import type { CloudWatch } from '../../../functions/incidents/reconciler/alarms.ts';
import { targetOfComposite } from '../../../functions/incidents/reconciler/composites.ts';
import { manifest as scaleOut } from '../../../functions/remediations/scale-out-service/manifest.ts';
import { config as base } from '../../support/fixtures.ts';
import { client, cpuHigh, make } from '../cloudwatch/fixture.ts';

const ladder = { rungs: [scaleOut.name], startedBy: scaleOut.triggers, severity: 'P1' as const, guards: [] };
const config = { ...base, region: 'eu-west-1', ladders: { 'scale-out-service': ladder } };
const ask = (name: string, cloudwatch: CloudWatch = client) =>
  targetOfComposite(cloudwatch, name, 'scale-out-service', config);

const fire = (AlarmName: string, StateValue: 'ALARM' | 'OK' = 'ALARM') =>
  client.send(new SetAlarmStateCommand({ AlarmName, StateValue, StateReason: 'test' }));
async function metricAlarm(AlarmName: string, input: Partial<PutMetricAlarmCommandInput> = {}) {
  await client.send(new PutMetricAlarmCommand({ ...cpuHigh, AlarmName, TreatMissingData: 'ignore', ...input }));
  await fire(AlarmName);
}
const composite = (AlarmName: string, AlarmRule: string) =>
  client.send(new PutCompositeAlarmCommand({ AlarmName, AlarmRule }));
const of = (ServiceName: string) => ({
  Dimensions: [
    { Name: 'ClusterName', Value: 'orders' },
    { Name: 'ServiceName', Value: ServiceName },
  ],
});

beforeEach(make);

describe('what a composite alarm is about', () => {
  it('is what the alarms that fire below it are about, through composites within it', async () => {
    await metricAlarm('cpu');
    await metricAlarm('memory', { MetricName: 'MemoryUtilization' });
    await composite('inner', 'ALARM(memory)');
    await composite('outer', 'ALARM(cpu) AND ALARM(inner)');
    expect(await ask('outer')).toEqual({ target: 'ecs-service/orders/backend' });
  });

  it('is not changed by an alarm that must not fire', async () => {
    await metricAlarm('cpu');
    await metricAlarm('maintenance', of('other'));
    await fire('maintenance', 'OK');
    await composite('outer', 'ALARM(cpu) AND NOT ALARM(maintenance)');
    expect(await ask('outer')).toEqual({ target: 'ecs-service/orders/backend' });
  });

  it('is nothing when its alarms are about two things, or nothing fires', async () => {
    await metricAlarm('cpu');
    await metricAlarm('other', of('other'));
    await composite('both', 'ALARM(cpu) AND ALARM(other)');
    expect(await ask('both')).toEqual({ whyNoTarget: expect.stringMatching(/orders\/backend and .*orders\/other/) });
    await fire('cpu', 'OK');
    await fire('other', 'OK');
    expect(await ask('both')).toEqual({ whyNoTarget: 'is made of no metric alarm that is firing' });
  });

  it('is left to people when it is nested too deeply', async () => {
    await metricAlarm('cpu');
    await composite('level-0', 'ALARM(cpu)');
    for (let level = 1; level < 6; level++) await composite(`level-${level}`, `ALARM(level-${level - 1})`);
    expect(await ask('level-5')).toEqual({ whyNoTarget: expect.stringMatching(/too many alarms/) });
    expect(await ask('level-4')).toEqual({ target: 'ecs-service/orders/backend' });
  });

  it('is left to people when so many composites are below it that looking at them would take a run of the reconciler', async () => {
    await metricAlarm('cpu');
    const names = Array.from({ length: 20 }, (_, index) => `part-${index}`);
    for (const name of names) await composite(name, 'ALARM(cpu)');
    await composite('many', names.map((name) => `ALARM(${name})`).join(' OR '));
    await composite(
      'fewer',
      names
        .slice(1)
        .map((name) => `ALARM(${name})`)
        .join(' OR '),
    );
    expect(await ask('many')).toEqual({ whyNoTarget: expect.stringMatching(/too many alarms/) });
    expect(await ask('fewer')).toEqual({ target: 'ecs-service/orders/backend' });
  });

  it('is unknown while CloudWatch does not answer', async () => {
    const send = async () => {
      throw Object.assign(new Error('Rate exceeded'), { name: 'ThrottlingException' });
    };
    await expect(ask('any', { send } as unknown as CloudWatch)).rejects.toBeInstanceOf(RetryableError);
  });
});
