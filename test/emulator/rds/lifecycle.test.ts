import { existsSync } from 'node:fs';
import {
  AddTagsToResourceCommand,
  CreateDBInstanceCommand,
  CreateDBParameterGroupCommand,
  DeleteDBInstanceCommand,
  DescribeDBClustersCommand,
  DescribeDBInstancesCommand,
  DescribeDBParametersCommand,
  DescribeEventsCommand,
  ListTagsForResourceCommand,
  ModifyDBInstanceCommand,
  ModifyDBParameterGroupCommand,
  RDSClient,
  RebootDBInstanceCommand,
  RemoveTagsFromResourceCommand,
  StartDBInstanceCommand,
  StopDBInstanceCommand,
} from '@aws-sdk/client-rds';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { SeededDatabase } from '../../../local/postgres/seed.ts';
import { openSessions } from '../../../local/postgres/sessions.ts';
import { eventually, openTestWorld, REGION, type TestWorld } from './harness.ts';

let world: TestWorld;
let seeded: SeededDatabase;
const DBInstanceIdentifier = 'orders-db';

const look = async () =>
  (await world.client.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier }))).DBInstances?.[0];
const status = async () => (await look())?.DBInstanceStatus;
const untilStatus = (wanted: string) => eventually(`status ${wanted}`, status, (seen) => seen === wanted);
const eventIds = () => world.events.map(({ detail }) => (detail as { EventID: string }).EventID);
const setting = async (name: string) =>
  (
    await world
      .instance(DBInstanceIdentifier)
      .database.query<{ value: string }>('SELECT current_setting($1) AS value', [name])
  )[0]?.value;
/** Since RDS tells its event after the status has changed. */
const untilEvent = (id: string) => eventually(`event ${id}`, eventIds, (seen) => seen.includes(id));
const forget = () => world.events.splice(0);

beforeAll(async () => {
  world = await openTestWorld({ transitionMs: 150 });
  seeded = await world.seed();
});

afterAll(async () => {
  await world?.close();
});

