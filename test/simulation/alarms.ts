/** CloudWatch around the simulated targets: alarms that follow the truth a period later, or lie; their events, and what it says when asked. */
import { DescribeAlarmsCommand, type ListTagsForResourceCommand } from '@aws-sdk/client-cloudwatch';
import type { CloudWatch } from '../../functions/incidents/reconciler/alarms.ts';
import type { VirtualClock } from './clock.ts';
import { LOAD_RUNBOOK, metricOf, type NumberTarget, STUCK_RUNBOOK } from './targets.ts';

export type AlarmState = 'ALARM' | 'OK' | 'INSUFFICIENT_DATA';

export interface Alarm {
  readonly name: string;
  readonly arn: string;
  readonly runbook: string;
  readonly target: NumberTarget;
  state: AlarmState;
  /** Epoch milliseconds. */
  stateAt: number;
  lie: AlarmState | undefined;
}

export const ALARM_PERIOD_MS = 60_000;

export class Alarms {
  readonly all: readonly Alarm[];
  /** Grows with every change of an alarm's state. */
  version = 0;
  readonly #clock: VirtualClock;
  readonly #onChange: (alarm: Alarm) => void;

  constructor(targets: readonly NumberTarget[], clock: VirtualClock, onChange: (alarm: Alarm) => void) {
    this.#clock = clock;
    this.#onChange = onChange;
    this.all = targets.flatMap((target) =>
      [LOAD_RUNBOOK, STUCK_RUNBOOK].map((runbook): Alarm => {
        const name = `${target.key.slice(target.key.lastIndexOf('/') + 1)}-${runbook}`;
        const arn = `arn:aws:cloudwatch:us-east-1:000000000000:alarm:${name}`;
        return { name, arn, runbook, target, state: 'OK', stateAt: clock.now - ALARM_PERIOD_MS, lie: undefined };
      }),
    );
  }

  /** Something about the target is different now; its alarms see that with the next period. */
  touched(target: NumberTarget): void {
    this.#clock.at(this.#clock.now + ALARM_PERIOD_MS, () => {
      for (const alarm of this.all) if (alarm.target === target) this.#evaluate(alarm);
    });
  }

  /** The target's first alarm says that for a while, whatever is true. */
  lie(target: NumberTarget, state: AlarmState, forMs: number): void {
    const alarm = this.all.find((each) => each.target === target);
    if (!alarm) return;
    alarm.lie = state;
    this.#evaluate(alarm);
    this.#clock.at(this.#clock.now + forMs, () => {
      alarm.lie = undefined;
      this.#evaluate(alarm);
    });
  }

  #evaluate(alarm: Alarm): void {
    const { load, value, stuck } = alarm.target;
    const isSick = alarm.runbook === LOAD_RUNBOOK ? load > value : stuck;
    const state = alarm.lie ?? (isSick ? 'ALARM' : 'OK');
    if (state === alarm.state) return;
    alarm.state = state;
    this.version++;
    alarm.stateAt = Math.floor(this.#clock.now);
    this.#onChange(alarm);
  }

  /** What the reconciler asks. */
  api(): CloudWatch {
    const send = async (command: DescribeAlarmsCommand | ListTagsForResourceCommand) => {
      if (command instanceof DescribeAlarmsCommand) {
        const { AlarmNames, StateValue } = command.input;
        const isAsked = ({ name, state }: Alarm) =>
          AlarmNames ? AlarmNames.includes(name) : !StateValue || state === StateValue;
        return { MetricAlarms: this.all.filter(isAsked).map(described) };
      }
      const alarm = this.all.find(({ arn }) => arn === command.input.ResourceARN);
      return { Tags: alarm ? [{ Key: 'nightshift:runbook', Value: alarm.runbook }] : [] };
    };
    return { send } as unknown as CloudWatch;
  }
}

const dimensionsOf = (alarmName: string) => ({
  ClusterName: 'orders',
  ServiceName: alarmName.slice(0, alarmName.indexOf('-')),
});

const described = ({ name, arn, state, stateAt, runbook }: Alarm): object => ({
  AlarmName: name,
  AlarmArn: arn,
  StateValue: state,
  StateTransitionedTimestamp: new Date(stateAt),
  ActionsEnabled: true,
  Namespace: 'AWS/ECS',
  MetricName: metricOf(runbook),
  Dimensions: Object.entries(dimensionsOf(name)).map(([Name, Value]) => ({ Name, Value })),
  StateReason: 'Threshold Crossed',
});

/** The event of an alarm's present state (events/sources/cloudwatch-alarm). */
export function eventOf({ name, arn, state, stateAt, runbook }: Alarm, id: string): object {
  const at = new Date(stateAt).toISOString();
  const metric = { namespace: 'AWS/ECS', name: metricOf(runbook), dimensions: dimensionsOf(name) };
  return {
    id,
    source: 'aws.cloudwatch',
    'detail-type': 'CloudWatch Alarm State Change',
    account: '000000000000',
    region: 'us-east-1',
    time: at,
    resources: [arn],
    detail: {
      alarmName: name,
      state: { value: state, timestamp: at, reason: 'Threshold Crossed' },
      previousState: { value: 'OK' },
      configuration: { metrics: [{ id: 'm1', metricStat: { metric, period: 60, stat: 'Average' } }] },
      alarmTags: { 'nightshift:runbook': runbook },
    },
  };
}
