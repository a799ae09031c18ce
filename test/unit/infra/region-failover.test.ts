/** What `region-failover` may touch, as the configuration names it; and what the configuration has to say for it. */
import { describe, expect, it } from '@jest/globals';
import { App, Stack } from 'aws-cdk-lib/core';
import { manifest } from '../../../functions/recovery/region-failover/manifest.ts';
import { ConfigurationError } from '../../../infra/config/faults.ts';
import { parseConfig } from '../../../infra/config/parse.ts';
import type { ConfigInput } from '../../../infra/config/schema.ts';
import { statementsFor } from '../../../infra/constructs/permissions.ts';

type Pair = NonNullable<ConfigInput['pairs']>[string];

const pair: Pair = {
  replica: 'orders',
  tasks: { api: 4 },
  primaryProbeUrl: 'https://east.example.com/health',
  standbyHealthUrl: 'https://west.example.com/health',
  standbyProbeUrl: 'https://west.example.com/orders',
  userUrl: 'https://www.example.com/orders',
  outageAlarms: ['nightshift-main-silent'],
  switch: { bucket: 'failover', key: 'orders/standby-serves' },
};
const given = (pairs: Record<string, Pair>): ConfigInput => ({
  ...{ region: 'us-west-2', standbyRegion: 'us-east-1', plans: ['region-failover'], pairs },
  services: { api: { cluster: 'orders', maxTasks: 4 }, admin: { cluster: 'back-office', maxTasks: 4 } },
  databases: {
    orders: { host: 'h', securityGroupId: 'sg-0a', maxConnections: 100, resourceId: 'db-ONE' },
    other: { host: 'h', securityGroupId: 'sg-0a', maxConnections: 100, resourceId: 'db-TWO' },
  },
  network: { vpcId: 'vpc-0a', subnetIds: ['subnet-0a'], routeTableIds: ['rtb-0a'], dynamoDbPrefixListId: 'pl-0a' },
});
const faultsOf = (pairs: Record<string, Pair>): string => {
  try {
    parseConfig(given(pairs), []);
    return '';
  } catch (error) {
    if (error instanceof ConfigurationError) return error.message;
    throw error;
  }
};

it('the role of region-failover promotes the pair’s replica, scales its services and writes its one object, none else, and knows no control plane of Route 53', () => {
  const stack = new Stack(new App({ analyticsReporting: false }), 'S', {
    env: { region: 'us-west-2', account: '111122223333' },
  });
  const { config } = parseConfig(given({ shop: pair }), []);
  const of = Object.fromEntries(
    statementsFor(stack, manifest.permissions, config).flatMap(({ actions, resources }) =>
      actions.map((action) => [action, [...resources]]),
    ),
  );
  expect(of['rds:PromoteReadReplica']?.map((arn) => arn.split(':').slice(3).join(':'))).toEqual([
    'us-west-2:111122223333:db:orders',
  ]);
  expect(of['s3:PutObject']?.map((arn) => arn.split(':::').at(-1))).toEqual(['failover/orders/standby-serves']);
  for (const action of ['ecs:DescribeServices', 'ecs:UpdateService'])
    expect(of[action]?.map((arn) => arn.split(':').at(-1))).toEqual(['service/orders/api']);
  expect(of['ecs:DescribeTasks']?.map((arn) => arn.split(':').at(-1))).toEqual(['task/orders/*']);
  // Composite alarms are told only to who may describe all.
  expect(of['cloudwatch:DescribeAlarms']).toEqual(['*']);
  expect(Object.keys(of).filter((action) => /^(route53|iam):/.test(action))).toEqual([]);
});

