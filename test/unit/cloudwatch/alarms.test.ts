import {
  CloudWatchClient,
  DeleteAlarmsCommand,
  DescribeAlarmHistoryCommand,
  DescribeAlarmsCommand,
  DisableAlarmActionsCommand,
  EnableAlarmActionsCommand,
  GetMetricDataCommand,
  GetMetricStatisticsCommand,
  ListMetricsCommand,
  ListTagsForResourceCommand,
  PutCompositeAlarmCommand,
  PutMetricAlarmCommand,
  type PutMetricAlarmCommandInput,
  PutMetricDataCommand,
  SetAlarmStateCommand,
  TagResourceCommand,
  UntagResourceCommand,
} from '@aws-sdk/client-cloudwatch';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { CloudWatch } from '../../../local/stand-ins/cloudwatch/cloudwatch.ts';
import { createCloudWatch } from '../../../local/stand-ins/cloudwatch/cloudwatch.ts';
import { clientConfig, keptEvents, quietWorld, REGION } from './support.ts';

const T0 = Date.parse('2026-03-01T12:00:00Z');
const seconds = (n: number) => new Date(T0 + n * 1000);
const dimensions = [
  { Name: 'ClusterName', Value: 'orders' },
  { Name: 'ServiceName', Value: 'backend' },
];
const cpuHigh: PutMetricAlarmCommandInput = {
  AlarmName: 'cpu-high',
  Namespace: 'AWS/ECS',
  MetricName: 'CPUUtilization',
  Dimensions: dimensions,
  Statistic: 'Average',
  Period: 10,
  EvaluationPeriods: 2,
  Threshold: 70,
  ComparisonOperator: 'GreaterThanThreshold',
};

let clock: Date;
let bus: ReturnType<typeof keptEvents>;
let cloudwatch: CloudWatch;
let client: CloudWatchClient;
let sns: string[];
let invoked: unknown[];

beforeEach(() => {
  clock = seconds(0);
  bus = keptEvents();
  sns = [];
  invoked = [];
  cloudwatch = createCloudWatch(quietWorld(), {
    events: bus,
    now: () => clock,
    publishToSns: async (topic, subject) => void sns.push(`${topic} ${subject}`),
    lambda: {
      invokeAsync: async (_arn, payload) => {
        invoked.push(payload);
        return { requestId: 'r' };
      },
    },
  });
  client = new CloudWatchClient(clientConfig(cloudwatch));
});

const put = (value: number, at: Date, service = 'backend') =>
  cloudwatch.put({
    region: REGION,
    namespace: 'AWS/ECS',
    name: 'CPUUtilization',
    dimensions: { ServiceName: service, ClusterName: 'orders' },
    value,
    at,
  });
async function alarm(name = 'cpu-high') {
  const found = await client.send(
    new DescribeAlarmsCommand({ AlarmNames: [name], AlarmTypes: ['MetricAlarm', 'CompositeAlarm'] }),
  );
  return found.MetricAlarms?.[0] ?? found.CompositeAlarms?.[0];
}
const stateChanges = () => bus.events.filter((event) => event.detailType === 'CloudWatch Alarm State Change');
async function evaluateAt(n: number) {
  clock = seconds(n);
  await cloudwatch.evaluateNow(clock);
}

