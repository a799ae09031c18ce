import type { CloudWatchClient, GetMetricDataCommand, MetricDataResult } from '@aws-sdk/client-cloudwatch';
import { describe, expect, it } from '@jest/globals';
import type { RuntimeConfig } from '../../../functions/engine/config.ts';
import { RetryableError } from '../../../functions/engine/errors.ts';
import { serviceFacts } from '../../../functions/jobs/write-report/metrics.ts';
import { requireComplete } from '../../../functions/metrics/complete.ts';
import { serviceLevel } from '../../../functions/reports/figures.ts';
import { config as base, service } from '../../support/fixtures.ts';

const FROM = Date.parse('2026-11-20T00:00:00Z');
const hour = { from: FROM, to: FROM + 3_600_000, timeZone: 'UTC', label: 'an hour' };
const config: RuntimeConfig = {
  ...base,
  services: { backend: { ...service, balancedBy: { loadBalancer: 'app/a/1', targetGroup: 'targetgroup/b/2' } } },
};

type Tells = Readonly<Record<string, number>>;
type Pages = (results: MetricDataResult[]) => { MetricDataResults: MetricDataResult[]; NextToken?: string }[];

/** CloudWatch with one hour's figures by metric, answering in pages. */
function cloudwatch(tells: Tells, pages: Pages = (all) => [{ MetricDataResults: all }]) {
  let sent = 0;
  const send = async ({ input }: GetMetricDataCommand) => {
    const results = (input.MetricDataQueries ?? []).map(({ Id, MetricStat }): MetricDataResult => {
      const value = tells[MetricStat?.Metric?.MetricName ?? ''];
      const told = value === undefined ? [] : [value];
      return { ...{ Id, StatusCode: 'Complete', Values: told }, Timestamps: told.map(() => new Date(FROM)) };
    });
    return pages(results)[sent++];
  };
  return { send } as unknown as Pick<CloudWatchClient, 'send'>;
}

async function levelOf(tells: Tells) {
  const [facts] = await serviceFacts(cloudwatch(tells), config, hour, { requests: true, use: false });
  const level = serviceLevel(facts?.requests ?? [], hour, { latencySeconds: 2 });
  return level && [level.requests, level.failed, level.availablePercent];
}

describe('the requests of a service', () => {
  it.each<[string, Tells, readonly number[]]>([
    [
      'all of whose targets hang was never available',
      { RequestCount: 1000, HTTPCode_ELB_5XX_Count: 1000 },
      [1000, 1000, 0],
    ],
    [
      'without any target was never available',
      { HTTPCode_ELB_5XX_Count: 1000, HTTPCode_ELB_503_Count: 1000 },
      [1000, 1000, 0],
    ],
    [
      'count once, whoever answered',
      {
        RequestCount: 90,
        HTTPCode_Target_5XX_Count: 5,
        HTTPCode_ELB_5XX_Count: 20,
        HTTPCode_ELB_503_Count: 6,
        HTTPCode_ELB_500_Count: 4,
      },
      [100, 25, 75],
    ],
    // Another service behind the same load balancer fails.
    ['fail no more often than they come', { RequestCount: 10, HTTPCode_ELB_5XX_Count: 50 }, [10, 10, 0]],
  ])('%s', async (_what, tells, expected) => {
    expect(await levelOf(tells)).toEqual(expected);
  });
});

describe('figures of which CloudWatch does not tell all', () => {
  const read = (pages: Pages) =>
    serviceFacts(cloudwatch({ RequestCount: 100 }, pages), config, hour, { requests: true, use: false });

  it.each(['PartialData', 'InternalError', 'Forbidden', undefined] as const)(
    'are asked for again and never taken for 0: %s',
    async (StatusCode) => {
      const pages: Pages = (all) => [
        { MetricDataResults: all.map((each, index) => (index === 1 ? { ...each, StatusCode } : each)) },
      ];
      await expect(read(pages)).rejects.toThrow(RetryableError);
    },
  );

  it('are asked for again where a metric is left out', async () => {
    await expect(read((all) => [{ MetricDataResults: all.slice(1) }])).rejects.toThrow(/m0 \(absent\)/);
  });

  it('are whole when the last page completes them', async () => {
    const pages: Pages = (all) => [
      { NextToken: 'more', MetricDataResults: all.map((each) => ({ ...each, StatusCode: 'PartialData' as const })) },
      { MetricDataResults: all.map(({ Id, StatusCode }) => ({ Id, StatusCode })) },
    ];
    const [facts] = await read(pages);
    expect(facts?.requests).toEqual([expect.objectContaining({ requests: 100, failed: 0 })]);
  });

  it('are named', () => {
    expect(() => requireComplete('look', [{ Id: 'a', StatusCode: 'Complete' }], ['a'])).not.toThrow();
    expect(() => requireComplete('look', [{ Id: 'a', StatusCode: 'PartialData' }], ['a', 'b'])).toThrow(
      'look: CloudWatch did not tell all of a (PartialData), b (absent)',
    );
  });
});
