import { describe, expect, it } from '@jest/globals';
import { parseConfig } from '../../../infra/config/parse.ts';
import { PAIR, type SeededPair } from '../../../local/services/pair.ts';
import { DEMO_PAIR, factsOf, pairConfig, pairDatabases } from '../../../local/services/pair-config.ts';

const site = (name: 'east' | 'west', address: string) => ({ name, address, url: `http://${address}:8080` });
const where = { host: 'localhost', port: 5433, resourceId: 'db-LOCALCHECKOUTDB000000000' };
const pair = {
  database: { ...where, id: PAIR.database },
  replica: { ...where, port: 5434, id: 'checkout-db-standby' },
  sites: { port: 8080, east: site('east', '127.0.0.2'), west: site('west', '127.0.0.3') },
} as unknown as SeededPair;
const environment = { [DEMO_PAIR.variable]: factsOf(pair) };

describe('the pair of the demo', () => {
  it('is only in worlds that are asked for it', () => {
    expect(pairDatabases({})).toEqual({});
    expect(() => pairConfig({})).toThrow(/only made in a world with a pair/);
  });

  it('has a primary that takes writes by a lease, which the deployment of the standby’s region grants', () => {
    expect(pairDatabases(environment)).toMatchObject({ [PAIR.database]: { ...where, authority: true } });
    const { config } = parseConfig(
      {
        ...{ name: 'west', region: 'us-west-2', standbyRegion: 'us-east-1', ...pairConfig(environment) },
        network: {
          ...{ vpcId: 'vpc-0fedcba9876543210', subnetIds: ['subnet-0fedcba9876543210'] },
          ...{ routeTableIds: ['rtb-0fedcba9876543210'], dynamoDbPrefixListId: 'pl-00a54069' },
        },
      },
      [],
      'test',
      [],
    );
    const [made] = Object.values(config.pairs);
    expect(made?.fencing).toMatchObject({ by: 'self', deployment: 'demo', database: PAIR.database });
    expect(made?.userUrl).toBe('http://checkout.nightshift.test:8080/');
  });
});
