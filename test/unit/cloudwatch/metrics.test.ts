import {
  GetMetricDataCommand,
  GetMetricStatisticsCommand,
  ListMetricsCommand,
  PutMetricAlarmCommand,
  PutMetricDataCommand,
} from '@aws-sdk/client-cloudwatch';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { alarm, client, clock, dimensions, evaluateAt, make, put, seconds } from './fixture.ts';

beforeEach(make);

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
