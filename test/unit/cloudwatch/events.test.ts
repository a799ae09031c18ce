import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  CloudWatchClient,
  DeleteAlarmsCommand,
  PutCompositeAlarmCommand,
  PutMetricAlarmCommand,
  PutMetricDataCommand,
  SetAlarmStateCommand,
} from '@aws-sdk/client-cloudwatch';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { alarmStateChange } from '../../../events/sources/cloudwatch-alarm/schema.ts';
import type { CloudWatch } from '../../../local/stand-ins/cloudwatch/cloudwatch.ts';
import { createCloudWatch } from '../../../local/stand-ins/cloudwatch/cloudwatch.ts';
import type { AwsEvent } from '../../../local/world/types.ts';
import { clientConfig, keptEvents, quietWorld } from './support.ts';

interface Sample {
  readonly source: string;
  readonly 'detail-type': string;
  readonly resources: readonly string[];
  readonly detail: Record<string, unknown>;
}

const SAMPLES = join(import.meta.dirname, '../../../events/sources/cloudwatch-alarm/samples');
const sample = (name: string) => JSON.parse(readFileSync(join(SAMPLES, `${name}.json`), 'utf8')) as Sample;

/** Every key with its path and the type of what it holds; metrics are told apart by what they have. */
function keyPaths(value: unknown, path = ''): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => keyPaths(item, `${path}[]`));
  if (typeof value !== 'object' || value === null) return [`${path}: ${typeof value}`];
  return Object.entries(value).flatMap(([key, item]) => keyPaths(item, `${path}.${key}`));
}
/** Mute rules are not part of the local world; the names of dimensions are the alarm's own. */
const shape = (detail: unknown) => {
  const { muteDetail: _, ...rest } = detail as Record<string, unknown>;
  const paths = keyPaths(rest).map((path) => path.replace(/(\.dimensions)\.\w+/, '$1.*'));
  return [...new Set(paths)].sort();
};
const dataKeys = (detail: unknown) => {
  const { state } = detail as { state: { reasonData: string } };
  return Object.keys(JSON.parse(state.reasonData) as object);
};

const NOW = new Date('2026-03-01T12:00:11Z');
let bus: ReturnType<typeof keptEvents>;
let cloudwatch: CloudWatch;
let client: CloudWatchClient;
beforeEach(() => {
  bus = keptEvents();
  cloudwatch = createCloudWatch(quietWorld(), { events: bus, now: () => NOW });
  client = new CloudWatchClient(clientConfig(cloudwatch));
});
const Dimensions = [{ Name: 'InstanceId', Value: 'i-1' }];
const common = {
  AlarmDescription: 'what it is about',
  EvaluationPeriods: 1,
  Threshold: 50,
  ComparisonOperator: 'GreaterThanThreshold' as const,
};
const metric = (AlarmName: string, Threshold = 50) =>
  client.send(
    new PutMetricAlarmCommand({
      ...common,
      Threshold,
      AlarmName,
      Namespace: 'AWS/EC2',
      MetricName: 'CPUUtilization',
      Dimensions,
      Period: 10,
      Statistic: 'Average',
    }),
  );
const math = () => {
  const stat = (MetricName: string) => ({
    Metric: { Namespace: 'AWS/EC2', MetricName, Dimensions },
    Period: 10,
    Stat: 'Maximum',
  });
  return client.send(
    new PutMetricAlarmCommand({
      ...common,
      AlarmName: 'math',
      Metrics: [
        { Id: 'm1', MetricStat: stat('NetworkIn'), ReturnData: false },
        { Id: 'm2', MetricStat: stat('NetworkOut'), ReturnData: false },
        { Id: 'e1', Expression: 'SUM(METRICS())', Label: 'Total Network Traffic', ReturnData: true },
      ],
    }),
  );
};
const data = (...names: string[]) =>
  client.send(
    new PutMetricDataCommand({
      Namespace: 'AWS/EC2',
      MetricData: names.map((MetricName) => ({
        MetricName,
        Dimensions,
        Value: 90,
        Timestamp: new Date(NOW.getTime() - 5_000),
      })),
    }),
  );
const set = (AlarmName: string, StateValue: 'OK' | 'ALARM') =>
  client.send(new SetAlarmStateCommand({ AlarmName, StateValue, StateReason: 'r' }));
async function told(detailType: string): Promise<AwsEvent[]> {
  await cloudwatch.evaluateNow(NOW);
  return bus.events.filter((event) => event.detailType === detailType);
}
const STATE = 'CloudWatch Alarm State Change';
const CONFIGURATION = 'CloudWatch Alarm Configuration Change';

