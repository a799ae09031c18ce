/** Alarms of a target: real ones in CloudWatch, set by hand and without data, so that they stay as they were set. */
import { setTimeout as sleep } from 'node:timers/promises';
import { DeleteAlarmsCommand, PutMetricAlarmCommand, SetAlarmStateCommand } from '@aws-sdk/client-cloudwatch';
import { RUNBOOK_TAG } from '../../functions/engine/manifest.ts';
import { asDelivered } from './deliveries.ts';
import type { Place } from './place.ts';
import type { MatrixTarget } from './types.ts';

export type DeliveredEvent = ReturnType<typeof asDelivered>;

export interface MatrixAlarm {
  /** Sets the state. @returns the event that CloudWatch sent of it. */
  set(state: 'ALARM' | 'OK'): Promise<DeliveredEvent>;
  /** Makes it have been set that much earlier than it was. */
  age(byMs: number): Promise<void>;
  remove(): Promise<void>;
}

/** An alarm of the target that is OK, has been looked at before, and is tagged with its remediation; or the service's own events, where no alarm tells. */
export async function makeAlarm(
  place: Place,
  target: MatrixTarget,
  remediation: string,
  which: string,
): Promise<MatrixAlarm> {
  const { tell } = target;
  if (tell)
    return { set: async (state) => asDelivered(place, tell(state)), age: async () => {}, remove: async () => {} };
  const { cloudwatch } = place.clients;
  const AlarmName = `${target.token}-${which}`;
  await cloudwatch.send(
    new PutMetricAlarmCommand({
      AlarmName,
      ...target.metric,
      Statistic: 'Average',
      Period: 60,
      EvaluationPeriods: 1,
      ...(target.below
        ? { Threshold: -1, ComparisonOperator: 'LessThanThreshold' }
        : { Threshold: 1_000_000, ComparisonOperator: 'GreaterThanThreshold' }),
      TreatMissingData: 'ignore',
      Tags: [{ Key: RUNBOOK_TAG, Value: remediation }],
      ActionConfiguration: { AlarmTagsPropagation: { Enabled: true } },
    }),
  );
  const last = { state: 'OK' as 'ALARM' | 'OK', atMs: Date.now() };
  const send = (StateValue: 'ALARM' | 'OK') =>
    cloudwatch.send(new SetAlarmStateCommand({ AlarmName, StateValue, StateReason: 'set by the matrix' }));
  const set: MatrixAlarm['set'] = async (state) => {
    const heard = place.events.length;
    Object.assign(last, { state, atMs: Date.now() });
    await place.alarmClock.use(0, () => send(state));
    return asDelivered(place, await eventOf(place, AlarmName, heard));
  };
  await set('OK');
  return {
    set,
    // There and back: only a change moves the time of the change. Its events are delivered to nobody.
    age: async (byMs) => {
      last.atMs -= byMs;
      await place.alarmClock.use(Date.now() - last.atMs, async () => {
        await send(last.state === 'OK' ? 'ALARM' : 'OK');
        await send(last.state);
      });
    },
    remove: async () => {
      await cloudwatch.send(new DeleteAlarmsCommand({ AlarmNames: [AlarmName] }));
    },
  };
}

async function eventOf(place: Place, alarmName: string, heard: number) {
  for (const until = Date.now() + 10_000; Date.now() < until; await sleep(2)) {
    const found = place.events
      .slice(heard)
      .find(
        ({ resources, detailType }) =>
          detailType === 'CloudWatch Alarm State Change' && resources[0]?.endsWith(`:${alarmName}`),
      );
    if (found) return found;
  }
  throw new Error(`alarm ${alarmName}: no event of its change`);
}