describe('a metric alarm', () => {
  it('begins without data and says so in AWS’s words', async () => {
    await client.send(new PutMetricAlarmCommand(cpuHigh));
    expect(await alarm()).toMatchObject({
      StateValue: 'INSUFFICIENT_DATA',
      StateReason: 'Unchecked: Initial alarm creation',
      StateUpdatedTimestamp: seconds(0),
      Dimensions: dimensions,
    });
  });

  it('says that it found nothing when it is first judged without data, and tells nobody', async () => {
    await client.send(new PutMetricAlarmCommand(cpuHigh));
    await evaluateAt(11);
    expect((await alarm())?.StateReason).toBe('Insufficient Data: 4 datapoints were unknown.');
    expect(stateChanges()).toEqual([]);
  });

  it('fires when enough datapoints breach and recovers when they no longer do', async () => {
    await client.send(new PutMetricAlarmCommand(cpuHigh));
    for (const n of [2, 12]) put(90, seconds(n));
    await evaluateAt(21);
    const fired = await alarm();
    expect(fired?.StateValue).toBe('ALARM');
    expect(fired?.StateReason).toBe(
      'Threshold Crossed: 2 out of the last 2 datapoints [90.0 (01/03/26 12:00:10), 90.0 (01/03/26 12:00:00)] were greater than the threshold (70.0) (minimum 2 datapoints for OK -> ALARM transition).',
    );
    put(20, seconds(22));
    await evaluateAt(31);
    expect((await alarm())?.StateReason).toBe(
      'Threshold Crossed: 1 out of the last 2 datapoints [20.0 (01/03/26 12:00:20)] was not greater than the threshold (70.0) (minimum 1 datapoint for ALARM -> OK transition).',
    );
    expect(stateChanges()).toHaveLength(2);
  });

  it('tells nobody while its state stays the same', async () => {
    await client.send(new PutMetricAlarmCommand(cpuHigh));
    for (const n of [2, 12, 22, 32]) put(90, seconds(n));
    for (const n of [21, 31, 41]) await evaluateAt(n);
    expect(stateChanges()).toHaveLength(1);
  });

  it('runs out of data when the metric stops', async () => {
    await client.send(new PutMetricAlarmCommand(cpuHigh));
    for (const n of [2, 12]) put(10, seconds(n));
    await evaluateAt(21);
    await evaluateAt(61);
    expect(await alarm()).toMatchObject({
      StateValue: 'INSUFFICIENT_DATA',
      StateReason: 'Insufficient Data: 4 datapoints were unknown.',
    });
  });

  it('keeps its state and tags when it is put again, and tells the change of configuration', async () => {
    const tags = [{ Key: 'team', Value: 'orders' }];
    await client.send(new PutMetricAlarmCommand({ ...cpuHigh, Tags: tags }));
    await client.send(new SetAlarmStateCommand({ AlarmName: 'cpu-high', StateValue: 'OK', StateReason: 'test' }));
    await client.send(new PutMetricAlarmCommand({ ...cpuHigh, Threshold: 80, Tags: [] }));
    const now = await alarm();
    expect(now).toMatchObject({ StateValue: 'OK', Threshold: 80 });
    const listed = await client.send(new ListTagsForResourceCommand({ ResourceARN: now?.AlarmArn }));
    expect(listed.Tags).toEqual(tags);
    await cloudwatch.evaluateNow(clock);
    const told = bus.events.filter((event) => event.detailType === 'CloudWatch Alarm Configuration Change');
    expect(told.map((event) => (event.detail as { operation: string }).operation)).toEqual(['create', 'update']);
  });

  it('returns from a state set by hand at the next evaluation', async () => {
    await client.send(new PutMetricAlarmCommand(cpuHigh));
    for (const n of [2, 12]) put(10, seconds(n));
    await evaluateAt(21);
    await client.send(new SetAlarmStateCommand({ AlarmName: 'cpu-high', StateValue: 'ALARM', StateReason: 'drill' }));
    expect((await alarm())?.StateValue).toBe('ALARM');
    await evaluateAt(22);
    expect((await alarm())?.StateValue).toBe('OK');
  });

  it('is separate in each region', async () => {
    await client.send(new PutMetricAlarmCommand(cpuHigh));
    const elsewhere = new CloudWatchClient(clientConfig(cloudwatch, 'eu-central-1'));
    const found = await elsewhere.send(new DescribeAlarmsCommand({}));
    expect(found.MetricAlarms).toEqual([]);
  });
});

describe('actions', () => {
  const actions = {
    AlarmActions: ['arn:aws:sns:eu-west-1:000000000000:pager', 'arn:aws:lambda:eu-west-1:000000000000:function:f'],
  };
  const fire = () =>
    client.send(new SetAlarmStateCommand({ AlarmName: 'cpu-high', StateValue: 'ALARM', StateReason: 'test' }));

  it('publish to SNS and invoke Lambda with AWS’s payload', async () => {
    await client.send(new PutMetricAlarmCommand({ ...cpuHigh, ...actions }));
    await fire();
    await cloudwatch.evaluateNow(clock);
    expect(sns).toEqual([`${actions.AlarmActions[0]} ALARM: "cpu-high" in eu-west-1`]);
    expect(invoked).toMatchObject([{ source: 'aws.cloudwatch', alarmData: { state: { value: 'ALARM' } } }]);
    const history = await client.send(new DescribeAlarmHistoryCommand({ AlarmName: 'cpu-high' }));
    expect(history.AlarmHistoryItems?.map((item) => item.HistoryItemType).sort()).toEqual([
      'Action',
      'Action',
      'ConfigurationUpdate',
      'StateUpdate',
      'StateUpdate',
    ]);
  });

  it('stay away while they are disabled, and come back when enabled', async () => {
    await client.send(new PutMetricAlarmCommand({ ...cpuHigh, ...actions }));
    await client.send(new DisableAlarmActionsCommand({ AlarmNames: ['cpu-high'] }));
    await fire();
    await cloudwatch.evaluateNow(clock);
    expect(sns).toEqual([]);
    expect(stateChanges().length).toBeGreaterThan(0);
    await client.send(new EnableAlarmActionsCommand({ AlarmNames: ['cpu-high'] }));
    await fire();
    await cloudwatch.evaluateNow(clock);
    expect(sns).toHaveLength(1);
  });
});

