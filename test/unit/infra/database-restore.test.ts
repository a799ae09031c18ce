/** What `database-restore` may touch, as the configuration names it; and what the configuration has to say for it. */
import { describe, expect, it } from '@jest/globals';
import { App, Stack } from 'aws-cdk-lib/core';
import { manifest } from '../../../functions/recovery/database-restore/manifest.ts';
import { ConfigurationError } from '../../../infra/config/faults.ts';
import { parseConfig } from '../../../infra/config/parse.ts';
import type { ConfigInput } from '../../../infra/config/schema.ts';
import { statementsFor } from '../../../infra/constructs/permissions.ts';

const secret = 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:orders-AbCdEf';
const key = 'arn:aws:kms:eu-west-1:111122223333:key/1234';
const database = { host: 'h', securityGroupId: 'sg-0a', maxConnections: 100, resourceId: 'db-ONE' };
const verify = { subnetGroup: 'isolated', securityGroupId: 'sg-0b', tables: [{ name: 'public.orders' }] };
const given = (orders: Partial<NonNullable<ConfigInput['databases']>[string]>): ConfigInput => ({
  ...{ region: 'eu-west-1', standbyRegion: 'eu-central-1' },
  services: { api: { cluster: 'orders', maxTasks: 4 } },
  databases: { orders: { ...database, ...orders }, other: { ...database, resourceId: 'db-TWO', backup: { verify } } },
  network: { vpcId: 'vpc-0a', subnetIds: ['subnet-0a'], routeTableIds: ['rtb-0a'], dynamoDbPrefixListId: 'pl-0a' },
});

const resourcesOf = (orders: Parameters<typeof given>[0]): Record<string, string[]> => {
  const stack = new Stack(new App({ analyticsReporting: false }), 'S', {
    env: { region: 'eu-west-1', account: '111122223333' },
  });
  const { config } = parseConfig(given(orders), []);
  return Object.fromEntries(
    statementsFor(stack, manifest.permissions, config).flatMap(({ actions, resources }) =>
      actions.map((action) => [action, [...resources]]),
    ),
  );
};

describe('the role of database-restore', () => {
  it('reads and switches the named secret, and removes only what the plan may have made', () => {
    const of = resourcesOf({ backup: { verify }, restore: { connectionSecretArn: secret, connectionKeyArn: key } });
    expect(of['secretsmanager:UpdateSecretVersionStage']).toEqual([secret]);
    expect(of['kms:Decrypt']).toEqual([key]);
    const named = of['rds:DeleteDBInstance']?.map((arn) => arn.split(':db:').at(-1));
    expect(named).toEqual(['orders-restored-*', 'nightshift-main-rehearsal-*']);
    expect(of['rds:ModifyDBInstance']?.map((arn) => arn.split(':db:').at(-1))).toEqual(['orders-restored-*']);
  });

  it('has nothing of databases that no plan restores, nor of keys that are AWS’s', () => {
    const of = resourcesOf({ backup: { verify }, restore: { connectionSecretArn: secret } });
    expect(of['kms:Decrypt']).toBeUndefined();
    expect(JSON.stringify(of)).not.toContain('db:other');
  });
});

describe('the configuration of a restore', () => {
  const faultsOf = (orders: Parameters<typeof given>[0]): string => {
    try {
      parseConfig(given(orders), []);
      return '';
    } catch (error) {
      if (error instanceof ConfigurationError) return error.message;
      throw error;
    }
  };

  it('needs to say how a backup is proved', () => {
    expect(faultsOf({ restore: { connectionSecretArn: secret } })).toMatch(
      /databases\.orders\.restore.*backup\.verify/,
    );
    expect(faultsOf({ backup: { verify }, restore: { connectionSecretArn: secret } })).toBe('');
  });

  it('takes no parameter, whose versions have no labels that move by comparison', () => {
    const parameter = 'arn:aws:ssm:eu-west-1:111122223333:parameter/orders';
    expect(faultsOf({ backup: { verify }, restore: { connectionSecretArn: parameter } })).toMatch(
      /connectionSecretArn.*Secrets Manager secret/,
    );
  });
});
