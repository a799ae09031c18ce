/** A CloudWatch with a clock that tests set, a client, and what left it; made anew for each test by `beforeEach(make)`. */
import { CloudWatchClient, DescribeAlarmsCommand, type PutMetricAlarmCommandInput } from '@aws-sdk/client-cloudwatch';
import { type CloudWatch, createCloudWatch } from '../../../local/stand-ins/cloudwatch/cloudwatch.ts';
import { clientConfig, keptEvents, quietWorld, REGION } from './support.ts';

export const T0 = Date.parse('2026-03-01T12:00:00Z');
export const seconds = (n: number) => new Date(T0 + n * 1000);
export const dimensions = [
  { Name: 'ClusterName', Value: 'orders' },
  { Name: 'ServiceName', Value: 'backend' },
];
export const cpuHigh: PutMetricAlarmCommandInput = {
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

export let clock: Date;
export let bus: ReturnType<typeof keptEvents>;
export let cloudwatch: CloudWatch;
export let client: CloudWatchClient;
export let sns: string[];
export let invoked: unknown[];

export function make(): void {
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
}

export const put = (value: number, at: Date, service = 'backend') =>
  cloudwatch.put({
    region: REGION,
    namespace: 'AWS/ECS',
    name: 'CPUUtilization',
    dimensions: { ServiceName: service, ClusterName: 'orders' },
    value,
    at,
  });
export async function alarm(name = 'cpu-high') {
  const found = await client.send(
    new DescribeAlarmsCommand({ AlarmNames: [name], AlarmTypes: ['MetricAlarm', 'CompositeAlarm'] }),
  );
  return found.MetricAlarms?.[0] ?? found.CompositeAlarms?.[0];
}
export const stateChanges = () => bus.events.filter((event) => event.detailType === 'CloudWatch Alarm State Change');
export async function evaluateAt(n: number) {
  clock = seconds(n);
  await cloudwatch.evaluateNow(clock);
}