describe('alarm tags in events', () => {
  const Tags = [
    { Key: 'nightshift:runbook', Value: 'scale-out-service' },
    { Key: 'team', Value: 'orders' },
    { Key: 'aws:cloudformation:stack-name', Value: 'x' },
  ];
  const detailWith = async (propagation: object | undefined) => {
    const ActionConfiguration = propagation && { AlarmTagsPropagation: { Enabled: true, ...propagation } };
    await client.send(new PutMetricAlarmCommand({ ...cpuHigh, Tags, ActionConfiguration }));
    await client.send(new SetAlarmStateCommand({ AlarmName: 'cpu-high', StateValue: 'ALARM', StateReason: 'test' }));
    await cloudwatch.evaluateNow(clock);
    return stateChanges()[0]?.detail as Record<string, unknown>;
  };

  it('are absent where propagation is off', async () => {
    expect(Object.keys(await detailWith(undefined))).not.toEqual(expect.arrayContaining(['alarmTags']));
  });
  it('are all but reserved ones where it is on', async () => {
    expect(await detailWith({})).toMatchObject({
      alarmTags: { 'nightshift:runbook': 'scale-out-service', team: 'orders' },
      alarmTagsStatus: 'SUCCESS',
    });
    expect((await alarm())?.ActionConfiguration?.AlarmTagsPropagation?.Enabled).toBe(true);
  });
  it('are only the included, or all but the excluded', async () => {
    expect((await detailWith({ IncludedTagKeys: ['team'] })).alarmTags).toEqual({ team: 'orders' });
  });
  it('change with TagResource and UntagResource', async () => {
    await client.send(new PutMetricAlarmCommand({ ...cpuHigh, Tags }));
    const ResourceARN = (await alarm())?.AlarmArn;
    await client.send(new TagResourceCommand({ ResourceARN, Tags: [{ Key: 'tier', Value: '1' }] }));
    await client.send(new UntagResourceCommand({ ResourceARN, TagKeys: ['team'] }));
    const { Tags: left } = await client.send(new ListTagsForResourceCommand({ ResourceARN }));
    expect(left?.map((tag) => tag.Key)).toEqual(['nightshift:runbook', 'aws:cloudformation:stack-name', 'tier']);
  });
});

describe('metric math', () => {
  const connections = {
    AlarmName: 'connections',
    EvaluationPeriods: 1,
    Threshold: 0.8,
    ComparisonOperator: 'GreaterThanThreshold' as const,
    Metrics: [
      {
        Id: 'used',
        ReturnData: false,
        MetricStat: { Metric: { Namespace: 'N', MetricName: 'Used' }, Period: 10, Stat: 'Maximum' },
      },
      {
        Id: 'most',
        ReturnData: false,
        MetricStat: { Metric: { Namespace: 'N', MetricName: 'Most' }, Period: 10, Stat: 'Maximum' },
      },
      { Id: 'share', Expression: 'used / most', Label: 'Share' },
    ],
  };
  const both = (used: number) =>
    client.send(
      new PutMetricDataCommand({
        Namespace: 'N',
        MetricData: [
          { MetricName: 'Used', Value: used, Timestamp: clock },
          { MetricName: 'Most', Value: 100, Timestamp: clock },
        ],
      }),
    );

  it('judges the expression', async () => {
    await client.send(new PutMetricAlarmCommand(connections));
    await both(81);
    await evaluateAt(11);
    expect(await alarm('connections')).toMatchObject({ StateValue: 'ALARM', Metrics: [{}, {}, { Id: 'share' }] });
  });
  it('refuses an expression that it can’t compute', async () => {
    const Metrics = connections.Metrics.map((m) =>
      m.Expression ? { ...m, Expression: 'ANOMALY_DETECTION_BAND(used)' } : m,
    );
    await expect(client.send(new PutMetricAlarmCommand({ ...connections, Metrics }))).rejects.toThrow(/known here/);
  });
  it('is answered by GetMetricData too', async () => {
    await both(40);
    const { MetricDataResults } = await client.send(
      new GetMetricDataCommand({ StartTime: seconds(0), EndTime: seconds(60), MetricDataQueries: connections.Metrics }),
    );
    expect(MetricDataResults).toEqual([
      { Id: 'share', Label: 'Share', Timestamps: [seconds(0)], Values: [0.4], StatusCode: 'Complete' },
    ]);
  });
});

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

