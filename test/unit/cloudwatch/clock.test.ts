import { CloudWatchClient, PutMetricAlarmCommand } from '@aws-sdk/client-cloudwatch';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { CloudWatch } from '../../../local/stand-ins/cloudwatch/cloudwatch.ts';
import { createCloudWatch } from '../../../local/stand-ins/cloudwatch/cloudwatch.ts';
import { clientConfig, keptEvents, quietWorld, REGION } from './support.ts';

let bus: ReturnType<typeof keptEvents>;
let cloudwatch: CloudWatch;
beforeEach(() => {
  jest.useFakeTimers({ now: Date.parse('2026-03-01T12:00:03Z') });
  bus = keptEvents();
  cloudwatch = createCloudWatch(quietWorld(), { events: bus });
  cloudwatch.start();
});
afterEach(() => {
  cloudwatch.stop();
  jest.useRealTimers();
});

async function firesAfter(Period: number): Promise<string | undefined> {
  const client = new CloudWatchClient(clientConfig(cloudwatch));
  await client.send(
    new PutMetricAlarmCommand({
      AlarmName: 'x',
      Namespace: 'N',
      MetricName: 'M',
      Statistic: 'Maximum',
      Period,
      EvaluationPeriods: 1,
      Threshold: 1,
      ComparisonOperator: 'GreaterThanThreshold',
    }),
  );
  cloudwatch.put({ region: REGION, namespace: 'N', name: 'M', dimensions: {}, value: 5, at: new Date() });
  await jest.advanceTimersByTimeAsync(120_000);
  const fired = bus.events.find((event) => event.detailType === 'CloudWatch Alarm State Change');
  return fired?.time.toISOString();
}

describe('by the clock', () => {
  it('a high-resolution alarm is judged right after its 10 seconds ended', async () => {
    expect(await firesAfter(10)).toBe('2026-03-01T12:00:10.700Z');
  });
  it('another alarm is judged right after its minute ended', async () => {
    expect(await firesAfter(60)).toBe('2026-03-01T12:01:00.700Z');
  });
  it('an alarm over five minutes is judged every minute too', async () => {
    expect(await firesAfter(300)).toBe('2026-03-01T12:01:00.700Z');
  });
  it('nothing is judged after stop', async () => {
    cloudwatch.stop();
    expect(await firesAfter(10)).toBeUndefined();
  });
});
