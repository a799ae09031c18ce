import { CloudWatchClient, DescribeAlarmsCommand, PutMetricAlarmCommand } from '@aws-sdk/client-cloudwatch';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createCloudWatch } from '../../../local/stand-ins/cloudwatch/cloudwatch.ts';
import type { EvaluationInput } from '../../../local/stand-ins/cloudwatch/evaluator.ts';
import { evaluate } from '../../../local/stand-ins/cloudwatch/evaluator.ts';
import { clientConfig, keptEvents, quietWorld, REGION } from '../../unit/cloudwatch/support.ts';

const T0 = Date.parse('2026-03-01T12:00:00Z');
const word = fc.constantFrom('a', 'b', 'ClusterName', 'ServiceName');
const dimensions = fc.dictionary(word, word, { maxKeys: 3, noNullPrototype: true });
const metric = fc.record({ namespace: word, name: word, dimensions });
const same = (a: object, b: object) => JSON.stringify(a) === JSON.stringify(b);
const sorted = (m: { namespace: string; name: string; dimensions: Record<string, string> }) => ({
  namespace: m.namespace,
  name: m.name,
  dimensions: Object.fromEntries(Object.entries(m.dimensions).sort(([x], [y]) => (x < y ? -1 : 1))),
});

describe('a datapoint', () => {
  it('moves an alarm exactly when namespace, name and all dimensions are the alarm’s own', async () => {
    let moved = 0;
    const property = fc.asyncProperty(metric, metric, async (watched, put) => {
      const now = new Date(T0);
      const cloudwatch = createCloudWatch(quietWorld(), { events: keptEvents(), now: () => now });
      const client = new CloudWatchClient(clientConfig(cloudwatch));
      await client.send(
        new PutMetricAlarmCommand({
          AlarmName: 'x',
          Namespace: watched.namespace,
          MetricName: watched.name,
          Dimensions: Object.entries(watched.dimensions).map(([Name, Value]) => ({ Name, Value })),
          Statistic: 'Maximum',
          Period: 10,
          EvaluationPeriods: 1,
          Threshold: 1,
          ComparisonOperator: 'GreaterThanThreshold',
        }),
      );
      cloudwatch.put({ region: REGION, ...put, value: 5, at: new Date(T0 - 5_000) });
      await cloudwatch.evaluateNow(now);
      const { MetricAlarms } = await client.send(new DescribeAlarmsCommand({}));
      const own = same(sorted(watched), sorted(put));
      if (own) moved += 1;
      expect(MetricAlarms?.[0]?.StateValue).toBe(own ? 'ALARM' : 'INSUFFICIENT_DATA');
    });
    const hit = metric.map((m) => [m, m] as const);
    await fc.assert(property, { numRuns: 200, examples: fc.sample(hit, 40).map(([a, b]) => [a, b]) });
    expect(moved).toBeGreaterThanOrEqual(40);
  });
});

const inputs: fc.Arbitrary<EvaluationInput> = fc
  .record({
    n: fc.integer({ min: 1, max: 6 }),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    values: fc.array(fc.option(fc.constantFrom(0, 100), { nil: undefined }), { minLength: 8, maxLength: 8 }),
    treatMissingData: fc.constantFrom('missing', 'ignore', 'breaching', 'notBreaching'),
  })
  .map(({ n, share, values, treatMissingData }) => ({
    datapoints: values.slice(0, n + 2),
    evaluationPeriods: n,
    datapointsToAlarm: 1 + Math.floor(share * (n - 1)),
    comparison: 'GreaterThanThreshold' as const,
    threshold: 50,
    treatMissingData,
  }));
const real = (input: EvaluationInput) => input.datapoints.filter((value) => value !== undefined);

describe('the evaluator', () => {
  it('fires for no reason but datapoints over the threshold or missing ones treated as such', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const { state } = evaluate(input);
        if (state === 'ALARM' && input.treatMissingData !== 'breaching')
          expect(real(input).filter((value) => value > 50).length).toBeGreaterThan(0);
      }),
    );
  });
  it('lacks data only when every datapoint is missing, and then only where missing means missing', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const lacks = evaluate(input).state === 'INSUFFICIENT_DATA';
        expect(lacks).toBe(real(input).length === 0 && input.treatMissingData === 'missing');
      }),
    );
  });
  it('doesn’t depend on the treatment of missing data while enough datapoints are real', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        fc.pre(real(input).length >= input.evaluationPeriods);
        const states = (['missing', 'ignore', 'breaching', 'notBreaching'] as const).map(
          (treatMissingData) => evaluate({ ...input, treatMissingData }).state,
        );
        expect(new Set(states).size).toBe(1);
      }),
    );
  });
  it('never leaves ALARM by one more breaching datapoint', () => {
    fc.assert(
      fc.property(inputs, fc.nat(7), (input, position) => {
        fc.pre(evaluate(input).state === 'ALARM' && input.datapoints[position] === 0);
        const worse = input.datapoints.map((value, i) => (i === position ? 100 : value));
        expect(evaluate({ ...input, datapoints: worse }).state).toBe('ALARM');
      }),
    );
  });
});
