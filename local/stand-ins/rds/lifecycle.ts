/**
 * What happens to an instance after an API call was accepted: work that takes time, a status while it lasts, an event when it is done.
 * AWS: "Viewing Amazon RDS DB instance status". Durations are shorter than AWS's (minutes): at least `transitionMs`.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { dataRoot, type Settings } from '../../postgres/server.ts';
import type { EventSink, WorldContext } from '../../world/types.ts';
import { Archive } from './archive.ts';
import { type Database, type DatabaseOptions, openDatabase } from './database.ts';
import { type InstanceEventId, type SnapshotEventId, tell, tellOfSnapshot } from './events.ts';
import { type ExportTask, type ObjectSink, writeExport } from './exports.ts';
import { type Instance, keyOf, type Login, named, nameIn, type RdsState, type Status } from './model.ts';
import { REPLICA_SLOTS } from './pair.ts';
import { settingsOf, valueIn } from './parameters.ts';
import { SnapshotStore } from './snapshot-store.ts';
import type { Snapshot } from './snapshots.ts';

export interface LifecycleOptions {
  readonly world: WorldContext;
  readonly state: RdsState;
  readonly events: EventSink;
  /** Least time an instance spends in a passing status. */
  readonly transitionMs: number;
  /** Settings that go before every parameter group, such as `fsync`. */
  readonly settings: Settings;
  readonly objects: ObjectSink | undefined;
  readonly mayConnect: (login: Login) => boolean;
  /** Whether PostgreSQL stands behind the instance of that name; without, it is only described. */
  readonly hasServer: (id: string) => boolean;
  /** Whether the instance of that name, if it has a BackupRetentionPeriod, can be restored to a moment. */
  readonly keepsLog: (id: string) => boolean;
  readonly database: Pick<DatabaseOptions, 'installation' | 'cacheDir' | 'certificate'>;
}

export class Lifecycle {
  readonly #options: LifecycleOptions;
  readonly #running = new Set<Promise<void>>();
  readonly #snapshots: SnapshotStore;
  #stopped = false;