describe('an instance', () => {
  it('is described as AWS describes it', async () => {
    expect(await look()).toMatchObject({
      DBInstanceArn: 'arn:aws:rds:us-east-1:000000000000:db:orders-db',
      DbiResourceId: expect.stringMatching(/^db-[A-Z0-9]{26}$/),
      Endpoint: { Address: 'localhost', Port: seeded.port },
      Engine: 'postgres',
      IAMDatabaseAuthenticationEnabled: true,
      DBParameterGroups: [{ DBParameterGroupName: 'orders-db', ParameterApplyStatus: 'in-sync' }],
      PendingModifiedValues: {},
      InstanceCreateTime: expect.any(Date),
    });
    await untilEvent('RDS-EVENT-0005');
    const created = world.events[0];
    expect(created).toMatchObject({
      source: 'aws.rds',
      detailType: 'RDS DB Instance Event',
      region: REGION,
      resources: ['arn:aws:rds:us-east-1:000000000000:db:orders-db'],
      detail: {
        EventID: 'RDS-EVENT-0005',
        SourceType: 'DB_INSTANCE',
        SourceIdentifier: 'orders-db',
        EventCategories: ['creation'],
      },
    });
  });

  it('takes its connection limits from its parameter group', async () => {
    expect(await setting('max_connections')).toBe('80');
    expect(await setting('reserved_connections')).toBe('3');
  });

  it('is rebooting, resets connections, and comes back on the same endpoint with its data and as another process', async () => {
    forget();
    const { database } = world.instance(DBInstanceIdentifier);
    const pid = database.server.pid;
    const sessions = await openSessions(seeded.as('orders_app'), { count: 2, application: 'shop', state: 'idle' });
    await world.client.send(new RebootDBInstanceCommand({ DBInstanceIdentifier }));
    expect(await status()).toBe('rebooting');
    await expect(world.client.send(new RebootDBInstanceCommand({ DBInstanceIdentifier }))).rejects.toMatchObject({
      name: 'InvalidDBInstanceStateFault',
    });
    await untilStatus('available');
    await untilEvent('RDS-EVENT-0006');
    expect(eventIds()).toEqual(['RDS-EVENT-0004', 'RDS-EVENT-0006']);
    expect(database.server.pid).not.toBe(pid);
    expect(sessions.report()).toMatchObject({ alive: 0, ended: 2 });
    const again = await openSessions(seeded.as('orders_app'), { count: 1, application: 'shop', state: 'idle' });
    expect(again.report()).toMatchObject({ alive: 1, refused: {} });
    await again.close();
    expect((await look())?.Endpoint?.Port).toBe(seeded.port);
  });

  it('refuses a forced failover unless it is Multi-AZ, and changes its zone by one if it is', async () => {
    const force = () => world.client.send(new RebootDBInstanceCommand({ DBInstanceIdentifier, ForceFailover: true }));
    await expect(force()).rejects.toMatchObject({ name: 'InvalidParameterCombination' });
    await world.client.send(
      new ModifyDBInstanceCommand({ DBInstanceIdentifier, MultiAZ: true, ApplyImmediately: true }),
    );
    await untilStatus('available');
    const before = (await look())?.AvailabilityZone;
    await force();
    await untilStatus('available');
    expect(before).toBe('us-east-1a');
    expect((await look())?.AvailabilityZone).toBe('us-east-1b');
    await untilEvent('RDS-EVENT-0049');
  });

  it('keeps changes pending that are not applied immediately, and applies the others', async () => {
    const change = { DBInstanceIdentifier, DBInstanceClass: 'db.r8g.large', AllocatedStorage: 40 };
    await world.client.send(new ModifyDBInstanceCommand(change));
    expect(await look()).toMatchObject({
      DBInstanceStatus: 'available',
      DBInstanceClass: 'db.t4g.micro',
      PendingModifiedValues: { DBInstanceClass: 'db.r8g.large', AllocatedStorage: 40 },
    });
    forget();
    await world.client.send(new ModifyDBInstanceCommand({ ...change, ApplyImmediately: true }));
    expect(await status()).toBe('modifying');
    await untilStatus('available');
    await untilEvent('RDS-EVENT-0017');
    expect(await look()).toMatchObject({
      DBInstanceClass: 'db.r8g.large',
      AllocatedStorage: 40,
      PendingModifiedValues: {},
    });
    expect(eventIds()).toEqual(['RDS-EVENT-0004', 'RDS-EVENT-0006', 'RDS-EVENT-0014', 'RDS-EVENT-0017']);
  });

  it('takes a dynamic parameter at once and a static one at the next reboot', async () => {
    const set = (ParameterName: string, ParameterValue: string, ApplyMethod: 'immediate' | 'pending-reboot') =>
      world.client.send(
        new ModifyDBParameterGroupCommand({
          DBParameterGroupName: 'orders-db',
          Parameters: [{ ParameterName, ParameterValue, ApplyMethod }],
        }),
      );
    await set('idle_session_timeout', '600000', 'immediate');
    await eventually(
      'reloaded',
      () => setting('idle_session_timeout'),
      (value) => value === '10min',
    );
    await expect(set('max_connections', '90', 'immediate')).rejects.toMatchObject({
      name: 'InvalidParameterCombination',
    });
    await expect(set('max_connections', 'many', 'pending-reboot')).rejects.toMatchObject({
      name: 'InvalidParameterValue',
    });
    await expect(set('no_such_thing', '1', 'immediate')).rejects.toMatchObject({ name: 'InvalidParameterValue' });
    await set('max_connections', '90', 'pending-reboot');
    expect((await look())?.DBParameterGroups?.[0]?.ParameterApplyStatus).toBe('pending-reboot');
    expect(await setting('max_connections')).toBe('80');
    await world.client.send(new RebootDBInstanceCommand({ DBInstanceIdentifier }));
    await untilStatus('available');
    expect(await setting('max_connections')).toBe('90');
    expect((await look())?.DBParameterGroups?.[0]?.ParameterApplyStatus).toBe('in-sync');
    const { Parameters } = await world.client.send(
      new DescribeDBParametersCommand({ DBParameterGroupName: 'orders-db', Source: 'user' }),
    );
    expect(Parameters?.find(({ ParameterName }) => ParameterName === 'max_connections')).toMatchObject({
      ParameterValue: '90',
      ApplyType: 'static',
    });
  });

  it('is stopped and started', async () => {
    await world.client.send(new StopDBInstanceCommand({ DBInstanceIdentifier }));
    await untilStatus('stopped');
    const down = await openSessions(seeded.as('orders_app'), { count: 1, application: 'shop', state: 'idle' });
    expect(down.report().refused).toEqual({ ECONNRESET: 1 });
    await expect(world.client.send(new RebootDBInstanceCommand({ DBInstanceIdentifier }))).rejects.toMatchObject({
      name: 'InvalidDBInstanceStateFault',
    });
    await world.client.send(new StartDBInstanceCommand({ DBInstanceIdentifier }));
    await untilStatus('available');
    await untilEvent('RDS-EVENT-0088');
  });

  it('is started again when its server dies', async () => {
    forget();
    const { server } = world.instance(DBInstanceIdentifier).database;
    const pid = server.pid;
    if (!pid) throw new Error('the server has no process');
    process.kill(pid, 'SIGKILL');
    await untilEvent('RDS-EVENT-0006');
    expect(server.pid).not.toBe(pid);
    expect(await setting('max_connections')).toBe('90');
  });

  it('carries tags', async () => {
    const ResourceName = (await look())?.DBInstanceArn;
    await world.client.send(
      new AddTagsToResourceCommand({ ResourceName, Tags: [{ Key: 'team', Value: 'orders & more' }] }),
    );
    const { TagList } = await world.client.send(new ListTagsForResourceCommand({ ResourceName }));
    expect(TagList).toEqual([{ Key: 'team', Value: 'orders & more' }]);
    await world.client.send(new RemoveTagsFromResourceCommand({ ResourceName, TagKeys: ['team'] }));
    expect((await look())?.TagList).toEqual([]);
  });

  it('is found by filters, in its own region only', async () => {
    const find = async (Name: string, Values: string[], client = world.client) =>
      (await client.send(new DescribeDBInstancesCommand({ Filters: [{ Name, Values }] }))).DBInstances?.length;
    expect(await find('db-instance-id', ['other', 'orders-db'])).toBe(1);
    expect(await find('dbi-resource-id', [seeded.resourceId])).toBe(1);
    expect(await find('db-instance-id', ['other'])).toBe(0);
    await expect(find('colour', ['blue'])).rejects.toMatchObject({ name: 'InvalidParameterValue' });
    const credentials = { accessKeyId: 'tester', secretAccessKey: 'test' };
    const elsewhere = new RDSClient({ endpoint: world.gateway.url, region: 'us-west-2', credentials });
    expect(await find('db-instance-id', ['orders-db'], elsewhere)).toBe(0);
    elsewhere.destroy();
  });

  it('tells its past events', async () => {
    const { Events } = await world.client.send(
      new DescribeEventsCommand({ SourceIdentifier: 'orders-db', SourceType: 'db-instance' }),
    );
    expect(Events?.[0]).toMatchObject({
      Message: 'DB instance created.',
      EventCategories: ['creation'],
      SourceType: 'db-instance',
    });
    expect(Events?.map(({ Message }) => Message)).toContain('DB instance stopped.');
  });

  it('publishes how many clients are connected, without the server itself', async () => {
    const sessions = await openSessions(seeded.as('orders_app'), { count: 7, application: 'shop', state: 'idle' });
    const counted = () => world.metrics.filter(({ name }) => name === 'DatabaseConnections');
    await eventually(
      'seven connections',
      () => counted().at(-1)?.value,
      (value) => value === 7,
    );
    expect(counted().at(-1)).toMatchObject({
      namespace: 'AWS/RDS',
      dimensions: { DBInstanceIdentifier: 'orders-db' },
      region: REGION,
    });
    expect(world.metrics.some(({ name, value }) => name === 'FreeStorageSpace' && value > 1e9)).toBe(true);
    expect(world.metrics.some(({ name, value }) => name === 'MaximumUsedTransactionIDs' && value > 0)).toBe(true);
    const memory = world.metrics.find(({ name }) => name === 'FreeableMemory');
    expect(memory?.value).toBeGreaterThan(0);
    expect(memory?.value).toBeLessThan(1024 ** 3);
    await sessions.close();
  });

  it('is deleted with its server, and unknown afterwards', async () => {
    const { server } = world.instance(DBInstanceIdentifier).database;
    await expect(world.client.send(new DeleteDBInstanceCommand({ DBInstanceIdentifier }))).rejects.toMatchObject({
      name: 'InvalidParameterCombination',
    });
    await world.client.send(new DeleteDBInstanceCommand({ DBInstanceIdentifier, SkipFinalSnapshot: true }));
    await expect(eventually('gone', status, () => false)).rejects.toMatchObject({ name: 'DBInstanceNotFoundFault' });
    await untilEvent('RDS-EVENT-0003');
    expect(server.state).toBe('stopped');
    expect(existsSync(server.dataDir)).toBe(false);
  });
});

