import {
  CloudWatchClient,
  DeleteAlarmsCommand,
  DescribeAlarmHistoryCommand,
  DescribeAlarmsCommand,
  DisableAlarmActionsCommand,
  EnableAlarmActionsCommand,
  ListTagsForResourceCommand,
  PutMetricAlarmCommand,
  SetAlarmStateCommand,
  TagResourceCommand,
  UntagResourceCommand,
} from '@aws-sdk/client-cloudwatch';
import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  alarm,
  bus,
  client,
  clock,
  cloudwatch,
  cpuHigh,
  dimensions,
  evaluateAt,
  invoked,
  make,
  put,
  seconds,
  sns,
  stateChanges,
} from './fixture.ts';
import { clientConfig } from './support.ts';

beforeEach(make);

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
