import { describe, expect, it } from '@jest/globals';
import { manifest } from '../../../functions/remediations/scale-out-service/manifest.ts';
import { parseConfig } from '../../../infra/config/parse.ts';
import { expandResource } from '../../../infra/constructs/permissions.ts';

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
