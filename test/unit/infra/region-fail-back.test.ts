/** What `region-fail-back` may touch, in two regions, as the configuration names it; and what the configuration has to say for it. */
import { describe, expect, it } from '@jest/globals';
import { App, Stack } from 'aws-cdk-lib/core';
import { manifest } from '../../../functions/recovery/region-fail-back/manifest.ts';
import { ConfigurationError } from '../../../infra/config/faults.ts';
import { parseConfig } from '../../../infra/config/parse.ts';
import type { ConfigInput } from '../../../infra/config/schema.ts';
import { statementsFor } from '../../../infra/constructs/permissions.ts';

type Pair = NonNullable<ConfigInput['pairs']>[string];
type FailBack = NonNullable<Pair['failBack']>;

const failBack: FailBack = {
  database: 'orders-east',
  services: { api: { cluster: 'orders-east', service: 'api-east', tasks: 3 } },
  probeUrl: 'https://east.example.com/orders',
};
const pair: Pair = {
  replica: 'orders',
  tasks: { api: 4 },
  primaryProbeUrl: 'https://east.example.com/health',
  standbyHealthUrl: 'https://west.example.com/health',
  standbyProbeUrl: 'https://west.example.com/orders',
  userUrl: 'https://www.example.com/orders',
  outageAlarms: ['nightshift-main-silent'],
  switch: { bucket: 'failover', key: 'orders/standby-serves' },
  failBack,
};
const given = (shop: Pair): ConfigInput => ({
  ...{ region: 'us-west-2', standbyRegion: 'us-east-1', plans: ['region-fail-back'], pairs: { shop } },
  services: { api: { cluster: 'orders', maxTasks: 4 }, admin: { cluster: 'back-office', maxTasks: 4 } },
  databases: {
    orders: { host: 'h', securityGroupId: 'sg-0a', maxConnections: 100, resourceId: 'db-ONE' },
    other: { host: 'h', securityGroupId: 'sg-0a', maxConnections: 100, resourceId: 'db-TWO' },
  },
  network: { vpcId: 'vpc-0a', subnetIds: ['subnet-0a'], routeTableIds: ['rtb-0a'], dynamoDbPrefixListId: 'pl-0a' },
});
const faultsOf = (shop: Pair): string => {
  try {
    parseConfig(given(shop), []);
    return '';
  } catch (error) {
    if (error instanceof ConfigurationError) return error.message;
    throw error;
  }
};

it('its role renames and rebuilds the pair’s two databases, promotes the first region’s alone, and deletes none', () => {
  const stack = new Stack(new App({ analyticsReporting: false }), 'S', {
    env: { region: 'us-west-2', account: '111122223333' },
  });
  const { config } = parseConfig(given(pair), []);
  const of = (permissions: typeof manifest.permissions | typeof manifest.helper.permissions) =>
    Object.fromEntries(
      statementsFor(stack, permissions, config).flatMap(({ actions, resources }) =>
        actions.map((action) => [action, resources.map((arn) => arn.split(':').slice(3).join(':'))]),
      ),
    );
  const plan = of(manifest.permissions);
  const [first, own] = ['us-east-1:111122223333:db:orders-east', 'us-west-2:111122223333:db:orders'];
  expect(plan['rds:ModifyDBInstance']).toEqual([first, own]);
  expect(plan['rds:PromoteReadReplica']).toEqual([first]);
  expect(plan['rds:CreateDBInstanceReadReplica']?.filter((arn) => arn.includes(':db:'))).toEqual([first, own]);
  expect(plan['rds:DescribeDBInstances']).toEqual([first, `${first}-old-*`, own, `${own}-old-*`]);
  expect(plan['s3:DeleteObject']?.map((arn) => arn.split('::').at(-1))).toEqual(['failover/orders/standby-serves']);
  for (const action of ['ecs:DescribeServices', 'ecs:UpdateService'])
    expect(plan[action]).toEqual([
      ...['us-west-2:111122223333:service/orders/api', 'us-east-1:111122223333:service/orders-east/api-east'],
    ]);
  expect(Object.keys(plan).filter((action) => /^(route53|iam):|Delete(?!Object)/.test(action))).toEqual([]);
  expect(of(manifest.helper.permissions)['rds-db:connect']).toEqual([
    'us-west-2:111122223333:dbuser:db-ONE/nightshift',
  ]);
});

it('its role uses the keys that are named, each by RDS of its region alone', () => {
  const key = (region: string) => `arn:aws:kms:${region}:111122223333:key/0123`;
  const keys = { kmsKeyArn: key('us-east-1'), standbyKmsKeyArn: key('us-west-2') };
  const used = (change: Partial<FailBack>) => {
    const stack = new Stack(new App({ analyticsReporting: false }), 'S', {
      env: { region: 'us-west-2', account: '1' },
    });
    const { config } = parseConfig(given({ ...pair, failBack: { ...failBack, ...change } }), []);
    return statementsFor(stack, manifest.permissions, config)
      .filter(({ actions }) => actions.includes('kms:CreateGrant'))
      .map(({ resources, conditions }) => [resources, conditions]);
  };
  expect(used({})).toEqual([]);
  expect(used(keys)).toEqual([
    [[keys.kmsKeyArn], { StringEquals: { 'kms:ViaService': 'rds.us-east-1.amazonaws.com' } }],
    [[keys.standbyKmsKeyArn], { StringEquals: { 'kms:ViaService': 'rds.us-west-2.amazonaws.com' } }],
  ]);
});

describe('the configuration of the way back', () => {
  it('is taken, and functions are told of it', () => {
    expect(parseConfig(given(pair), []).runtime.pairs?.shop?.failBack).toEqual(failBack);
  });

  it('has to be there for the plan', () => {
    const { failBack: _none, ...without } = pair;
    expect(faultsOf(without)).toMatch(/plans\[0\].*needs at least one of `pairs` with `failBack`/s);
  });

  it('is not said to be missing when it has a fault of form', () => {
    const faults = faultsOf({ ...pair, failBack: { ...failBack, database: 'orders-*' } });
    expect(faults).toMatch(/failBack\.database/);
    expect(faults).not.toMatch(/needs at least one of/);
  });

  it.each<[string, Partial<FailBack>, RegExp]>([
    ['a service that is only in the standby', { services: {} }, /failBack\.services\.api.*pairs\.shop\.tasks has it/s],
    [
      'a service that is only in the first region',
      { services: { ...failBack.services, web: { cluster: 'c', tasks: 1 } } },
      /failBack\.services\.web.*one of pairs\.shop\.tasks/s,
    ],
    ['the standby’s host', { probeUrl: 'https://west.example.com/x' }, /another host than standbyProbeUrl/],
    ['the users’ name', { probeUrl: 'https://www.example.com/x' }, /another host than userUrl/],
    [
      'a name that leaves no room for one that is set aside',
      { database: 'o'.repeat(51) },
      /failBack\.database.*at most 50/s,
    ],
    ['a pattern for a database', { database: 'orders-*' }, /failBack\.database/],
    ['a key that is none', { kmsKeyArn: 'arn:aws:kms:us-east-1:111122223333:key/*' }, /the ARN of a KMS key/],
  ])('is refused with %s', (_what, change, fault) => {
    expect(faultsOf({ ...pair, failBack: { ...failBack, ...change } })).toMatch(fault);
  });

  it('is refused with another database than the one that has the lease', () => {
    const fencing = { by: 'self', deployment: 'main', database: 'orders-other' } as const;
    expect(faultsOf({ ...pair, fencing })).toMatch(/failBack\.database.*that of fencing\.database \(orders-other\)/s);
  });
});