describe('deleting and describing', () => {
  it('deletes all or nothing', async () => {
    await client.send(new PutMetricAlarmCommand(cpuHigh));
    const wrong = client.send(new DeleteAlarmsCommand({ AlarmNames: ['cpu-high', 'nobody'] }));
    await expect(wrong).rejects.toMatchObject({ name: 'ResourceNotFound' });
    expect(await alarm()).toBeDefined();
    await client.send(new DeleteAlarmsCommand({ AlarmNames: ['cpu-high'] }));
    expect(await alarm()).toBeUndefined();
  });
  it('filters by prefix and state, in pages', async () => {
    for (const n of [1, 2, 3]) await client.send(new PutMetricAlarmCommand({ ...cpuHigh, AlarmName: `a-${n}` }));
    await client.send(new PutMetricAlarmCommand({ ...cpuHigh, AlarmName: 'b' }));
    const first = await client.send(new DescribeAlarmsCommand({ AlarmNamePrefix: 'a-', MaxRecords: 2 }));
    const { NextToken } = first;
    const second = await client.send(new DescribeAlarmsCommand({ AlarmNamePrefix: 'a-', MaxRecords: 2, NextToken }));
    expect([first, second].map((p) => p.MetricAlarms?.map((a) => a.AlarmName))).toEqual([['a-1', 'a-2'], ['a-3']]);
    expect((await client.send(new DescribeAlarmsCommand({ StateValue: 'ALARM' }))).MetricAlarms).toEqual([]);
  });
  it('refuses what AWS refuses, naming the field', async () => {
    for (const [wrong, words] of [
      [{ Period: 15 }, /Period/],
      [{ DatapointsToAlarm: 3 }, /DatapointsToAlarm/],
      [{ Threshold: undefined }, /Threshold/],
      [{ Period: 3540, EvaluationPeriods: 30 }, /86400/],
      [{ Statistic: undefined, ExtendedStatistic: 'tm90' }, /tm90/],
    ] as const) {
      const sent = client.send(new PutMetricAlarmCommand({ ...cpuHigh, ...wrong }));
      await expect(sent).rejects.toThrow(words);
    }
  });
});

describe('reading metrics', () => {
  it('computes every statistic over aligned periods', async () => {
    for (const [n, value] of [
      [1, 10],
      [2, 20],
      [61, 50],
    ] as const)
      put(value, seconds(n));
    const { Datapoints } = await client.send(
      new GetMetricStatisticsCommand({
        Namespace: 'AWS/ECS',
        MetricName: 'CPUUtilization',
        Dimensions: dimensions,
        StartTime: seconds(0),
        EndTime: seconds(120),
        Period: 60,
        Statistics: ['Average', 'Sum', 'Minimum', 'Maximum', 'SampleCount'],
        ExtendedStatistics: ['p50'],
      }),
    );
    expect(Datapoints?.[0]).toMatchObject({ Average: 15, Sum: 30, Minimum: 10, Maximum: 20, SampleCount: 2 });
    expect(Datapoints?.map((point) => point.ExtendedStatistics?.p50)).toEqual([10, 50]);
  });
  it('puts a late sample into its own period', async () => {
    for (const n of [61, 1, 62, 2]) put(n, seconds(n));
    const { MetricDataResults } = await client.send(
      new GetMetricDataCommand({
        StartTime: seconds(0),
        EndTime: seconds(120),
        ScanBy: 'TimestampAscending',
        MetricDataQueries: [
          {
            Id: 'm',
            MetricStat: {
              Metric: { Namespace: 'AWS/ECS', MetricName: 'CPUUtilization', Dimensions: dimensions },
              Period: 60,
              Stat: 'Sum',
            },
          },
        ],
      }),
    );
    expect(MetricDataResults?.[0]).toMatchObject({ Values: [3, 123], Timestamps: [seconds(0), seconds(60)] });
  });
  it('keeps each set of dimensions to itself', async () => {
    put(90, seconds(1));
    put(10, seconds(1), 'frontend');
    const { Metrics } = await client.send(
      new ListMetricsCommand({ Dimensions: [{ Name: 'ServiceName', Value: 'frontend' }] }),
    );
    expect(Metrics).toHaveLength(1);
  });
});
