/** One service in two regions: what a client sees of a region's loss, and of the standby's taking over by hand. */
import { DescribeDBInstancesCommand, PromoteReadReplicaCommand, RDSClient } from '@aws-sdk/client-rds';
import { ListResourceRecordSetsCommand, Route53Client } from '@aws-sdk/client-route-53';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { PAIR } from '../../../local/services/pair.ts';
import type { PairClient } from '../../../local/services/pair-client.ts';
import { openPairWorld, type PairWorld } from '../../support/pair-world.ts';
import { eventually } from '../rds/harness.ts';

jest.setTimeout(180_000);
let w: PairWorld;
let client: PairClient;
const credentials = { accessKeyId: 'tester', secretAccessKey: 'test' };

beforeAll(async () => {
  w = await openPairWorld();
  client = w.pair.startClient();
});
afterAll(async () => {
  await w?.close();
});

const answeredBy = (site: 'east' | 'west') => client.stats().answeredBy[w.pair.sites[site].address] ?? 0;
const untilAnsweredBy = (site: 'east' | 'west', more: number) => {
  const before = answeredBy(site);
  return eventually(
    `${more} more answers of ${site}`,
    () => answeredBy(site) - before,
    (seen) => seen >= more,
  );
};
const switchObject = (method: 'PUT' | 'DELETE') =>
  w.gateway.ask({ service: 's3', region: w.pair.regions.west, method, path: `/${PAIR.bucket}/${PAIR.key}` });

describe('a service in two regions', () => {
  it('is served by its first region, and each row that is acknowledged there comes to the second', async () => {
    await untilAnsweredBy('east', 10);
    const written = client.stats().acknowledged;
    await eventually(
      'the rows at the standby',
      () => w.pair.rowsAt('west'),
      (rows) => written.every((id) => rows.has(id)),
    );
    expect(answeredBy('west')).toBe(0);
  });

  it('is not served by a region that is cut off, whose API and global control planes are gone with it, while its tasks go on writing', async () => {
    await w.pair.cutOff('east', true);
    const { failed } = client.stats();
    await eventually(
      'failing requests',
      () => client.stats().failed,
      (seen) => seen > failed + 5,
    );
    const rds = new RDSClient({ endpoint: w.gateway.url, region: w.pair.regions.east, credentials, maxAttempts: 1 });
    await expect(rds.send(new DescribeDBInstancesCommand({}))).rejects.toThrow();
    rds.destroy();
    const route53 = new Route53Client({ endpoint: w.gateway.url, region: 'us-west-2', credentials, maxAttempts: 1 });
    await expect(route53.send(new ListResourceRecordSetsCommand({ HostedZoneId: w.pair.zoneId }))).rejects.toThrow();
    route53.destroy();
    const inside = w.ecs.serviceUrl(PAIR.cluster, PAIR.service, w.pair.regions.east);
    const id = '00000000-0000-4000-8000-000000000001';
    expect((await fetch(inside, { method: 'POST', headers: { 'x-request-id': id } })).status).toBe(200);
    expect((await w.pair.rowsAt('east')).has(id)).toBe(true);
    expect((await w.pair.rowsAt('west')).has(id)).toBe(false);
  });

  it('is served by its second region once that database is promoted and the object there says so, and the rows that are lost can be counted', async () => {
    const { region, DBInstanceIdentifier } = { region: w.pair.regions.west, DBInstanceIdentifier: w.pair.replica.id };
    const rds = new RDSClient({ endpoint: w.gateway.url, region, credentials, maxAttempts: 1 });
    await rds.send(new PromoteReadReplicaCommand({ DBInstanceIdentifier }));
    await eventually(
      'the promotion',
      async () => (await rds.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier }))).DBInstances?.[0],
      (seen) => seen?.DBInstanceStatus === 'available' && seen.ReadReplicaSourceDBInstanceIdentifier === undefined,
    );
    rds.destroy();
    expect(answeredBy('west')).toBe(0);
    await switchObject('PUT');
    await untilAnsweredBy('west', 10);
    const { acknowledged, downtimeMs } = client.stats();
    const [east, west] = [await w.pair.rowsAt('east'), await w.pair.rowsAt('west')];
    const lost = acknowledged.filter((id) => !west.has(id));
    // Nothing that was acknowledged is nowhere: what the standby hasn't got is in the database that was left.
    expect(lost.filter((id) => !east.has(id))).toEqual([]);
    expect(downtimeMs).toBeGreaterThan(0);
  });

  it('stays with the second region when the first is back, until the object is gone', async () => {
    await w.pair.cutOff('east', false);
    const before = answeredBy('east');
    await untilAnsweredBy('west', 10);
    expect(answeredBy('east')).toBe(before);
    await switchObject('DELETE');
    await untilAnsweredBy('east', 5);
  });
});
