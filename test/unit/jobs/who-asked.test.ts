/** What is asked of AWS beside a backup keeps no backup from being finished. */

import { ACMClient } from '@aws-sdk/client-acm';
import { CloudTrailClient } from '@aws-sdk/client-cloudtrail';
import { ClusterNotFoundException, ECSClient } from '@aws-sdk/client-ecs';
import { RDSClient } from '@aws-sdk/client-rds';
import { Route53Client } from '@aws-sdk/client-route-53';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { readAccount } from '../../../functions/jobs/back-up-configuration/account.ts';
import { callsOn } from '../../../functions/jobs/back-up-configuration/trail.ts';
import { config } from '../../support/fixtures.ts';

const between = { from: new Date(0), until: new Date(1) };
const pacer = { take: async () => {} };
const answers = (client: { prototype: object }, answer: (command: { input: object }) => Promise<object>) =>
  jest
    .spyOn(client.prototype as { send: (command: { input: object }) => Promise<object> }, 'send')
    .mockImplementation(answer);
afterEach(() => {
  jest.restoreAllMocks();
});

const found = {
  CloudTrailEvent: JSON.stringify({ eventName: 'PutMetricAlarm', eventTime: '2026-11-22T01:00:00Z' }),
};

describe('CloudTrail', () => {
  it.each(['ThrottlingException', 'TimeoutError', 'AccessDeniedException'])(
    'that answers with %s leaves what it told before, and why there is no more',
    async (name) => {
      let asked = 0;
      answers(CloudTrailClient, async () => {
        if (++asked === 2) throw Object.assign(new Error('not now'), { name });
        return { Events: [found] };
      });
      expect(await callsOn([{ kind: 'alarm' }], between, pacer)).toMatchObject({
        ...{ calls: [{ event: 'PutMetricAlarm' }], left: expect.stringContaining(name) },
      });
      expect(asked).toBe(2);
    },
  );

  it('is asked no longer than a turn has time, however much it tells', async () => {
    let now = 0;
    answers(CloudTrailClient, async () => {
      now += 10_000;
      return { Events: [found], NextToken: 'more' };
    });
    const { calls, left } = await callsOn([{ kind: 'alarm' }, { kind: 'rule' }], between, pacer, () => now);
    expect([calls.length, left]).toEqual([5, 'it took longer than 45 s']);
  });
});

describe('the account', () => {
  const rest = () => {
    for (const client of [RDSClient, ACMClient, Route53Client]) answers(client, async () => ({}));
  };
  const clusters = (services: (cluster: string | undefined) => object) =>
    answers(ECSClient, async ({ input }) =>
      'cluster' in input
        ? services(input.cluster as string)
        : { clusterArns: ['arn:cluster/gone', 'arn:cluster/other'] },
    );

  it('is looked through though a cluster is deleted meanwhile', async () => {
    rest();
    clusters((cluster) => {
      if (cluster === 'arn:cluster/gone') throw new ClusterNotFoundException({ message: 'gone', $metadata: {} });
      return { serviceArns: ['arn:service/other/web'] };
    });
    const { items, unread } = await readAccount(pacer, config);
    expect([items.map(({ id }) => id), unread]).toEqual([['service/other/web'], []]);
  });

  it('with more clusters than a turn has time for is noted as not read, and the backup goes on', async () => {
    rest();
    let now = 0;
    clusters(() => {
      now += 60_000;
      return { serviceArns: [] };
    });
    const { items, unread } = await readAccount(pacer, config, () => now);
    expect(items).toEqual([]);
    expect(unread).toMatchObject([{ scope: 'service/', why: expect.stringContaining('2 clusters') }]);
  });
});
