/** Instances and snapshots of one point, without servers behind them, made and looked at past every fault. */
import { setTimeout as sleep } from 'node:timers/promises';
import {
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
  InvalidDBInstanceStateFault,
  RDSClient,
} from '@aws-sdk/client-rds';
import { type Place, REGION } from '../place.ts';

const SETTLED_WITHIN_MS = 20_000;
type Tags = Readonly<Record<string, string>>;

const clients = new WeakMap<Place, RDSClient>();

function rdsOf(place: Place): RDSClient {
  const known = clients.get(place);
  if (known) return known;
  const credentials = { accessKeyId: 'matrix', secretAccessKey: 'test' };
  const client = new RDSClient({ endpoint: place.gateway.url, region: REGION, credentials });
  place.world.onStop('the matrix’s client of RDS for jobs', () => client.destroy());
  clients.set(place, client);
  return client;
}

const tagList = (tags: Tags) => Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));

export class Described {
  readonly #rds: RDSClient;
  readonly #instances = new Set<string>();

  constructor(place: Place) {
    this.#rds = rdsOf(place);
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
      for (const { DBSnapshotIdentifier } of await this.snapshots(id)) await this.#deleteSnapshot(DBSnapshotIdentifier);
      await until(`${id} to be gone`, () => this.#remove(id));
    }
  }

  async #deleteSnapshot(DBSnapshotIdentifier: string | undefined): Promise<void> {
    try {
      await this.#rds.send(new DeleteDBSnapshotCommand({ DBSnapshotIdentifier }));
    } catch (error) {
      if (!(error instanceof DBSnapshotNotFoundFault)) throw error;
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

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + SETTLED_WITHIN_MS; Date.now() < end; await sleep(10)) if (await isSo()) return;
  throw new Error(`${what}: not within ${SETTLED_WITHIN_MS} ms`);
}
