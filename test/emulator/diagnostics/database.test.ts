/** What a page says of a database: the events of its DB cluster, too, read with the calls that are made on AWS. */
import { CreateDBInstanceCommand, DescribeDBInstancesCommand } from '@aws-sdk/client-rds';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { lookAtTarget } from '../../../functions/diagnostics/look.ts';
import { diagnosisOf } from '../../../functions/diagnostics/words.ts';
import { config, database } from '../../support/fixtures.ts';
import { eventually, openTestWorld, REGION, type TestWorld } from '../rds/harness.ts';

jest.setTimeout(60_000);
const ID = 'orders-db';
const CLUSTER = 'orders-cluster';
let world: TestWorld;
let look: typeof lookAtTarget;

beforeAll(async () => {
  world = await openTestWorld({ hasServer: () => false });
  Object.assign(process.env, {
    ...{ AWS_ENDPOINT_URL: world.gateway.url, AWS_REGION: REGION },
    ...{ AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' },
  });
  ({ lookAtTarget: look } = await import('../../../functions/diagnostics/look.ts'));
  await world.client.send(
    new CreateDBInstanceCommand({
      ...{ DBInstanceIdentifier: ID, Engine: 'postgres', DBInstanceClass: 'db.t4g.micro', AllocatedStorage: 20 },
      ...{ MasterUsername: 'postgres', MasterUserPassword: 'for-tests-only' },
    }),
  );
  await eventually(
    `${ID} available`,
    async () => (await world.client.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: ID }))).DBInstances,
    (found) => found?.[0]?.DBInstanceStatus === 'available',
  );
});
afterAll(() => world?.close());

const told = async (more: { clusterIdentifier?: string }) => {
  const databases = { [ID]: { ...database, name: ID, ...more } };
  return diagnosisOf(await look(`rds-instance/${ID}`, { ...config, databases }, Date.now(), 30_000));
};

describe('a database of a DB cluster', () => {
  it('is said to have failed over when its cluster has, and only by whoever says which cluster that is', async () => {
    await world.rds.tellOfCluster(CLUSTER, REGION, 'RDS-EVENT-0073', ID);
    await world.rds.tellOfCluster(CLUSTER, REGION, 'RDS-EVENT-0071', ID);
    const known = await told({ clusterIdentifier: CLUSTER });
    expect(known?.summary).toBe(`probably: ${ID} failed over to its standby within the last hour: connections broke.`);
    expect(known?.findings[0]?.evidence).toContain(`Completed failover to DB instance: ${ID}`);
    expect(known?.unread).toEqual([]);
    expect((await told({}))?.findings).toEqual([]);
    expect((await told({ clusterIdentifier: 'another-cluster' }))?.findings).toEqual([]);
  });
});
