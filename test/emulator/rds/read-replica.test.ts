import {
  CreateDBInstanceCommand,
  CreateDBInstanceReadReplicaCommand,
  DeleteDBInstanceCommand,
  DescribeDBInstancesCommand,
  ModifyDBInstanceCommand,
  PromoteReadReplicaCommand,
  RDSClient,
  RebootDBInstanceCommand,
} from '@aws-sdk/client-rds';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { eventually, openTestWorld, REGION, type TestWorld } from './harness.ts';

jest.setTimeout(120_000);
let w: TestWorld;
const SOURCE = 'source';

beforeAll(async () => {
  w = await openTestWorld({ hasServer: (id) => !id.startsWith('described') });
  await create(SOURCE, { MultiAZ: true, BackupRetentionPeriod: 1 });
  await query(SOURCE, 'CREATE TABLE notes (n int)');
});
afterAll(async () => {
  await w?.close();
});

const described = async (id: string) =>
  (await w.client.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: id }))).DBInstances?.[0];
const untilAvailable = (id: string) =>
  eventually(
    `${id} available`,
    () => described(id),
    (seen) => seen?.DBInstanceStatus === 'available',
  );
const query = <Row extends Record<string, unknown>>(id: string, sql: string) => {
  const found = w.rds.instance(id, REGION);
  if (!found) throw new Error(`no instance ${id}`);
  return found.database.query<Row>(sql);
};
async function create(id: string, more: { MultiAZ?: boolean; BackupRetentionPeriod?: number } = {}): Promise<void> {
  await w.client.send(
    new CreateDBInstanceCommand({
      DBInstanceIdentifier: id,
      Engine: 'postgres',
      DBInstanceClass: 'db.t4g.micro',
      AllocatedStorage: 20,
      MasterUsername: 'postgres',
      MasterUserPassword: 'for-tests-only',
      ...more,
    }),
  );
  await untilAvailable(id);
}
const replicate = (id: string, source = SOURCE) =>
  w.client.send(
    new CreateDBInstanceReadReplicaCommand({ DBInstanceIdentifier: id, SourceDBInstanceIdentifier: source }),
  );
const rowsOf = async (id: string) => Number((await query<{ n: string }>(id, 'SELECT count(*) AS n FROM notes'))[0]?.n);
const untilRows = (id: string, rows: number) =>
  eventually(
    `${rows} rows on ${id}`,
    () => rowsOf(id),
    (seen) => seen === rows,
  );

describe('a read replica', () => {
  it('follows its source, can only be read, and goes on behind the standby after a failover', async () => {
    await query(SOURCE, 'INSERT INTO notes VALUES (1)');
    await replicate('replica');
    expect((await described(SOURCE))?.ReadReplicaDBInstanceIdentifiers).toEqual(['replica']);
    const replica = await untilAvailable('replica');
    expect(replica).toMatchObject({ ReadReplicaSourceDBInstanceIdentifier: SOURCE, BackupRetentionPeriod: 0 });
    await untilRows('replica', 1);
    await query(SOURCE, 'INSERT INTO notes VALUES (2)');
    await untilRows('replica', 2);
    await expect(query('replica', 'INSERT INTO notes VALUES (3)')).rejects.toThrow('read-only transaction');
    await w.client.send(new RebootDBInstanceCommand({ DBInstanceIdentifier: SOURCE, ForceFailover: true }));
    await untilAvailable(SOURCE);
    await query(SOURCE, 'INSERT INTO notes VALUES (3)');
    await untilRows('replica', 3);
  });

  it('tells how far it is behind', async () => {
    const { metrics } = w;
    const lag = await eventually(
      'ReplicaLag',
      () =>
        metrics.find(({ name, dimensions }) => name === 'ReplicaLag' && dimensions.DBInstanceIdentifier === 'replica'),
      (seen) => seen !== undefined,
    );
    expect(lag?.value).toBeGreaterThanOrEqual(0);
    expect(
      metrics.some(({ name, dimensions }) => name === 'ReplicaLag' && dimensions.DBInstanceIdentifier === SOURCE),
    ).toBe(false);
  });

  it('is a database of its own once it is promoted, and its source keeps nothing for it', async () => {
    await w.client.send(new PromoteReadReplicaCommand({ DBInstanceIdentifier: 'replica' }));
    const promoted = await untilAvailable('replica');
    expect(promoted?.ReadReplicaSourceDBInstanceIdentifier).toBeUndefined();
    await query('replica', 'INSERT INTO notes VALUES (4)');
    expect(await rowsOf('replica')).toBe(4);
    expect(await rowsOf(SOURCE)).toBe(3);
    expect((await described(SOURCE))?.ReadReplicaDBInstanceIdentifiers ?? []).toEqual([]);
    await eventually(
      'no slot left',
      () => query(SOURCE, "SELECT slot_name FROM pg_replication_slots WHERE slot_name LIKE 'rds%'"),
      (slots) => slots.length === 0,
    );
  });

  it('leaves nothing behind at its source when it is deleted', async () => {
    await replicate('gone');
    await untilAvailable('gone');
    await w.client.send(new DeleteDBInstanceCommand({ DBInstanceIdentifier: 'gone', SkipFinalSnapshot: true }));
    await eventually(
      'gone',
      () => described('gone').catch(() => undefined),
      (seen) => seen === undefined,
    );
    expect((await described(SOURCE))?.ReadReplicaDBInstanceIdentifiers ?? []).toEqual([]);
    expect(await query(SOURCE, "SELECT 1 FROM pg_replication_slots WHERE slot_name LIKE 'rds%'")).toEqual([]);
  });

  it('is refused of what has no backups, of what does not exist, and by a name that is taken', async () => {
    await create('described-bare');
    await expect(replicate('described-one', 'described-bare')).rejects.toThrow('Automated backups are not enabled');
    await expect(replicate('described-one', 'nobody')).rejects.toMatchObject({ name: 'DBInstanceNotFoundFault' });
    await expect(replicate('described-bare')).rejects.toMatchObject({ name: 'DBInstanceAlreadyExistsFault' });
  });
});

