/** A Multi-AZ instance is two real servers: what was committed survives the loss of one, and clients find the other behind the same endpoint. */
import { existsSync } from 'node:fs';
import {
  DescribeDBInstancesCommand,
  DescribeEventsCommand,
  ModifyDBInstanceCommand,
  RebootDBInstanceCommand,
} from '@aws-sdk/client-rds';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import type { SeededDatabase } from '../../../local/postgres/seed.ts';
import { eventually, openTestWorld, type TestWorld } from './harness.ts';

jest.setTimeout(90_000);
const DBInstanceIdentifier = 'orders-db';
let world: TestWorld;
let seeded: SeededDatabase;

const look = async () =>
  (await world.client.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier }))).DBInstances?.[0];
const untilAvailable = () => eventually('available', look, (seen) => seen?.DBInstanceStatus === 'available');
const database = () => world.instance(DBInstanceIdentifier).database;
const untilInSync = () =>
  eventually(
    'a standby in sync',
    () => database().inSync,
    (inSync) => inSync,
  );
const told = () => world.events.map(({ detail }) => (detail as { EventID: string }).EventID);
const force = () => world.client.send(new RebootDBInstanceCommand({ DBInstanceIdentifier, ForceFailover: true }));

async function asOwner<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
  const { ca, ...rest } = seeded.as('postgres');
  const client = new pg.Client({ ...rest, ssl: { ca, servername: rest.host } });
  client.on('error', () => {}); // Connections are dropped on purpose here.
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => {});
  }
}
const write = (note: string) => asOwner((client) => client.query('INSERT INTO notes VALUES ($1)', [note]));
const notes = () =>
  asOwner(async (client) => (await client.query<{ note: string }>('SELECT note FROM notes ORDER BY note')).rows);

beforeAll(async () => {
  world = await openTestWorld();
  seeded = await world.seed();
  await asOwner((client) => client.query('CREATE TABLE notes (note text)'));
  await world.client.send(new ModifyDBInstanceCommand({ DBInstanceIdentifier, MultiAZ: true, ApplyImmediately: true }));
  await untilAvailable();
});
afterAll(async () => {
  await world?.close();
});

describe('a Multi-AZ instance', () => {
  it('has a standby that is in sync once it is available', async () => {
    expect(database().inSync).toBe(true);
    expect(await look()).toMatchObject({
      MultiAZ: true,
      AvailabilityZone: 'us-east-1a',
      SecondaryAvailabilityZone: 'us-east-1b',
    });
  });

  it('keeps what was committed through a forced failover, loses what was not, and answers at the same endpoint', async () => {
    const old = database().server;
    await write('committed just before');
    await asOwner(async (client) => {
      await client.query('BEGIN');
      await client.query(`INSERT INTO notes VALUES ('never committed')`);
      await force();
      await untilAvailable();
    });
    expect(database().server).not.toBe(old);
    expect(existsSync(old.dataDir)).toBe(false);
    expect(await look()).toMatchObject({
      AvailabilityZone: 'us-east-1b',
      SecondaryAvailabilityZone: 'us-east-1a',
      Endpoint: { Port: seeded.port },
    });
    expect(await notes()).toEqual([{ note: 'committed just before' }]);
    await write('after');
    await eventually('told', told, (seen) => seen.includes('RDS-EVENT-0049'));
    expect(told().slice(told().indexOf('RDS-EVENT-0013'))).toEqual([
      'RDS-EVENT-0013',
      'RDS-EVENT-0004',
      'RDS-EVENT-0006',
      'RDS-EVENT-0049',
    ]);
  });

  it('gets another standby afterwards, and can go back', async () => {
    await untilInSync();
    await force();
    await untilAvailable();
    expect((await look())?.AvailabilityZone).toBe('us-east-1a');
    expect(await notes()).toHaveLength(2);
  });

  it('abandons a failover while the standby is not in sync yet, and says so by event', async () => {
    await database().removeStandby();
    const before = (await look())?.AvailabilityZone;
    await force();
    await untilAvailable();
    expect((await look())?.AvailabilityZone).toBe(before);
    await eventually('told', told, (seen) => seen.includes('RDS-EVENT-0034'));
    await database().addStandby();
  });

  it('fails over by itself when its server dies', async () => {
    await untilInSync();
    const before = (await look())?.AvailabilityZone;
    await write('before the crash');
    process.kill(database().server.pid ?? 0, 'SIGKILL');
    await eventually('the other zone', look, (seen) => seen?.AvailabilityZone !== before);
    await untilAvailable();
    expect((await notes()).map(({ note }) => note)).toContain('before the crash');
    await untilInSync();
  });

  it('tells its failovers by category', async () => {
    const { Events } = await world.client.send(
      new DescribeEventsCommand({
        SourceIdentifier: DBInstanceIdentifier,
        SourceType: 'db-instance',
        EventCategories: ['failover'],
      }),
    );
    expect(new Set(Events?.flatMap(({ EventCategories }) => EventCategories))).toEqual(new Set(['failover']));
    expect(Events?.map(({ Message }) => Message)).toContain('Multi-AZ instance failover completed.');
  });

  it('goes on alone when it is made a Single-AZ instance', async () => {
    await world.client.send(
      new ModifyDBInstanceCommand({ DBInstanceIdentifier, MultiAZ: false, ApplyImmediately: true }),
    );
    await untilAvailable();
    expect(database().inSync).toBe(false);
    await write('alone');
    await expect(force()).rejects.toMatchObject({ name: 'InvalidParameterCombination' });
  });
});
