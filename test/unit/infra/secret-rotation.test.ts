/** What `secret-rotation` and its second function may touch, as the configuration names it; and what the configuration has to say for it. */
import { describe, expect, it } from '@jest/globals';
import { App, Stack } from 'aws-cdk-lib/core';
import { manifest } from '../../../functions/recovery/secret-rotation/manifest.ts';
import { ConfigurationError } from '../../../infra/config/faults.ts';
import { parseConfig } from '../../../infra/config/parse.ts';
import type { ConfigInput } from '../../../infra/config/schema.ts';
import { statementsFor } from '../../../infra/constructs/permissions.ts';
import { discover, helpersOf } from '../../../infra/discover.ts';

const secretArn = 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:orders-AbCdEf';
const keyArn = 'arn:aws:kms:eu-west-1:111122223333:key/1234';
const database = { host: 'h', securityGroupId: 'sg-0a', maxConnections: 100, resourceId: 'db-ONE' };
type Rotation = NonNullable<NonNullable<ConfigInput['databases']>[string]['rotation']>;
const given = (rotation: Rotation | undefined, plans: string[] = []): ConfigInput => ({
  ...{ region: 'eu-west-1', standbyRegion: 'eu-central-1', plans },
  services: {
    shop: { cluster: 'orders', maxTasks: 4, dependsOn: ['orders'] },
    other: { cluster: 'orders', maxTasks: 4, dependsOn: ['plain'] },
  },
  databases: { orders: { ...database, ...(rotation && { rotation }) }, plain: { ...database, resourceId: 'db-TWO' } },
  network: { vpcId: 'vpc-0a', subnetIds: ['subnet-0a'], routeTableIds: ['rtb-0a'], dynamoDbPrefixListId: 'pl-0a' },
});
const users: Rotation['users'] = ['orders_a', 'orders_b'];

function resourcesOf(
  permissions: typeof manifest.permissions | typeof manifest.helper.permissions,
  rotation: Rotation,
) {
  const stack = new Stack(new App({ analyticsReporting: false }), 'S', {
    env: { region: 'eu-west-1', account: '111122223333' },
  });
  const { config } = parseConfig(given(rotation), []);
  return Object.fromEntries(
    statementsFor(stack, permissions, config).flatMap(({ actions, resources }) =>
      actions.map((action) => [action, [...resources].map((arn) => arn.split(':').slice(5).join(':'))]),
    ),
  );
}

describe('the roles of secret-rotation', () => {
  it('reach the secret and the services that depend on the database, and no others', () => {
    const of = resourcesOf(manifest.permissions, { secretArn, keyArn, users });
    expect(of['secretsmanager:PutSecretValue']).toEqual(['secret:orders-AbCdEf']);
    expect(of['kms:GenerateDataKey']).toEqual(['key/1234']);
    expect(of['ecs:UpdateService']).toEqual(['service/orders/shop']);
    expect(of['lambda:InvokeFunction']).toEqual(['function:nightshift-main-set-logins']);
    expect(of['rds-db:connect']).toBeUndefined();
  });

  it('have nothing of keys that are AWS’s', () => {
    expect(resourcesOf(manifest.permissions, { secretArn, users })['kms:Decrypt']).toBeUndefined();
  });

  it('let the second function log in as the one login, and nothing else', () => {
    const of = resourcesOf(manifest.helper.permissions, { secretArn, users, login: 'rotator' });
    expect(of).toEqual({ 'rds-db:connect': ['dbuser:db-ONE/rotator'] });
  });
});

describe('the second function', () => {
  it('is found beside its plan', async () => {
    const found = helpersOf(await discover()).find(({ manifest: { name } }) => name === 'set-logins');
    expect(found?.handler).toMatch(/secret-rotation\/helper\/handler\.ts$/);
  });
});

describe('the configuration of a rotation', () => {
  const faultsOf = (rotation: Rotation | undefined): string => {
    try {
      parseConfig(given(rotation, ['secret-rotation']), []);
      return '';
    } catch (error) {
      if (error instanceof ConfigurationError) return error.message;
      throw error;
    }
  };

  it('is needed by the plan, and has a login by default', () => {
    expect(faultsOf(undefined)).toMatch(/plans\[0\].*needs databases\.<name>\.rotation/s);
    expect(faultsOf({ secretArn, users })).toBe('');
    const { runtime } = parseConfig(given({ secretArn, users }), []);
    expect(runtime.databases.orders?.rotation).toEqual({ secretArn, users, login: 'nightshift_rotation' });
  });

  it('names two different users, as PostgreSQL does', () => {
    expect(faultsOf({ secretArn, users: ['orders_a', 'orders_a'] })).toMatch(/two different users/);
    expect(faultsOf({ secretArn, users: ['Orders', 'orders_b'] })).toMatch(/role name in lower case/);
  });
});
