/** Restores to a moment: what was committed before it comes back, what came later doesn't, and the source goes on untouched. */
import {
  CreateDBInstanceCommand,
  DescribeDBInstanceAutomatedBackupsCommand,
  DescribeDBInstancesCommand,
  RebootDBInstanceCommand,
  RestoreDBInstanceToPointInTimeCommand,
} from '@aws-sdk/client-rds';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import { eventually, openTestWorld, type TestWorld } from './harness.ts';

jest.setTimeout(120_000);
const SOURCE = 'ledger';
let world: TestWorld;

const look = async (id: string) =>
  (await world.client.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: id }))).DBInstances?.[0];
const untilAvailable = (id: string) =>
  eventually(
    `${id} available`,
    () => look(id),
    (seen) => seen?.DBInstanceStatus === 'available',
  );
const create = (id: string, BackupRetentionPeriod: number, MultiAZ = false) =>
  world.client.send(
    new CreateDBInstanceCommand({
      DBInstanceIdentifier: id,
      Engine: 'postgres',
      DBInstanceClass: 'db.t4g.micro',
      AllocatedStorage: 20,
      MasterUsername: 'postgres',
      MasterUserPassword: 'for-tests-only',
      BackupRetentionPeriod,
      MultiAZ,
    }),
  );
async function query<Row extends pg.QueryResultRow>(id: string, sql: string): Promise<Row[]> {
  const client = new pg.Client(world.instance(id).adminClientConfig);
  client.on('error', () => {}); // Connections are dropped on purpose here.
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end().catch(() => {});
  }
}
/** @returns the database's own time after the commit. */
async function write(note: string): Promise<Date> {
  await query(SOURCE, `INSERT INTO notes VALUES ('${note}')`);
  const [row] = await query<{ at: Date }>(SOURCE, 'SELECT clock_timestamp() AS at, pg_sleep(0.01)');
  if (!row) throw new Error('no time');
  // What is written next is committed later than that. A Date has whole milliseconds, the commit's time microseconds: rounded down, it would be before the commit.
  return new Date(row.at.getTime() + 1);
}
const notes = async (id: string) =>
  (await query<{ note: string }>(id, 'SELECT note FROM notes ORDER BY note')).map(({ note }) => note);
const restore = (id: string, when: { RestoreTime?: Date; UseLatestRestorableTime?: boolean; MultiAZ?: boolean }) =>
  world.client.send(
    new RestoreDBInstanceToPointInTimeCommand({
      SourceDBInstanceIdentifier: SOURCE,
      TargetDBInstanceIdentifier: id,
      ...when,
    }),
  );
/** Until then it can be restored: the logs have been shipped. */
const untilRestorable = (at: Date) =>
  eventually(
    `restorable to ${at.toISOString()}`,
    () => look(SOURCE),
    (seen) => (seen?.LatestRestorableTime?.getTime() ?? 0) > at.getTime(),
  );

let between: Date;

beforeAll(async () => {
  world = await openTestWorld({ keepsLog: (id) => id === SOURCE });
  await create(SOURCE, 7, true);
  await untilAvailable(SOURCE);
  await query(SOURCE, 'CREATE TABLE notes (note text)');
  between = await write('1 before');
  await write('2 after');
});
afterAll(() => world?.close());

describe('a restore to a point in time', () => {
  it('brings back what was committed by then, and nothing later', async () => {
    await untilRestorable(between);
    await restore('at-that-time', { RestoreTime: between });
    await untilAvailable('at-that-time');
    expect(await notes('at-that-time')).toEqual(['1 before']);
    expect(await notes(SOURCE)).toEqual(['1 before', '2 after']);
    // It is an instance of its own, that can be written to and restarted.
    await query('at-that-time', "INSERT INTO notes VALUES ('3 elsewhere')");
    await world.client.send(new RebootDBInstanceCommand({ DBInstanceIdentifier: 'at-that-time' }));
    await untilAvailable('at-that-time');
    expect(await notes('at-that-time')).toEqual(['1 before', '3 elsewhere']);
    const told = world.events.find(({ detail }) => (detail as { EventID: string }).EventID === 'RDS-EVENT-0019');
    expect(told?.detail).toMatchObject({ Message: `Restored from DB instance ${SOURCE} to at-that-time` });
  });

  it('brings back everything up to the latest time, also across a failover', async () => {
    await eventually(
      'a standby in sync',
      () => world.instance(SOURCE).database.inSync,
      (inSync) => inSync,
    );
    await world.client.send(new RebootDBInstanceCommand({ DBInstanceIdentifier: SOURCE, ForceFailover: true }));
    await untilAvailable(SOURCE);
    await write('4 on the other server');
    await restore('latest', { UseLatestRestorableTime: true, MultiAZ: true });
    await untilAvailable('latest');
    expect(world.instance('latest').database.inSync).toBe(true);
    expect(await notes('latest')).toEqual(['1 before', '2 after', '4 on the other server']);
  });

  it('tells from when until when it can be', async () => {
    const { DBInstanceAutomatedBackups: [found] = [] } = await world.client.send(
      new DescribeDBInstanceAutomatedBackupsCommand({ DBInstanceIdentifier: SOURCE }),
    );
    expect(found?.RestoreWindow?.EarliestTime?.getTime()).toBeLessThan(between.getTime());
    expect(found?.RestoreWindow?.LatestTime?.getTime()).toBeGreaterThanOrEqual(between.getTime());
    expect(found?.DbiResourceId).toBe(world.instance(SOURCE).resourceId);
  });

  it('is refused for a time without backups, for both ways or neither, and without automated backups', async () => {
    const later = new Date(Date.now() + 3_600_000);
    const earlier = new Date(Date.now() - 3_600_000);
    for (const RestoreTime of [later, earlier])
      await expect(restore('never', { RestoreTime })).rejects.toMatchObject({ name: 'InvalidParameterValue' });
    for (const when of [{}, { RestoreTime: between, UseLatestRestorableTime: true }])
      await expect(restore('never', when)).rejects.toMatchObject({ name: 'InvalidParameterCombination' });
    await expect(restore('latest', { UseLatestRestorableTime: true })).rejects.toMatchObject({
      name: 'DBInstanceAlreadyExistsFault',
    });
    await expect(
      world.client.send(
        new RestoreDBInstanceToPointInTimeCommand({
          SourceDBInstanceIdentifier: 'at-that-time',
          TargetDBInstanceIdentifier: 'never',
          UseLatestRestorableTime: true,
        }),
      ),
    ).rejects.toMatchObject({ name: 'PointInTimeRestoreNotEnabledFault' });
    expect((await look('at-that-time'))?.BackupRetentionPeriod).toBe(0);
  });
});