  constructor(options: LifecycleOptions) {
    this.#options = options;
    this.#snapshots = new SnapshotStore({
      folder: join(dataRoot(options.world, options.database.installation), 'snapshots'),
      leastTimeMs: () => (this.#stopped ? 0 : options.transitionMs),
      tell: (snapshot, event) => this.#tellOf(snapshot, event),
    });
  }

  create(instance: Instance, password: string): void {
    this.#transition(instance, 'creating', 'available', async () => {
      if (this.#options.hasServer(instance.id)) await this.#open(instance, password);
      return ['RDS-EVENT-0005'];
    });
  }

  /** A read replica of `source`, which goes on meanwhile; only described where the source is. */
  replicate(source: Instance, replica: Instance): void {
    this.#transition(replica, 'creating', 'available', async () => {
      if (source.database) await this.#open(replica, '', { follows: source.database });
      return ['RDS-EVENT-0005'];
    });
  }

  /** Makes a read replica an instance of its own; it restarts as one ("Promoting a read replica to be a standalone DB instance"). */
  promote(replica: Instance, backupDays: number): void {
    this.#transition(replica, 'modifying', 'available', async () => {
      await replica.database?.promote();
      this.#forget(replica);
      replica.backupDays = backupDays;
      return ['RDS-EVENT-0006', 'RDS-EVENT-0045'];
    });
  }

  /** Ends or takes up again what is replicated between regions, by which of them are cut off. */
  async sever(): Promise<void> {
    const { state } = this.#options;
    for (const replica of state.instances.values()) {
      const source = replica.replicaOf && named(state, replica.region, replica.replicaOf);
      if (!source || source.region === replica.region) continue;
      await replica.database?.sever([source.region, replica.region].some((region) => state.cutOff.has(region)));
    }
  }

  /** The source doesn't count it any more. */
  #forget(replica: Instance): void {
    const { state } = this.#options;
    const source = replica.replicaOf && named(state, replica.region, replica.replicaOf);
    if (source) source.replicas.delete(nameIn(source.region, replica));
    replica.replicaOf = undefined;
  }

  /** Empty, from a base backup, or as another one's read replica. */
  async #open(
    instance: Instance,
    password: string,
    begins: Pick<DatabaseOptions, 'from' | 'follows' | 'recovery'> = {},
  ): Promise<void> {
    const { world, database, mayConnect, keepsLog } = this.#options;
    const { region, resourceId } = instance;
    // Part of a socket's path, which may have about 100 characters.
    const name = `${instance.id.slice(0, 24)}-${resourceId.slice(3, 9).toLowerCase()}`;
    const { installation } = database;
    if (instance.backupDays > 0 && keepsLog(instance.id))
      instance.archive = await Archive.make(join(dataRoot(world, installation), 'archive', name), installation);
    instance.database = await openDatabase({
      world,
      ...database,
      name,
      region,
      master: { user: instance.masterUser, password, database: instance.databaseName },
      ...begins,
      slot: `${REPLICA_SLOTS}${region}_${resourceId.toLowerCase()}`.replaceAll('-', '_'),
      inherited: () => {
        const { left } = this.#options.state;
        const found = left.get(keyOf(region, instance.id));
        left.delete(keyOf(region, instance.id));
        return found;
      },
      settings: this.#settings(instance),
      iamEnabled: () => instance.iamEnabled,
      mayConnect: (login) => mayConnect({ ...login, region, resourceId }),
      forceSsl: () => valueIn(instance.group, 'rds.force_ssl') === '1',
    });
    this.#recoverFromCrashes(instance);
    if (instance.multiAz) await instance.database.addStandby();
    await instance.archive?.begin(instance.database, (error) => this.#log(instance.id, error));
  }

  /** It restarts under the new name, at another endpoint; its replicas stay its own ("Renaming a DB instance"). */
  rename(instance: Instance, id: string): void {
    const { instances, left } = this.#options.state;
    this.#transition(instance, 'renaming', 'available', async () => {
      const { id: earlier, region } = instance;
      const sourceOf = (each: Instance) =>
        each.replicaOf === undefined ? undefined : named(this.#options.state, each.region, each.replicaOf);
      const own = [...instances.values()].filter((each) => sourceOf(each) === instance);
      const source = sourceOf(instance);
      await this.#stopServer(instance);
      source?.replicas.delete(nameIn(source.region, instance));
      instances.delete(keyOf(region, earlier));
      Object.assign(instance, { id, arn: instance.arn.replace(/[^:]+$/, id) });
      instances.set(keyOf(region, id), instance);
      source?.replicas.add(nameIn(source.region, instance));
      for (const replica of own) replica.replicaOf = nameIn(replica.region, instance);
      if (instance.database) left.set(keyOf(region, earlier), await instance.database.move());
      await this.#startServer(instance);
      return ['RDS-EVENT-0006'];
    });
  }

  /** With `failover`, which the caller has checked to be possible, the standby takes over. */
  reboot(instance: Instance, failover: boolean): void {
    this.#transition(instance, 'rebooting', 'available', async () => {
      if (failover) return this.#failOver(instance);
      await this.#stopServer(instance);
      await this.#startServer(instance);
      return ['RDS-EVENT-0006'];
    });
  }

  /** The standby takes over; then the old primary's place is filled again, while the instance is in use. */
  async #failOver(instance: Instance): Promise<readonly InstanceEventId[]> {
    const { database } = instance;
    if (database && !database.inSync) return ['RDS-EVENT-0034'];
    await this.#tell(instance, 'RDS-EVENT-0013');
    await database?.failOver();
    await this.#tell(instance, 'RDS-EVENT-0004');
    [instance.zone, instance.secondaryZone] = [instance.secondaryZone, instance.zone];
    // Static parameters that waited for a restart take effect with this one.
    if (instance.pendingReboot && database) {
      await database.stop();
      await this.#startServer(instance);
    }
    if (database) this.#inBackground(instance.id, () => database.addStandby());
    return ['RDS-EVENT-0006', 'RDS-EVENT-0049'];
  }

  stop(instance: Instance): void {
    this.#transition(instance, 'stopping', 'stopped', async () => {
      await this.#stopServer(instance);
      return ['RDS-EVENT-0087'];
    });
  }

  start(instance: Instance): void {
    this.#transition(instance, 'starting', 'available', async () => {
      await this.#startServer(instance);
      return ['RDS-EVENT-0088'];
    });
  }

  /**
   * Applies what ModifyDBInstance asked for; a new class restarts the server. In a Multi-AZ deployment the standby gets it first and takes over
   * ("Failing over a Multi-AZ DB instance": an instance modification triggered a failover).
   */
  modify(instance: Instance, apply: () => Promise<readonly InstanceEventId[]>, restarts: boolean): void {
    this.#transition(instance, 'modifying', 'available', async () => {
      const events = await apply();
      if (!restarts) return events;
      if (instance.multiAz && instance.database?.inSync !== false)
        return [...(await this.#failOver(instance)), ...events];
      await this.#stopServer(instance);
      await this.#startServer(instance);
      return ['RDS-EVENT-0006', ...events];
    });
  }

  /** Copies the data; the instance goes on meanwhile ("Backing up, restoring, and exporting data", on short suspensions of a Single-AZ instance's I/O). */
  snapshot(instance: Instance, snapshot: Snapshot): void {
    this.#transition(instance, 'backing-up', 'available', async () => {
      await this.#tell(instance, 'RDS-EVENT-0001');
      await this.#tellOf(snapshot, 'RDS-EVENT-0040');
      try {
        await this.#snapshots.fill(snapshot, instance.database);
        return ['RDS-EVENT-0002'];
      } catch (error) {
        // The snapshot failed; the instance is as it was, and a server that died meanwhile is started again.
        this.#log(snapshot.id, error);
        if (instance.database?.server.state === 'crashed') await this.#startServer(instance);
        return [];
      }
    });
  }

  /** Copies a snapshot, also into another region. */
  copySnapshot(from: Snapshot, to: Snapshot): void {
    this.#inBackground(to.id, () => this.#snapshots.copy(from, to));
  }

  hasBucket({ region, bucket }: ExportTask): Promise<boolean> {
    return this.#options.objects?.hasBucket(region, bucket) ?? Promise.resolve(false);
  }

  /** Reads a server that is started from the snapshot for this alone, and writes what is in it to S3. */
  export(snapshot: Snapshot, task: ExportTask): void {
    this.#inBackground(task.id, async () => {
      const { objects, transitionMs } = this.#options;
      const leastTime = sleep(this.#stopped ? 0 : transitionMs);
      task.startedAt = new Date();
      try {
        if (!objects) throw new Error('the local world has nowhere to write exports to');
        const scratch = snapshot.folder ? await this.#scratch(snapshot, task) : undefined;
        try {
          task.status = 'IN_PROGRESS';
          await Promise.all([writeExport(objects, task, snapshot, scratch?.server), leastTime]);
        } finally {
          await scratch?.remove();
        }
        Object.assign(task, { status: 'COMPLETE', percentProgress: 100 });
      } catch (error) {
        task.failure = error instanceof Error ? error.message : String(error);
        task.status = 'FAILED';
        this.#log(task.id, error);
      }
      task.endedAt = new Date();
    });
  }

  /** A server that nobody logs in to. */
  #scratch({ of, folder = '' }: Snapshot, { id, region }: ExportTask): Promise<Database> {
    const { world, database, settings } = this.#options;
    const master = { user: of.masterUser, password: '', database: of.databaseName };
    return openDatabase({
      ...{ world, ...database, name: `export-${id.slice(-20)}`, region, master, from: folder, settings },
      ...{ iamEnabled: () => false, mayConnect: () => false, forceSsl: () => true },
    });
  }

  removeSnapshot(snapshot: Snapshot): void {
    this.#inBackground(snapshot.id, () => this.#snapshots.remove(snapshot));
  }

  /** A new instance from a snapshot's data. One that no server starts from ends as `failed`. */
  restore(instance: Instance, snapshot: Snapshot): void {
    this.#transition(instance, 'creating', 'available', async () => {
      const { id } = snapshot;
      if (snapshot.folder) await this.#open(instance, '', { from: snapshot.folder });
      await this.#tell(instance, 'RDS-EVENT-0043', ` ${id}`);
      return [];
    });
  }

  /** A new instance as another one was at a moment, or as late as possible. One that can't be recovered ends as `incompatible-restore`. */
  restoreToTime(instance: Instance, source: Instance, at: Date | undefined): void {
    const work = async (): Promise<readonly InstanceEventId[]> => {
      if (source.archive) {
        if (source.database && source.status === 'available') await source.archive.ship(source.database);
        await this.#open(instance, '', source.archive.recovery(at));
      }
      await this.#tell(instance, 'RDS-EVENT-0019', ` ${source.id} to ${instance.id}`);
      return [];
    };
    this.#transition(instance, 'creating', 'available', work, 'incompatible-restore');
  }

  delete(instance: Instance, last: Snapshot | undefined): void {
    this.#transition(instance, 'deleting', 'deleting', async () => {
      if (last) await this.#snapshots.fill(last, instance.database);
      instance.archive?.end();
      await instance.database?.remove();
      this.#forget(instance);
      // "Deleting a DB instance": its replicas in the region go on as instances of their own.
      for (const name of instance.replicas) {
        const replica = named(this.#options.state, instance.region, name);
        if (replica) replica.replicaOf = undefined;
      }
      await instance.archive?.remove();
      this.#options.state.instances.delete(keyOf(instance.region, instance.id));
      return ['RDS-EVENT-0003'];
    });
  }

  /** Dynamic parameters take effect at once, static ones wait for a reboot. */
  async parametersChanged(instance: Instance): Promise<void> {
    if (instance.database?.server.state === 'running') await instance.database.reload(this.#settings(instance));
  }

  /** Waits for what is under way, then closes every database. */
  async close(): Promise<void> {
    this.#stopped = true;
    for (const { archive } of this.#options.state.instances.values()) archive?.end();
    await Promise.all(this.#running);
    for (const server of this.#options.state.left.values()) server.close();
    await Promise.all([...this.#options.state.instances.values()].map(({ database }) => database?.close()));
  }

  #settings(instance: Instance): Settings {
    return { ...settingsOf(instance.group, this.#options.settings), ...instance.archive?.settings };
  }

  async #stopServer(instance: Instance): Promise<void> {
    await instance.database?.stop();
    instance.database?.door.dropAll();
    await this.#tell(instance, 'RDS-EVENT-0004');
  }

  async #startServer(instance: Instance): Promise<void> {
    await instance.database?.start(this.#settings(instance));
    instance.pendingReboot = false;
  }

  #transition(
    instance: Instance,
    meanwhile: Status,
    then: Status,
    work: () => Promise<readonly InstanceEventId[]>,
    failed: Status = 'failed',
  ): void {
    instance.status = meanwhile;
    const done = this.#run(instance, then, work, failed).finally(() => this.#running.delete(done));
    this.#running.add(done);
  }

  async #run(
    instance: Instance,
    then: Status,
    work: () => Promise<readonly InstanceEventId[]>,
    failed: Status,
  ): Promise<void> {
    try {
      const leastTime = sleep(this.#stopped ? 0 : this.#options.transitionMs);
      const [events] = await Promise.all([work(), leastTime]);
      instance.status = then;
      for (const event of events) await this.#tell(instance, event);
    } catch (error) {
      // AWS's status for what can't be recovered; the log says what a person at AWS would see.
      instance.status = failed;
      this.#log(instance.id, error);
    }
  }

  /** RDS restarts a server that died, or has the standby take over. */
  #recoverFromCrashes(instance: Instance): void {
    instance.database?.onCrash(() => {
      if (this.#stopped || instance.status !== 'available') return;
      this.reboot(instance, instance.database?.inSync === true);
    });
  }

  /** Goes on while the instance is in use. */
  #inBackground(id: string, work: () => Promise<void>): void {
    const done: Promise<void> = work()
      .catch((error) => this.#log(id, error))
      .finally(() => this.#running.delete(done));
    this.#running.add(done);
  }

  #log(id: string, error: unknown): void {
    const what = error instanceof Error ? error.message : String(error);
    this.#options.world.log('rds', `${id} failed: ${what}`);
  }

  #tell(instance: Instance, event: InstanceEventId, more = ''): Promise<void> {
    const { events, state } = this.#options;
    return this.#bestEffort(instance.id, event, () => tell(events, state.events, instance, event, more));
  }

  #tellOf(snapshot: Snapshot, event: SnapshotEventId): Promise<void> {
    const { events, state } = this.#options;
    return this.#bestEffort(snapshot.id, event, () => tellOfSnapshot(events, state.events, snapshot, event));
  }

  /** Delivery is best effort on AWS too; it is not the instance's failure. */
  async #bestEffort(id: string, event: string, publish: () => Promise<void>): Promise<void> {
    try {
      await publish();
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#options.world.log('rds', `${id}: ${event} not published: ${why}`);
    }
  }
}
