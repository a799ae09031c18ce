import { DescribeAlarmsCommand, PutMetricAlarmCommand } from '@aws-sdk/client-cloudwatch';
import { DescribeServicesCommand, UpdateServiceCommand } from '@aws-sdk/client-ecs';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Load } from '../../../local/services/load.ts';
import { createLoad } from '../../../local/services/load.ts';
import { DEMO, seedServices } from '../../../local/services/seed.ts';
import type { MetricSink } from '../../../local/world/types.ts';
import { eventually, openTestWorld, REGION, type TestWorld } from '../../emulator/ecs/support.ts';

/** Metrics every second and alarms judged when asked, so that the test needn't wait for ten-second periods of the clock. */
const METRICS_EVERY_MS = 1_000;

// Load has to run for some seconds before its mean says anything.
jest.setTimeout(120_000);
let world: TestWorld;
let load: Load;
beforeAll(async () => {
  world = await openTestWorld({ metricsEveryMs: METRICS_EVERY_MS, startDelayMs: 100, drainMs: 100 });
  await seedServices(world.gateway.url, REGION);
  load = createLoad({
    url: world.ecs.serviceUrl(DEMO.cluster, DEMO.service),
    requestsPerSecond: DEMO.baseRequestsPerSecond,
  });
});
afterAll(async () => {
  load.stop();
  await world.close();
});

/** Mean CPU over the tasks, from what is put as metrics during the next `ms`. */
async function cpuOver(ms: number): Promise<number> {
  const seen: number[] = [];
  const { put } = world.cloudwatch;
  const spy: MetricSink['put'] = (metric) => {
    if (metric.name === 'CPUUtilization') seen.push(metric.value);
    put(metric);
  };
  world.cloudwatch.put = spy;
  await new Promise((resolve) => setTimeout(resolve, ms));
  world.cloudwatch.put = put;
  return seen.reduce((total, value) => total + value, 0) / seen.length;
}

describe('a service of real tasks', () => {
  it('fires its alarm when the load doubles, and cools down when it is scaled out', async () => {
    await cpuOver(2_000);
    const atBase = await cpuOver(5_000);
    expect(atBase).toBeGreaterThan(28);
    expect(atBase).toBeLessThan(52);

    await world.clients.cloudwatch.send(
      new PutMetricAlarmCommand({
        AlarmName: 'backend-cpu',
        Namespace: 'AWS/ECS',
        MetricName: 'CPUUtilization',
        Dimensions: [
          { Name: 'ClusterName', Value: DEMO.cluster },
          { Name: 'ServiceName', Value: DEMO.service },
        ],
        Statistic: 'Average',
        Period: 10,
        EvaluationPeriods: 1,
        Threshold: 65,
        ComparisonOperator: 'GreaterThanThreshold',
      }),
    );
    load.setRate(2 * DEMO.baseRequestsPerSecond);
    await cpuOver(2_000);
    // A machine that is busy with something else sends the doubled load late.
    const doubled = await eventually('the doubled load arrives', async () => {
      const percent = await cpuOver(5_000);
      return percent > 66 && percent;
    });
    await eventually('the alarm fires', async () => {
      await world.cloudwatch.evaluateNow(new Date());
      const found = await world.clients.cloudwatch.send(new DescribeAlarmsCommand({ AlarmNames: ['backend-cpu'] }));
      return found.MetricAlarms?.[0]?.StateValue === 'ALARM';
    });
    expect(world.events.map((event) => event.detailType)).toContain('CloudWatch Alarm State Change');

    const asked = { cluster: DEMO.cluster, service: DEMO.service };
    await world.clients.ecs.send(new UpdateServiceCommand({ ...asked, desiredCount: 3 }));
    await eventually('three tasks run', async () => {
      const found = await world.clients.ecs.send(
        new DescribeServicesCommand({ cluster: DEMO.cluster, services: [DEMO.service] }),
      );
      return found.services?.[0]?.runningCount === 3;
    });
    await cpuOver(2_000);
    const scaled = await cpuOver(5_000);
    expect(scaled).toBeLessThan(doubled - 12);
    await eventually('the alarm recovers', async () => {
      await world.cloudwatch.evaluateNow(new Date());
      const found = await world.clients.cloudwatch.send(new DescribeAlarmsCommand({ AlarmNames: ['backend-cpu'] }));
      return found.MetricAlarms?.[0]?.StateValue === 'OK';
    });
    expect(load.stats().failed).toBe(0);
    if (process.env.NIGHTSHIFT_SHOW) console.info({ atBase, doubled, scaled, load: load.stats() });
  });
});
