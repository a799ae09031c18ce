import {
  DeleteAlarmsCommand,
  PutCompositeAlarmCommand,
  PutMetricAlarmCommand,
  SetAlarmStateCommand,
} from '@aws-sdk/client-cloudwatch';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { alarm, client, cpuHigh, evaluateAt, make, sns } from './fixture.ts';

beforeEach(make);

describe('a composite alarm', () => {
  const composite = { AlarmName: 'both', AlarmRule: 'ALARM("cpu-high") AND NOT OK(memory-high)' };
  const set = (AlarmName: string, StateValue: 'OK' | 'ALARM') =>
    client.send(new SetAlarmStateCommand({ AlarmName, StateValue, StateReason: 'test' }));
  beforeEach(async () => {
    for (const AlarmName of ['cpu-high', 'memory-high']) {
      await client.send(new PutMetricAlarmCommand({ ...cpuHigh, AlarmName, TreatMissingData: 'ignore' }));
      await set(AlarmName, 'OK');
    }
  });

  it('follows its children and names those that triggered it', async () => {
    await client.send(new PutCompositeAlarmCommand(composite));
    expect((await alarm('both'))?.StateReason).toMatch(/was created and its alarm rule evaluates to OK$/);
    await set('cpu-high', 'ALARM');
    expect((await alarm('both'))?.StateValue).toBe('OK');
    await set('memory-high', 'ALARM');
    const fired = await alarm('both');
    expect(fired?.StateValue).toBe('ALARM');
    expect(fired?.StateReason).toMatch(/memory-high transitioned to ALARM at Sunday 01 March, 2026 12:00:00 UTC$/);
    const { triggeringAlarms } = JSON.parse(fired?.StateReasonData ?? '') as { triggeringAlarms: unknown[] };
    expect(triggeringAlarms).toHaveLength(2);
  });
  it('refuses a rule about alarms that don’t exist, or that can’t be read', async () => {
    const AlarmName = 'x';
    for (const AlarmRule of ['ALARM(nobody)', 'ALARM(cpu-high', 'cpu-high', 'ALARM(cpu-high) OR', 'TRUE FALSE'])
      await expect(client.send(new PutCompositeAlarmCommand({ AlarmName, AlarmRule }))).rejects.toThrow(
        /rule|AlarmRule/,
      );
  });
  it('refuses a circle', async () => {
    await client.send(new PutCompositeAlarmCommand(composite));
    await client.send(new PutCompositeAlarmCommand({ AlarmName: 'above', AlarmRule: 'ALARM(both)' }));
    const circle = client.send(new PutCompositeAlarmCommand({ AlarmName: 'both', AlarmRule: 'NOT ALARM(above)' }));
    await expect(circle).rejects.toThrow('both -> above -> both');
  });
  it('is judged again when its rule changes', async () => {
    await client.send(new PutCompositeAlarmCommand(composite));
    await client.send(new PutCompositeAlarmCommand({ ...composite, AlarmRule: 'OK(cpu-high)' }));
    expect((await alarm('both'))?.StateReason).toMatch(/was updated and its alarm rule evaluates to ALARM$/);
  });
  it('keeps its children from being deleted', async () => {
    await client.send(new PutCompositeAlarmCommand(composite));
    await expect(client.send(new DeleteAlarmsCommand({ AlarmNames: ['cpu-high'] }))).rejects.toThrow(/depending on it/);
  });
  it('holds its actions back while its suppressor fires, and performs them when the extension is over', async () => {
    const AlarmActions = ['arn:aws:sns:eu-west-1:000000000000:pager'];
    await client.send(new PutMetricAlarmCommand({ ...cpuHigh, AlarmName: 'maintenance', TreatMissingData: 'ignore' }));
    await client.send(
      new PutCompositeAlarmCommand({
        AlarmName: 'held',
        AlarmRule: 'ALARM(cpu-high)',
        AlarmActions,
        ActionsSuppressor: 'maintenance',
        ActionsSuppressorWaitPeriod: 120,
        ActionsSuppressorExtensionPeriod: 180,
      }),
    );
    await evaluateAt(300);
    await set('maintenance', 'ALARM');
    await set('cpu-high', 'ALARM');
    expect(await alarm('held')).toMatchObject({ StateValue: 'ALARM', ActionsSuppressedBy: 'Alarm' });
    await set('maintenance', 'OK');
    expect(await alarm('held')).toMatchObject({ ActionsSuppressedBy: 'ExtensionPeriod' });
    await evaluateAt(479);
    expect(sns).toEqual([]);
    await evaluateAt(480);
    expect(sns).toEqual([`${AlarmActions[0]} ALARM: "held" in eu-west-1`]);
    expect((await alarm('held'))?.StateValue).toBe('ALARM');
  });
});
