/** Snapshots are base backups of a real server, and restored instances real servers started from them: what is in them is really there. */
import { open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  CopyDBSnapshotCommand,
  CreateDBSnapshotCommand,
  DeleteDBInstanceCommand,
  DeleteDBSnapshotCommand,
  DescribeAccountAttributesCommand,
  DescribeDBInstancesCommand,
  DescribeDBSnapshotsCommand,
  DescribeEventsCommand,
  ListTagsForResourceCommand,
  RDSClient,
  RestoreDBInstanceFromDBSnapshotCommand,
} from '@aws-sdk/client-rds';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import { eventually, openTestWorld, type TestWorld } from './harness.ts';

jest.setTimeout(120_000);
const SOURCE = 'orders-db';
const QUOTA = 8;
let world: TestWorld;

const status = async (id: string) =>
  (await world.client.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: id }))).DBInstances?.[0]
    ?.DBInstanceStatus;
const untilIs = (id: string, wanted: string) =>
  eventually(
    `${id} ${wanted}`,
    () => status(id),
    (seen) => seen === wanted,
  );
const snapshot = async (id: string, client = world.client) =>
  (await client.send(new DescribeDBSnapshotsCommand({ DBSnapshotIdentifier: id }))).DBSnapshots?.[0];
const untilTaken = (id: string, client = world.client) =>
  eventually(
    `${id} available`,
    () => snapshot(id, client),
    (seen) => seen?.Status === 'available',
  );
async function take(id: string) {
  await untilIs(SOURCE, 'available');
  const { DBSnapshot } = await world.client.send(
    new CreateDBSnapshotCommand({
      DBSnapshotIdentifier: id,
      DBInstanceIdentifier: SOURCE,
      Tags: [{ Key: 'purpose', Value: 'test' }],
    }),
  );
  return DBSnapshot;
}
const restore = (id: string, from: string) =>
  world.client.send(
    new RestoreDBInstanceFromDBSnapshotCommand({ DBInstanceIdentifier: id, DBSnapshotIdentifier: from }),
  );

async function query<Row extends pg.QueryResultRow>(id: string, sql: string): Promise<Row[]> {
  const client = new pg.Client(world.instance(id).adminClientConfig);
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}
const notes = async (id: string) =>
  (await query<{ note: string }>(id, 'SELECT note FROM notes ORDER BY note')).map(({ note }) => note);
/** With a server that takes no new connection meanwhile, so that no backup of it gets on. */
async function held(work: () => Promise<void>): Promise<void> {
  const { pid } = world.instance(SOURCE).database.server;
  if (!pid) throw new Error(`${SOURCE} does not run`);
  process.kill(pid, 'SIGSTOP');
  try {
    await work();
  } finally {
    process.kill(pid, 'SIGCONT');
  }
}
const folderOf = (id: string): string => {
  const found = world.rds.snapshotFolder(id, 'us-east-1');
  if (!found) throw new Error(`${id} has no data`);
  return found;
};

beforeAll(async () => {
  world = await openTestWorld({ snapshotQuota: QUOTA });
  await world.seed();
  await query(SOURCE, 'CREATE TABLE notes (note text)');
  await query(SOURCE, "INSERT INTO notes VALUES ('before')");
});
afterAll(() => world?.close());

