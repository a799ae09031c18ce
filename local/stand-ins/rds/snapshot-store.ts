/** The data of snapshots: folders beside the servers' own, filled, copied and removed. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { copyTree } from '../../postgres/template.ts';
import type { Database } from './database.ts';
import type { SnapshotEventId } from './events.ts';
import type { Snapshot } from './snapshots.ts';

export interface SnapshotStoreOptions {
  readonly folder: string;
  /** Least time that making one takes. */
  leastTimeMs(): number;
  tell(snapshot: Snapshot, event: SnapshotEventId): Promise<void>;
}

export class SnapshotStore {
  readonly #options: SnapshotStoreOptions;

  constructor(options: SnapshotStoreOptions) {
    this.#options = options;
  }

  /** The snapshot becomes available once the data is there, or `failed`. Without a database it has none. @throws PostgresError */
  async fill(snapshot: Snapshot, database: Database | undefined): Promise<void> {
    const at = new Date();
    const copied = database ? database.backUp(await this.#folderOf(snapshot)) : Promise.resolve();
    await this.#complete(snapshot, () => at, copied, 'RDS-EVENT-0042');
  }

  async copy(from: Snapshot, to: Snapshot): Promise<void> {
    await this.#options.tell(to, 'RDS-EVENT-0059');
    const copied = from.folder ? copyTree(from.folder, await this.#folderOf(to)) : Promise.resolve();
    await this.#complete(to, () => new Date(), copied, 'RDS-EVENT-0060');
  }

  async remove(snapshot: Snapshot): Promise<void> {
    if (snapshot.folder) await rm(snapshot.folder, { recursive: true, force: true });
    await this.#options.tell(snapshot, 'RDS-EVENT-0041');
  }

  async #complete(
    snapshot: Snapshot,
    createdAt: () => Date,
    copied: Promise<void>,
    event: SnapshotEventId,
  ): Promise<void> {
    const leastTime = sleep(this.#options.leastTimeMs());
    try {
      await copied;
    } catch (error) {
      snapshot.status = 'failed';
      throw error;
    }
    await leastTime;
    snapshot.createdAt = createdAt();
    // A copy was given the time of its data already.
    snapshot.originalCreatedAt ??= snapshot.createdAt;
    snapshot.progressPercent = 100;
    snapshot.status = 'available';
    await this.#options.tell(snapshot, event);
  }

  async #folderOf(snapshot: Snapshot): Promise<string> {
    await mkdir(this.#options.folder, { recursive: true, mode: 0o711 });
    snapshot.folder = join(this.#options.folder, `${snapshot.region}-${snapshot.id}-${Date.now()}`);
    return snapshot.folder;
  }
}
