/** The alarm that `region-failover` goes by, on the metric as SQS tells it: signs of life while they come, then zeros. */
import { PutMetricAlarmCommand } from '@aws-sdk/client-cloudwatch';
import { beforeEach, expect, it } from '@jest/globals';
import { alarm, client, cloudwatch, evaluateAt, make, seconds } from './fixture.ts';
import { REGION } from './support.ts';

const SILENT = 'silent';
const dimensions = { QueueName: 'signs' };
const sent = (value: number, at: number) =>
  cloudwatch.put({
    ...{ region: REGION, namespace: 'AWS/SQS', name: 'NumberOfMessagesSent', dimensions, value },
    at: seconds(at),
  });

beforeEach(make);

it('an alarm that waits for signs is in ALARM once a queue has told nothing but zeros, not in INSUFFICIENT_DATA', async () => {
  await client.send(
    new PutMetricAlarmCommand({
      ...{ AlarmName: SILENT, Namespace: 'AWS/SQS', MetricName: 'NumberOfMessagesSent', Statistic: 'Sum' },
      ...{ Dimensions: [{ Name: 'QueueName', Value: 'signs' }], Period: 10, EvaluationPeriods: 12 },
      ...{ Threshold: 1, ComparisonOperator: 'LessThanThreshold', TreatMissingData: 'missing' },
    }),
  );
  const states: (string | undefined)[] = [];
  for (let at = 0; at < 240; at += 2) {
    sent(0, at);
    if (at < 60) sent(1, at);
    if (at % 10 !== 0) continue;
    await evaluateAt(at + 1);
    const { StateValue } = (await alarm(SILENT)) ?? {};
    if (states.at(-1) !== StateValue) states.push(StateValue);
  }
  expect(states).toEqual(['INSUFFICIENT_DATA', 'OK', 'ALARM']);
});