describe('a state change has the keys and types of AWS’s sample', () => {
  it('for a metric alarm', async () => {
    await metric('cpu');
    // The sample goes from OK, with a reason of its own, to ALARM.
    await client.send(
      new SetAlarmStateCommand({ AlarmName: 'cpu', StateValue: 'OK', StateReason: 'r', StateReasonData: '{}' }),
    );
    await data('CPUUtilization');
    const event = (await told(STATE)).at(-1);
    const published = sample('state-change-metric');
    expect(shape(event?.detail)).toEqual(shape(published.detail));
    expect(dataKeys(event?.detail)).toEqual(expect.arrayContaining(dataKeys(published.detail)));
    expect([event?.source, event?.detailType]).toEqual([published.source, published['detail-type']]);
    expect(event?.resources).toEqual(['arn:aws:cloudwatch:eu-west-1:000000000000:alarm:cpu']);
  });
  it('for a metric math alarm', async () => {
    await math();
    await data('NetworkIn', 'NetworkOut');
    const event = (await told(STATE)).at(-1);
    const published = sample('state-change-metric-math');
    expect(shape(event?.detail)).toEqual(shape(published.detail));
    expect(dataKeys(event?.detail)).toEqual(expect.arrayContaining(dataKeys(published.detail)));
  });
  it('for a composite alarm whose actions are held back', async () => {
    for (const name of ['a', 'maintenance']) {
      await metric(name);
      await set(name, 'OK');
    }
    await client.send(
      new PutCompositeAlarmCommand({
        AlarmName: 'both',
        AlarmRule: 'ALARM(a)',
        ActionsSuppressor: 'maintenance',
        ActionsSuppressorWaitPeriod: 0,
        ActionsSuppressorExtensionPeriod: 180,
      }),
    );
    await set('maintenance', 'ALARM');
    await set('a', 'ALARM');
    const events = (await told(STATE)).filter((event) => event.resources[0]?.endsWith(':both'));
    const fired = events.find((event) => (event.detail as { state: { value: string } }).state.value === 'ALARM');
    const published = sample('state-change-composite');
    expect(shape(fired?.detail)).toEqual(shape(published.detail));
    expect(dataKeys(fired?.detail)).toEqual(dataKeys(published.detail));
  });
});

describe('a configuration change has the keys and types of AWS’s sample', () => {
  it('for a composite alarm that is made', async () => {
    await metric('a');
    await client.send(
      new PutCompositeAlarmCommand({ AlarmName: 'both', AlarmRule: 'ALARM(a)', AlarmDescription: 'words' }),
    );
    const made = (await told(CONFIGURATION)).at(-1);
    expect(shape(made?.detail)).toEqual(shape(sample('configuration-change-create-composite').detail));
  });
  it('for a metric alarm that is changed', async () => {
    await metric('cpu');
    await metric('cpu', 60);
    const changed = (await told(CONFIGURATION)).at(-1);
    expect(shape(changed?.detail)).toEqual(shape(sample('configuration-change-update-metric').detail));
  });
  it('for a metric math alarm that is deleted', async () => {
    await math();
    await client.send(new DeleteAlarmsCommand({ AlarmNames: ['math'] }));
    const deleted = (await told(CONFIGURATION)).at(-1);
    expect(shape(deleted?.detail)).toEqual(shape(sample('configuration-change-delete-metric-math').detail));
  });
});

describe('the schema that Nightshift reads alarms with', () => {
  it('takes AWS’s samples and the local world’s events', async () => {
    await metric('cpu');
    await math();
    await client.send(new PutCompositeAlarmCommand({ AlarmName: 'both', AlarmRule: 'ALARM(cpu)' }));
    await set('cpu', 'ALARM');
    const events = (await told(STATE)).map(({ detailType, region, time, ...event }, id) => ({
      ...event,
      id: String(id),
      'detail-type': detailType,
      account: '000000000000',
      region,
      time: time.toISOString(),
    }));
    expect(events.length).toBeGreaterThanOrEqual(3);
    const names = ['metric', 'metric-math', 'composite', 'anomaly-detection', 'multi-time-series'];
    for (const event of [...events, ...names.map((name) => sample(`state-change-${name}`))])
      expect(alarmStateChange.safeParse(event)).toMatchObject({ success: true });
    expect(alarmStateChange.safeParse(sample('configuration-change-update-metric'))).toMatchObject({ success: false });
  });
});

describe('handing events on', () => {
  it('tries again when the bus doesn’t take one, and keeps the order', async () => {
    let refusals = 2;
    const taken: string[] = [];
    const flaky = createCloudWatch(quietWorld(), {
      now: () => NOW,
      events: {
        publish: async (event) => {
          refusals -= 1;
          if (refusals >= 0) throw new Error('busy');
          taken.push(event.detailType);
          return { id: '1' };
        },
      },
    });
    client = new CloudWatchClient(clientConfig(flaky));
    await metric('cpu');
    await set('cpu', 'ALARM');
    await flaky.evaluateNow(NOW);
    expect(taken.slice(0, 2)).toEqual([CONFIGURATION, STATE]);
  });
});