describe('what AWS would refuse', () => {
  it('is refused with its error name', async () => {
    const create = {
      DBInstanceIdentifier: 'x',
      Engine: 'postgres',
      DBInstanceClass: 'db.t4g.micro',
      MasterUsername: 'me',
      MasterUserPassword: 'p',
    };
    const send = (change: object) => world.client.send(new CreateDBInstanceCommand({ ...create, ...change }));
    await expect(send({ DBInstanceIdentifier: '1x' })).rejects.toMatchObject({ name: 'InvalidParameterValue' });
    await expect(send({ MasterUsername: 'rdsadmin' })).rejects.toMatchObject({ name: 'InvalidParameterValue' });
    await expect(send({ DBParameterGroupName: 'none' })).rejects.toMatchObject({
      name: 'DBParameterGroupNotFoundFault',
    });
    await expect(send({ Engine: 'mysql' })).rejects.toMatchObject({ name: 'InvalidParameterValue' });
    const group = { DBParameterGroupName: 'orders-db', DBParameterGroupFamily: 'postgres18', Description: 'again' };
    await expect(world.client.send(new CreateDBParameterGroupCommand(group))).rejects.toMatchObject({
      name: 'DBParameterGroupAlreadyExistsFault',
    });
  });

  it('says so when an operation is not there yet', async () => {
    await expect(world.client.send(new DescribeDBClustersCommand({}))).rejects.toMatchObject({
      name: 'InvalidAction',
      message: expect.stringContaining('not yet in the local world'),
    });
  });
});
