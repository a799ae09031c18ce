import { describe, expect, it } from '@jest/globals';
import type { SeededDatabase } from '../../../local/postgres/seed.ts';
import {
  askForDatabase,
  troubledDatabaseConfig,
  troubledDatabases,
  whereInEnvironment,
} from '../../../local/postgres/troubled.ts';
import { allScenarios, choose } from '../../../local/scenarios/discover.ts';

const seeded = (id: string): SeededDatabase => ({
  ...{ id, host: 'localhost', port: 5433, resourceId: 'db-LOCALSTOCKDB0000000000', maxConnections: 80 },
  ...{ database: 'orders', user: 'nightshift' },
  as: () => {
    throw new Error('nobody logs in here');
  },
});

describe('databases that scenarios bring into trouble', () => {
  it('are there only for the scenarios that ask for them', () => {
    expect(troubledDatabases({})).toEqual([]);
    expect(troubledDatabases({ ...askForDatabase('stock-db'), ...askForDatabase('payment-db') })).toEqual([
      { id: 'stock-db', create: undefined },
      { id: 'payment-db', create: { MultiAZ: true } },
    ]);
  });

  it('are configured where the world started them, and watched for their own trouble', () => {
    expect(troubledDatabaseConfig({})).toEqual({});
    const { 'stock-db': stock, ...others } = troubledDatabaseConfig(whereInEnvironment([seeded('stock-db')]));
    expect(stock).toMatchObject({
      ...{ host: 'localhost', port: 5433, resourceId: 'db-LOCALSTOCKDB0000000000' },
      ...{ loadAbovePerVcpu: 1, storageFreeBelowGib: 0, memoryFreeBelowMib: 0, transactionIdsAbove: 0 },
    });
    expect(others).toEqual({});
  });

  it('are no two scenarios’ at once', async () => {
    const uses = choose(await allScenarios(), ['alerts']).flatMap((scenario) => scenario.uses);
    const databases = uses.filter((target) => target.startsWith('rds-instance/') && !target.endsWith('/orders-db'));
    expect(databases.length).toBeGreaterThan(5);
    expect(new Set(databases).size).toBe(databases.length);
  });
});
