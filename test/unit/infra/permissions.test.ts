import { describe, expect, it } from '@jest/globals';
import { App, Stack } from 'aws-cdk-lib/core';
import { manifest as failOver } from '../../../functions/remediations/fail-over-dns/manifest.ts';
import { manifest } from '../../../functions/remediations/scale-out-service/manifest.ts';
import { parseConfig } from '../../../infra/config/parse.ts';
import { expandResource, normalizedName, statementsFor } from '../../../infra/constructs/permissions.ts';
import { judge, type Need, type Statement } from '../../../local/iam/evaluate.ts';

const release = { ...manifest, name: 'release-idle-connections', targetKind: 'rds-instance' as const };
const own = { partition: 'aws', region: 'eu-west-1', account: '111122223333' };
const database = { host: 'h', securityGroupId: 'sg-0a', maxConnections: 100 };
const { config } = parseConfig(
  {
    region: 'eu-west-1',
    standbyRegion: 'eu-central-1',
    services: {
      api: { cluster: 'orders', service: 'orders-api', maxTasks: 4 },
      backend: { cluster: 'orders', maxTasks: 4 },
    },
    databases: {
      one: { ...database, resourceId: 'db-ONE' },
      two: { ...database, resourceId: 'db-TWO', user: 'watcher' },
    },
    network: { vpcId: 'vpc-0a', subnetIds: ['subnet-0a'], routeTableIds: ['rtb-0a'], dynamoDbPrefixListId: 'pl-0a' },
  },
  [manifest, release],
);

describe('expandResource', () => {
  it('gives one ARN for each protected service', () => {
    expect(expandResource('arn:{partition}:ecs:{region}:{account}:service/{cluster}/{service}', own, config)).toEqual([
      'arn:aws:ecs:eu-west-1:111122223333:service/orders/orders-api',
      'arn:aws:ecs:eu-west-1:111122223333:service/orders/backend',
    ]);
  });

  it('gives one ARN for each protected database, with its own login', () => {
    const pattern = 'arn:{partition}:rds-db:{region}:{account}:dbuser:{databaseResourceId}/{databaseUser}';
    expect(expandResource(pattern, own, config)).toEqual([
      'arn:aws:rds-db:eu-west-1:111122223333:dbuser:db-ONE/nightshift',
      'arn:aws:rds-db:eu-west-1:111122223333:dbuser:db-TWO/watcher',
    ]);
  });

  it('grants nothing on targets when there are none', () => {
    expect(expandResource('x/{cluster}/{service}', own, { ...config, services: {} })).toEqual([]);
    expect(expandResource('x/{database}', own, { ...config, databases: {} })).toEqual([]);
  });

  it('keeps what has no placeholder', () => {
    expect(expandResource('*', own, config)).toEqual(['*']);
  });

  it.each(['x/{clusterr}', '{service}/{database}'])('stops for %s, which it can not fill in', (resource) => {
    expect(() => expandResource(resource, own, config)).toThrow(/is unknown here; known are/);
  });
});

describe('statementsFor fail-over-dns', () => {
  const site = (name: string, id: string) => ({
    ...{ name, target: `192.0.2.${id}`, probeUrl: `https://${name}.example.com/` },
    healthCheckId: `0000000${id}-0000-0000-0000-000000000000`,
  });
  const endpointOf = (recordName: string, id: string) => ({
    ...{ zoneId: 'Z1', recordName, healthCheckId: `1000000${id}-0000-0000-0000-000000000000` },
    sites: [site('east', '1'), site('west', '2')],
  });
  const regions = { region: 'us-east-1', standbyRegion: 'us-west-2' };
  const endpoints = { shop: endpointOf('Shop.example.com', '1'), any: endpointOf('*.example.com', '2') };
  const parsed = parseConfig({ ...regions, endpoints, runbooks: {} }, [failOver]);
  const stack = new Stack(new App(), 'Test', { env: { region: 'us-east-1', account: '111122223333' } });
  const conditionsOf = (condition: Record<string, Record<string, string | string[]>>) =>
    Object.fromEntries(
      Object.entries(condition).map(([operator, keys]) => [
        operator,
        Object.fromEntries(Object.entries(keys).map(([key, values]) => [key, [values].flat()])),
      ]),
    );
  const statements = statementsFor(stack, failOver.permissions, parsed.config).map((made): Statement => {
    const { Action, Resource, Condition = {} } = made.toStatementJson();
    // The partition is a token until the template is written.
    const list = (value: unknown) =>
      [value].flat().map((each) => String(stack.resolve(each)?.['Fn::Join']?.[1].at(-1) ?? each));
    return {
      effect: 'Allow',
      actions: list(Action),
      resources: list(Resource).map((each) => `arn:aws${each.replace(/^arn:[^:]*/, '')}`),
      conditions: conditionsOf(Condition),
    };
  });
  const asked = (names: string[], types = ['A'], actions = ['DELETE', 'CREATE']): Need => ({
    action: 'route53:ChangeResourceRecordSets',
    resource: 'arn:aws:route53:::hostedzone/Z1',
    context: {
      'route53:ChangeResourceRecordSetsNormalizedRecordNames': names,
      'route53:ChangeResourceRecordSetsRecordTypes': types,
      'route53:ChangeResourceRecordSetsActions': actions,
    },
  });

  it.each<[string, Need, string]>([
    ['one endpoint’s record replaced', asked(['shop.example.com']), 'allowed'],
    ['a wildcard endpoint’s record replaced', asked(['\\052.example.com']), 'allowed'],
    ['another record of the zone', asked(['www.example.com']), 'not allowed'],
    ['its own and another record at once', asked(['shop.example.com', 'www.example.com']), 'not allowed'],
    ['another type of its name', asked(['shop.example.com'], ['TXT']), 'not allowed'],
    ['a record overwritten, whatever it is', asked(['shop.example.com'], ['A'], ['UPSERT']), 'not allowed'],
    ['a batch that tells nothing of itself', asked([], [], []), 'not allowed'],
  ])('for %s', (_, need, expected) => {
    expect(judge(statements, need)).toBe(expected);
  });

  it('writes names as Route 53’s conditions compare them', () => {
    expect(normalizedName('*.Shop_1.Example.com.')).toBe('\\052.shop_1.example.com');
  });
});