describe('the configuration of a pair', () => {
  it('is taken, with defaults that functions are told', () => {
    expect(parseConfig(given({ shop: pair }), []).runtime.pairs?.shop).toMatchObject({
      ...{ name: 'shop', unhealthyForSeconds: 60, recoveryPointSeconds: 300, ttlSeconds: 60, settleSeconds: 300 },
    });
  });

  it('has to be there for the plan', () => {
    expect(faultsOf({})).toMatch(/plans\[0\].*needs at least one of `pairs`/s);
  });

  it.each<[string, Partial<Pair>, RegExp]>([
    ['a replica that is no database', { replica: 'order' }, /pairs\.shop\.replica.*as a database/s],
    ['a service that isn’t known', { tasks: { apy: 2 } }, /pairs\.shop\.tasks\.apy.*as a service/s],
    ['more tasks than the service may have', { tasks: { api: 5 } }, /pairs\.shop\.tasks\.api.*maxTasks \(4\)/s],
    [
      'more services than a run takes in hand',
      { tasks: Object.fromEntries(Array.from({ length: 48 }, (_, at) => [`api${at}`, 1])) },
      /pairs\.shop\.tasks.*48 services.*at most 47/s,
    ],
    ['nobody who serves', { tasks: {} }, /pairs\.shop\.tasks.*who serves users/s],
    ['no alarm', { outageAlarms: [] }, /pairs\.shop\.outageAlarms/],
    ['alarms by a pattern', { outageAlarms: ['nightshift-*'] }, /pairs\.shop\.outageAlarms.*no wildcards/s],
    ['a key that would widen the policy', { switch: { bucket: 'failover', key: '*' } }, /pairs\.shop\.switch\.key/],
    [
      'a lease longer than what may be lost: the old primary writes until it is over',
      { fencing: { by: 'self', deployment: 'main', database: 'orders', leaseSeconds: 301 } },
      /pairs\.shop\.fencing\.leaseSeconds.*at most recoveryPointSeconds \(300\)/s,
    ],
    [
      'the primary’s URL as the standby’s',
      { standbyProbeUrl: 'https://east.example.com/orders' },
      /pairs\.shop\.standbyProbeUrl.*another host than primaryProbeUrl/s,
    ],
    [
      'the users’ name as the standby’s own, which can’t be proved before they are moved there',
      { standbyProbeUrl: 'https://www.example.com/orders/self-test' },
      /pairs\.shop\.standbyProbeUrl.*another host than userUrl/s,
    ],
    [
      'the users’ name as the primary’s own',
      { primaryProbeUrl: 'https://www.example.com/health' },
      /pairs\.shop\.userUrl.*another host than primaryProbeUrl/s,
    ],
  ])('is refused with %s', (_what, change, fault) => {
    expect(faultsOf({ shop: { ...pair, ...change } })).toMatch(fault);
  });

  it('is refused with the switch, or the replica, of another pair: users of both would move with one of them', () => {
    const other: Pair = { ...pair, replica: 'other', switch: { bucket: 'failover', key: 'other/standby-serves' } };
    expect(faultsOf({ shop: pair, other })).toBe('');
    expect(faultsOf({ shop: pair, other: { ...other, switch: pair.switch } })).toMatch(
      /pairs\.other\.switch.*another than that of pairs\.shop/s,
    );
    expect(faultsOf({ shop: pair, other: { ...other, replica: 'orders' } })).toMatch(
      /pairs\.other\.replica.*another than that of pairs\.shop/s,
    );
  });

  it('is refused with the leased primary of another pair, which would go on granting it time to write', () => {
    const fencing = { by: 'self', deployment: 'main', database: 'orders' } as const;
    const shop: Pair = { ...pair, fencing };
    const other: Pair = { ...shop, replica: 'other', switch: { bucket: 'failover', key: 'other/standby-serves' } };
    expect(faultsOf({ shop, other })).toMatch(/pairs\.other\.fencing\.database.*another than that of pairs\.shop/s);
    expect(faultsOf({ shop, other: { ...other, fencing: { ...fencing, database: 'returns' } } })).toBe('');
    expect(faultsOf({ shop: pair, other: { ...other, fencing: { by: 'attested' } } })).toBe('');
  });

  it('tells of a fault of form and of one between fields at once', () => {
    const told = faultsOf({ shop: { ...pair, ttlSeconds: 0, replica: 'order' } });
    expect(told).toMatch(/ttlSeconds/);
    expect(told).toMatch(/as a database/);
  });
});