describe('a snapshot', () => {
  it('is made while the instance is in use, and tells what it is of', async () => {
    const asked = Date.now();
    await held(async () => {
      expect(await take('first')).toMatchObject({ Status: 'creating', PercentProgress: 0 });
      expect(await status(SOURCE)).toBe('backing-up');
    });
    expect(await notes(SOURCE)).toEqual(['before']);
    const taken = await untilTaken('first');
    expect(taken).toMatchObject({
      DBInstanceIdentifier: SOURCE,
      SnapshotType: 'manual',
      PercentProgress: 100,
      Engine: 'postgres',
      Encrypted: false,
      TagList: [{ Key: 'purpose', Value: 'test' }],
    });
    expect(taken?.SnapshotCreateTime?.getTime()).toBeGreaterThanOrEqual(asked);
    await untilIs(SOURCE, 'available');
    const ids = world.events.map(({ detail }) => (detail as { EventID: string }).EventID);
    for (const id of ['RDS-EVENT-0001', 'RDS-EVENT-0040', 'RDS-EVENT-0042', 'RDS-EVENT-0002'])
      expect(ids).toContain(id);
    const told = world.events.find(({ detail }) => (detail as { EventID: string }).EventID === 'RDS-EVENT-0042');
    expect(told).toMatchObject({
      detailType: 'RDS DB Snapshot Event',
      resources: [taken?.DBSnapshotArn],
      detail: { SourceType: 'SNAPSHOT', SourceIdentifier: 'first' },
    });
    const { Events } = await world.client.send(
      new DescribeEventsCommand({ SourceType: 'db-snapshot', SourceIdentifier: 'first' }),
    );
    expect(Events?.map(({ Message }) => Message)).toEqual(['Creating manual snapshot', 'Manual snapshot created']);
  });

  it('restored, has what was committed before it and not what came after', async () => {
    await query(SOURCE, "INSERT INTO notes VALUES ('after')");
    expect((await restore('restored', 'first')).DBInstance).toMatchObject({ DBInstanceStatus: 'creating' });
    await untilIs('restored', 'available');
    expect(await notes('restored')).toEqual(['before']);
    expect(await notes(SOURCE)).toEqual(['after', 'before']);
    expect(await query('restored', 'SELECT count(*)::int AS orders FROM orders')).toEqual(
      await query(SOURCE, 'SELECT count(*)::int AS orders FROM orders'),
    );
    await query('restored', "INSERT INTO notes VALUES ('only here')");
    expect(await notes(SOURCE)).not.toContain('only here');
    expect(world.instance('restored').endpoint.port).not.toBe(world.instance(SOURCE).endpoint.port);
  });

  it('of an instance that is gone can still be restored: the last one, taken when it is deleted', async () => {
    const gone = { DBInstanceIdentifier: 'restored', FinalDBSnapshotIdentifier: 'last' };
    await expect(
      world.client.send(new DeleteDBInstanceCommand({ ...gone, SkipFinalSnapshot: true })),
    ).rejects.toMatchObject({ name: 'InvalidParameterCombination' });
    await world.client.send(new DeleteDBInstanceCommand(gone));
    await untilTaken('last');
    await eventually(
      'restored gone',
      () => status('restored').catch((error: Error) => error.name),
      (seen) => seen === 'DBInstanceNotFoundFault',
    );
    await restore('again', 'last');
    await untilIs('again', 'available');
    expect(await notes('again')).toEqual(['before', 'only here']);
  });

  it('copied to another region is restored there, with its tags and the time of its data', async () => {
    const west = new RDSClient({
      endpoint: world.gateway.url,
      region: 'us-west-2',
      credentials: { accessKeyId: 'tester', secretAccessKey: 'test' },
      maxAttempts: 1,
    });
    try {
      const source = await snapshot('first');
      const copy = { SourceDBSnapshotIdentifier: source?.DBSnapshotArn, TargetDBSnapshotIdentifier: 'first-copy' };
      await west.send(new CopyDBSnapshotCommand({ ...copy, CopyTags: true }));
      const taken = await untilTaken('first-copy', west);
      expect(taken).toMatchObject({ SourceRegion: 'us-east-1', TagList: [{ Key: 'purpose', Value: 'test' }] });
      expect(taken?.OriginalSnapshotCreateTime).toEqual(source?.OriginalSnapshotCreateTime);
      await expect(snapshot('first-copy')).rejects.toMatchObject({ name: 'DBSnapshotNotFoundFault' });
      await expect(restore('elsewhere', taken?.DBSnapshotArn ?? '')).rejects.toMatchObject({
        name: 'DBSnapshotNotFoundFault',
      });
      await west.send(
        new RestoreDBInstanceFromDBSnapshotCommand({
          DBInstanceIdentifier: 'west',
          DBSnapshotIdentifier: 'first-copy',
        }),
      );
      await eventually(
        'west',
        () => world.rds.instance('west', 'us-west-2'),
        (seen) => seen !== undefined,
      );
    } finally {
      west.destroy();
    }
  });

  it('that was cut short gives an instance that fails, and can be deleted', async () => {
    await take('short');
    await untilTaken('short');
    await rm(join(folderOf('short'), 'pg_wal'), { recursive: true });
    await rm(join(folderOf('short'), 'global', 'pg_control'));
    await restore('from-short', 'short');
    await untilIs('from-short', 'failed');
    expect(world.rds.instance('from-short', 'us-east-1')).toBeUndefined();
    await world.client.send(
      new DeleteDBInstanceCommand({ DBInstanceIdentifier: 'from-short', SkipFinalSnapshot: true }),
    );
  });

  it('with a damaged page starts, and the damage shows when the table is read', async () => {
    await query(
      SOURCE,
      'CREATE TABLE big AS SELECT g, repeat(md5(g::text), 4) AS filler FROM generate_series(1, 5000) g',
    );
    const [{ path } = { path: '' }] = await query<{ path: string }>(
      SOURCE,
      "SELECT pg_relation_filepath('big') AS path",
    );
    await query(SOURCE, 'CHECKPOINT');
    await take('damaged');
    await untilTaken('damaged');
    const file = await open(join(folderOf('damaged'), path), 'r+');
    await file.write(Buffer.from('damage'), 0, 6, 8192 * 3 + 4000);
    await file.close();
    await restore('from-damaged', 'damaged');
    await untilIs('from-damaged', 'available');
    await expect(query('from-damaged', 'SELECT sum(length(filler)) FROM big')).rejects.toMatchObject({ code: 'XX001' });
    expect(await query(SOURCE, 'SELECT count(*)::int AS n FROM big')).toEqual([{ n: 5000 }]);
  });

  it('deleted is gone, with its data', async () => {
    const folder = folderOf('damaged');
    await world.client.send(new DeleteDBSnapshotCommand({ DBSnapshotIdentifier: 'damaged' }));
    await expect(snapshot('damaged')).rejects.toMatchObject({ name: 'DBSnapshotNotFoundFault' });
    await eventually(
      'its folder gone',
      () =>
        stat(folder).then(
          () => true,
          () => false,
        ),
      (there) => !there,
    );
  });

  it('is refused as AWS refuses it', async () => {
    await untilIs(SOURCE, 'available');
    const refused = (id: string, name: string, of = SOURCE) =>
      expect(
        world.client.send(new CreateDBSnapshotCommand({ DBSnapshotIdentifier: id, DBInstanceIdentifier: of })),
      ).rejects.toMatchObject({ name });
    await refused('first', 'DBSnapshotAlreadyExistsFault');
    await refused('-bad', 'InvalidParameterValue');
    await refused('of-nothing', 'DBInstanceNotFoundFault', 'nothing');
    await expect(restore(SOURCE, 'first')).rejects.toMatchObject({ name: 'DBInstanceAlreadyExistsFault' });
    await expect(restore('new', 'nothing')).rejects.toMatchObject({ name: 'DBSnapshotNotFoundFault' });
    await held(async () => {
      await take('under-way');
      await refused('second', 'InvalidDBInstanceStateFault');
      await expect(
        world.client.send(new DeleteDBSnapshotCommand({ DBSnapshotIdentifier: 'under-way' })),
      ).rejects.toMatchObject({ name: 'InvalidDBSnapshotStateFault' });
    });
    await untilTaken('under-way');
  });

  it('is counted against the quota of the region', async () => {
    const manual = async () => {
      const { AccountQuotas } = await world.client.send(new DescribeAccountAttributesCommand({}));
      return AccountQuotas?.find(({ AccountQuotaName }) => AccountQuotaName === 'ManualSnapshots');
    };
    for (let used = (await manual())?.Used ?? 0; used < QUOTA; used += 1) {
      await take(`filler-${used}`);
      await untilTaken(`filler-${used}`);
    }
    expect(await manual()).toMatchObject({ Used: QUOTA, Max: QUOTA });
    await expect(take('one-too-many')).rejects.toMatchObject({ name: 'SnapshotQuotaExceededFault' });
  });

  it('is listed page by page, by instance and with its tags', async () => {
    const page = async (Marker?: string) =>
      world.client.send(new DescribeDBSnapshotsCommand({ DBInstanceIdentifier: SOURCE, MaxRecords: 5, Marker }));
    const first = await page();
    const second = await page(first.Marker);
    const names = [...(first.DBSnapshots ?? []), ...(second.DBSnapshots ?? [])].map(
      (each) => each.DBSnapshotIdentifier,
    );
    expect(first.DBSnapshots).toHaveLength(5);
    expect(second.Marker).toBeUndefined();
    expect(new Set(names).size).toBe(names.length);
    expect(names).not.toContain('last');
    const { TagList } = await world.client.send(
      new ListTagsForResourceCommand({ ResourceName: (await snapshot('first'))?.DBSnapshotArn }),
    );
    expect(TagList).toEqual([{ Key: 'purpose', Value: 'test' }]);
  });
});
