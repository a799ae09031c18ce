/** Instances and snapshots of one point, without servers behind them, made and looked at past every fault. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CopyDBSnapshotCommand,
  CreateDBInstanceCommand,
  CreateDBSnapshotCommand,
  type DBInstance,
  DBInstanceNotFoundFault,
  type DBSnapshot,
  DBSnapshotNotFoundFault,
  DeleteDBInstanceCommand,
  DeleteDBSnapshotCommand,
  DescribeDBInstancesCommand,
  DescribeDBSnapshotsCommand,
  DescribeExportTasksCommand,
  type ExportTask,
  InvalidDBInstanceStateFault,
  InvalidDBSnapshotStateFault,
  RDSClient,
} from '@aws-sdk/client-rds';
import { INSTANCE_TAG } from '../../../functions/databases/snapshot-id.ts';
import { config } from '../../support/fixtures.ts';
import { type Place, REGION } from '../place.ts';

const SETTLED_WITHIN_MS = 20_000;
type Tags = Readonly<Record<string, string>>;

const clients = new WeakMap<Place, ReadonlyMap<string, RDSClient>>();

function rdsOf(place: Place, region: string): RDSClient {
  const known = clients.get(place)?.get(region);
  if (known) return known;
  const credentials = { accessKeyId: 'matrix', secretAccessKey: 'test' };
  const client = new RDSClient({ endpoint: place.gateway.url, region, credentials });
  place.world.onStop('the matrix’s client of RDS for jobs', () => client.destroy());
  clients.set(place, new Map([...(clients.get(place) ?? []), [region, client]]));
  return client;
}

const tagList = (tags: Tags) => Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));

export class Described {
  readonly #rds: RDSClient;
  readonly #abroad: RDSClient;
  readonly #instances = new Set<string>();

  constructor(place: Place) {
    this.#rds = rdsOf(place, REGION);
    this.#abroad = rdsOf(place, config.standbyRegion);
  }

  async create(id: string, tags: Tags = {}): Promise<void> {
    this.#instances.add(id);
    await this.#rds.send(
      new CreateDBInstanceCommand({
        ...{ DBInstanceIdentifier: id, Engine: 'postgres', DBInstanceClass: 'db.t4g.micro', AllocatedStorage: 20 },
        ...{ MasterUsername: 'postgres', MasterUserPassword: 'for-tests-only', Tags: tagList(tags) },
      }),
    );
    await this.settled(id);
  }

  async snapshot(instance: string, id: string, tags: Tags): Promise<void> {
    await this.#rds.send(
      new CreateDBSnapshotCommand({ DBSnapshotIdentifier: id, DBInstanceIdentifier: instance, Tags: tagList(tags) }),
    );
    await until(`the snapshot ${id}`, async () =>
      (await this.snapshots(instance)).some((each) => each.DBSnapshotIdentifier === id && each.Status === 'available'),
    );
    await this.settled(instance);
  }

  async snapshots(instance: string): Promise<readonly DBSnapshot[]> {
    return (await this.#rds.send(new DescribeDBSnapshotsCommand({ DBInstanceIdentifier: instance }))).DBSnapshots ?? [];
  }

  /** Exports of a snapshot, once each has settled. */
  async exports(SourceArn: string): Promise<readonly ExportTask[]> {
    const read = async () => (await this.#rds.send(new DescribeExportTasksCommand({ SourceArn }))).ExportTasks ?? [];
    await until(`exports of ${SourceArn} to settle`, async () =>
      (await read()).every(({ Status }) => Status === 'COMPLETE' || Status === 'FAILED'),
    );
    return read();
  }

  /** Copies in the standby region of snapshots of it. */
  async copies(instance: string): Promise<readonly DBSnapshot[]> {
    const command = new DescribeDBSnapshotsCommand({ DBInstanceIdentifier: instance });
    return (await this.#abroad.send(command)).DBSnapshots ?? [];
  }

  /** Makes a copy in the standby region, of the same name unless it is given another. */
  async copy(instance: string, id: string, tags: Tags, as = id): Promise<void> {
    const [original] = (await this.snapshots(instance)).filter((each) => each.DBSnapshotIdentifier === id);
    await this.#abroad.send(
      new CopyDBSnapshotCommand({
        ...{ SourceDBSnapshotIdentifier: original?.DBSnapshotArn, TargetDBSnapshotIdentifier: as },
        Tags: tagList({ ...tags, [INSTANCE_TAG]: original?.DbiResourceId ?? '' }),
      }),
    );
    await until(`the copy ${as}`, async () =>
      (await this.copies(instance)).some((each) => each.DBSnapshotIdentifier === as && each.Status === 'available'),
    );
  }

  async find(id: string): Promise<DBInstance | undefined> {
    try {
      return (await this.#rds.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: id }))).DBInstances?.[0];
    } catch (error) {
      if (error instanceof DBInstanceNotFoundFault) return undefined;
      throw error;
    }
  }

  settled(id: string): Promise<void> {
    return until(`${id} to be available`, async () => (await this.find(id))?.DBInstanceStatus === 'available');
  }

  /** Whether it is gone, once what was asked for has been done. */
  async isGone(id: string): Promise<boolean> {
    await until(
      `${id} to settle`,
      async () => !/creating|deleting/.test((await this.find(id))?.DBInstanceStatus ?? ''),
    );
    return (await this.find(id)) === undefined;
  }

  /** Takes everything away that it made, and `more`. */
  async dispose(more: readonly string[] = []): Promise<void> {
    for (const id of [...this.#instances, ...more]) {
      for (const each of await this.copies(id)) await deleteSnapshot(this.#abroad, each.DBSnapshotIdentifier);
      for (const each of await this.snapshots(id)) await deleteSnapshot(this.#rds, each.DBSnapshotIdentifier);
      await until(`${id} to be gone`, () => this.#remove(id));
    }
  }

  async #remove(id: string): Promise<boolean> {
    try {
      await this.#rds.send(new DeleteDBInstanceCommand({ DBInstanceIdentifier: id, SkipFinalSnapshot: true }));
    } catch (error) {
      if (error instanceof DBInstanceNotFoundFault) return true;
      if (!(error instanceof InvalidDBInstanceStateFault)) throw error;
    }
    return false;
  }
}

/** One that is still being copied is removed once it is there. */
async function deleteSnapshot(rds: RDSClient, DBSnapshotIdentifier: string | undefined): Promise<void> {
  await until(`${DBSnapshotIdentifier} to be removed`, async () => {
    try {
      await rds.send(new DeleteDBSnapshotCommand({ DBSnapshotIdentifier }));
      return true;
    } catch (error) {
      if (error instanceof DBSnapshotNotFoundFault) return true;
      if (error instanceof InvalidDBSnapshotStateFault) return false;
      throw error;
    }
  });
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + SETTLED_WITHIN_MS; Date.now() < end; await sleep(10)) if (await isSo()) return;
  throw new Error(`${what}: not within ${SETTLED_WITHIN_MS} ms`);
}