describe('a read replica in another region', () => {
  const STANDBY = 'us-west-2';
  let abroad: RDSClient;
  const describedAbroad = async () =>
    (await abroad.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: 'abroad' }))).DBInstances?.[0];
  const rowsAbroad = async () => {
    const found = w.rds.instance('abroad', STANDBY);
    return Number((await found?.database.query<{ n: string }>('SELECT count(*) AS n FROM notes'))?.[0]?.n);
  };

  beforeAll(() => {
    abroad = new RDSClient({
      endpoint: w.gateway.url,
      region: STANDBY,
      credentials: { accessKeyId: 'tester', secretAccessKey: 'test' },
      maxAttempts: 1,
    });
  });
  afterAll(() => abroad.destroy());

  it('names its source by its ARN, and follows it', async () => {
    const source = (await described(SOURCE))?.DBInstanceArn;
    await abroad.send(
      new CreateDBInstanceReadReplicaCommand({ DBInstanceIdentifier: 'abroad', SourceDBInstanceIdentifier: source }),
    );
    const replica = await eventually(
      'abroad available',
      describedAbroad,
      (seen) => seen?.DBInstanceStatus === 'available',
    );
    expect(replica?.ReadReplicaSourceDBInstanceIdentifier).toBe(source);
    expect(replica?.AvailabilityZone).toMatch(/^us-west-2/);
    expect((await described(SOURCE))?.ReadReplicaDBInstanceIdentifiers).toEqual([replica?.DBInstanceArn]);
    const rows = await rowsOf(SOURCE);
    await query(SOURCE, 'INSERT INTO notes VALUES (100)');
    await eventually('the row abroad', rowsAbroad, (seen) => seen === rows + 1);
  });

  it('gets nothing while its source’s region is cut off, and everything once it is not', async () => {
    const before = await rowsAbroad();
    await w.rds.cutOff(REGION, true);
    await query(SOURCE, 'INSERT INTO notes VALUES (101)');
    expect(await rowsAbroad()).toBe(before);
    const source = (await described(SOURCE))?.DBInstanceArn;
    await expect(
      abroad.send(
        new CreateDBInstanceReadReplicaCommand({ DBInstanceIdentifier: 'other', SourceDBInstanceIdentifier: source }),
      ),
    ).rejects.toThrow("can't be reached");
    await w.rds.cutOff(REGION, false);
    await eventually('the row abroad', rowsAbroad, (seen) => seen === before + 1);
  });

  it('is promoted while its source’s region is cut off, with what had come until then; the source keeps its slot', async () => {
    const before = await rowsAbroad();
    await w.rds.cutOff(REGION, true);
    await query(SOURCE, 'INSERT INTO notes VALUES (102)');
    await abroad.send(new PromoteReadReplicaCommand({ DBInstanceIdentifier: 'abroad' }));
    const promoted = await eventually(
      'abroad promoted',
      describedAbroad,
      (seen) => seen?.DBInstanceStatus === 'available' && seen.ReadReplicaSourceDBInstanceIdentifier === undefined,
    );
    expect(promoted?.DBInstanceStatus).toBe('available');
    await w.rds.instance('abroad', STANDBY)?.database.query('INSERT INTO notes VALUES (200)');
    expect(await rowsAbroad()).toBe(before + 1);
    expect(await rowsOf(SOURCE)).toBe(before + 1);
    await w.rds.cutOff(REGION, false);
    expect(await query(SOURCE, "SELECT 1 FROM pg_replication_slots WHERE slot_name LIKE 'rds%'")).toHaveLength(1);
  });
});

describe('an instance that is renamed', () => {
  it('keeps its data and its replicas, and leaves its endpoint to the next one of its name', async () => {
    const rename = (NewDBInstanceIdentifier: string) =>
      w.client.send(
        new ModifyDBInstanceCommand({ DBInstanceIdentifier: SOURCE, NewDBInstanceIdentifier, ApplyImmediately: true }),
      );
    await expect(rename('replica')).rejects.toMatchObject({ name: 'DBInstanceAlreadyExistsFault' });
    await replicate('reader');
    const before = await untilAvailable(SOURCE);
    const rows = await rowsOf(SOURCE);
    await untilAvailable('reader');
    await rename('aside');
    const renamed = await eventually(
      'aside available',
      () => described('aside').catch(() => undefined),
      (seen) => seen?.DBInstanceStatus === 'available',
    );
    expect(renamed).toMatchObject({
      DbiResourceId: before?.DbiResourceId,
      ReadReplicaDBInstanceIdentifiers: ['reader'],
    });
    expect(renamed?.DBInstanceArn).toMatch(/:db:aside$/);
    expect(renamed?.Endpoint?.Port).not.toBe(before?.Endpoint?.Port);
    expect((await described('reader'))?.ReadReplicaSourceDBInstanceIdentifier).toBe('aside');
    await expect(described(SOURCE)).rejects.toMatchObject({ name: 'DBInstanceNotFoundFault' });
    await replicate(SOURCE, 'aside');
    expect((await untilAvailable(SOURCE))?.Endpoint).toEqual(before?.Endpoint);
    await query('aside', 'INSERT INTO notes VALUES (300)');
    await untilRows(SOURCE, rows + 1);
    await untilRows('reader', rows + 1);
  });
});
