/**
 * One server, or in a Multi-AZ deployment two: the standby has every committed transaction before the commit is answered, and can't be read from
 * outside. "Multi-AZ DB instance deployments for Amazon RDS" (Amazon RDS User Guide). On RDS volumes are mirrored; here it is synchronous streaming
 * replication (PostgreSQL documentation, "Log-Shipping Standby Servers"), so a failover loses nothing that was committed, and everything else.
 */
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { baseBackup } from '../../postgres/base-backup.ts';
import { PostgresError } from '../../postgres/errors.ts';
import { type PostgresServer, type ServerOptions, type Settings, signal, startServer } from '../../postgres/server.ts';
import { SERVER_USER } from '../../postgres/template.ts';
import type { WorldContext } from '../../world/types.ts';

const STANDBY = 'standby';
const REPLICA = 'replica';
/** RDS's slots of read replicas are named `rds_<region>_db_<resource id>`. */
export const REPLICA_SLOTS = 'rds_';
/** Commits wait for the standby; without one they are answered as fast as the local world likes it. */
const IN_SYNC: Settings = { synchronous_standby_names: STANDBY, synchronous_commit: 'on' };
const IN_SYNC_WITHIN_MS = 20_000;
const PROMOTED_WITHIN_SECONDS = 20;
const LET_GO_WITHIN_MS = 20_000;

export class Pair {
  readonly #world: WorldContext;
  readonly #options: Omit<ServerOptions, 'settings' | 'dataDir' | 'recovery'>;
  #settings: Settings;
  /** What the servers run with, as far as it takes a start; `#settings` may be ahead of it. */
  #startedWith: Settings;
  #primary: PostgresServer;
  #standby: PostgresServer | undefined;
  /** Set from the moment when the standby has everything. */
  #inSync = false;
  /** How many servers there were: part of their folders' names. */
  #servers = 1;
  readonly #crashed = new Set<() => void>();
  /** Whom it follows while it is a read replica, and by which slot there. */
  #followed: { readonly pair: Pair; readonly slot: string } | undefined;
  /** It can't reach whom it follows. */
  #isSevered = false;
  readonly #followers = new Set<Pair>();
  /** Changes of who is who happen one after another. */
  #last: Promise<unknown> = Promise.resolve();

  private constructor(world: WorldContext, options: ServerOptions, primary: PostgresServer) {
    const { settings, recovery: _over, ...rest } = options;
    this.#world = world;
    this.#options = rest;
    this.#settings = settings;
    this.#startedWith = settings;
    this.#primary = primary;
    this.#watch(primary);
  }

  /** Starts one server; `attach` makes it two. @throws PostgresError */
  static async open(world: WorldContext, options: ServerOptions): Promise<Pair> {
    const primary = await startServer(world, options);
    // A standby or the next start has nothing to recover.
    if (options.recovery) await primary.reload(options.settings);
    return new Pair(world, options, primary);
  }

  /**
   * Starts a server that follows another one's primary, later by what the network and its own work take, and can be read from: a read replica
   * ("Working with read replicas for Amazon RDS for PostgreSQL"). @param slot its name there. @throws PostgresError
   */
  static follow(world: WorldContext, options: ServerOptions, source: Pair, slot: string): Promise<Pair> {
    return source.#alone(async () => {
      const dataDir = join(dirname(source.#primary.dataDir), options.name);
      await baseBackup(source.#primary, dataDir, options.installation, slot);
      await signal(dataDir, 'standby.signal', options.installation);
      const settings = { ...options.settings, ...following(source.#primary, REPLICA, slot) };
      const replica = new Pair(world, options, await startServer(world, { ...options, dataDir, settings }));
      replica.#followed = { pair: source, slot };
      source.#followers.add(replica);
      return replica;
    });
  }

  /** Whether it follows another one, and so can only be read from. */
  get isReplica(): boolean {
    return this.#followed !== undefined;
  }

  /** Makes a read replica a database of its own. @throws PostgresError */
  promote(): Promise<void> {
    return this.#alone(async () => {
      if (!this.#followed) return;
      await query(this.#primary, 'SELECT pg_promote(true, $1)', [PROMOTED_WITHIN_SECONDS]);
      await this.#leave();
      await this.#primary.reload(this.#forPrimary());
    });
  }

  /**
   * Whether the network between a read replica and its source is cut. Nothing comes then, and a promotion can't tell the source of it: its slot keeps
   * the write-ahead log there, as on RDS, until somebody drops it. An empty primary_conninfo ends the receiver (PostgreSQL documentation, "Replication").
   */
  sever(isSevered: boolean): Promise<void> {
    return this.#alone(async () => {
      if (this.#isSevered === isSevered) return;
      this.#isSevered = isSevered;
      if (this.#primary.state !== 'running') return;
      await this.#primary.reload(this.#forPrimary());
      if (isSevered && this.#followed) await this.#untilAlone();
    });
  }

  /** The receiver ends a moment after the reload: what is written at the source until then would still come. */
  async #untilAlone(): Promise<void> {
    for (const until = Date.now() + LET_GO_WITHIN_MS; Date.now() < until; await sleep(20))
      if ((await query(this.#primary, 'SELECT FROM pg_stat_wal_receiver', [])).length === 0) return;
    throw new PostgresError(`${this.#options.name}: still followed its source after ${LET_GO_WITHIN_MS} ms`);
  }

  /** Nobody is followed any more, and the slot that nobody uses, which would keep the write-ahead log for ever, is dropped. */
  async #leave(): Promise<void> {
    const followed = this.#followed;
    this.#followed = undefined;
    if (!followed) return;
    const { pair, slot } = followed;
    pair.#followers.delete(this);
    if (pair.#primary.state === 'running' && !this.#isSevered) await dropSlot(pair.#primary, slot);
  }

  /** Goes on behind the server that its source's standby has become. */
  async #followOn(): Promise<void> {
    if (!this.#followed) return;
    const { pair, slot } = this.#followed;
    await query(pair.#primary, 'SELECT pg_create_physical_replication_slot($1, true)', [slot]);
    await this.#primary.reload(this.#forPrimary());
  }

  get primary(): PostgresServer {
    return this.#primary;
  }

  /** Whether a failover would find a standby that has everything. */
  get inSync(): boolean {
    return this.#inSync && this.#standby?.state === 'running' && this.#primary.state !== 'starting';
  }

  /** Called when the server that is in use ends without having been told to. */
  onCrash(listener: () => void): void {
    this.#crashed.add(listener);
  }

  /** Makes a standby and waits until it has everything. Nothing when there is one. @throws PostgresError */
  attach(): Promise<void> {
    return this.#alone(async () => {
      if (this.#standby) return;
      const standby = await this.#makeStandby();
      this.#standby = standby;
      standby.onCrash(() => void this.#lose(standby));
      await this.#primary.reload({ ...this.#settings, ...IN_SYNC });
      await this.#untilInSync();
      this.#inSync = true;
    });
  }

  /** Copies the primary's data, from which another server starts, into `folder`, which must not exist. @throws PostgresError */
  backUp(folder: string): Promise<void> {
    return this.#alone(() => baseBackup(this.#primary, folder, this.#options.installation));
  }

  /** Takes the standby away, if there is one. */
  detach(): Promise<void> {
    return this.#alone(() => this.#dropStandby());
  }

  /** Ends the primary at once, as a lost host would, and promotes the standby. @throws PostgresError when none has everything. */
  failOver(): Promise<void> {
    return this.#alone(async () => {
      const [old, next] = [this.#primary, this.#standby];
      if (!next || !this.inSync) throw new PostgresError(`${this.#options.name} has no standby that is in sync`);
      this.#inSync = false;
      this.#standby = undefined;
      await old.stop('immediate');
      await query(next, 'SELECT pg_promote(true, $1)', [PROMOTED_WITHIN_SECONDS]);
      this.#primary = next;
      this.#watch(next);
      await next.reload(this.#settings);
      for (const follower of this.#followers) await follower.#followOn();
      await rm(old.dataDir, { recursive: true, force: true });
    });
  }

  /** Settings that a running server can take; the others wait for `start`. */
  reload(settings: Settings): Promise<void> {
    return this.#alone(async () => {
      this.#settings = settings;
      if (this.#primary.state === 'running') await this.#primary.reload(this.#forPrimary());
    });
  }

  stop(): Promise<void> {
    return this.#alone(async () => {
      await this.#primary.stop('fast');
      await this.#standby?.stop('fast');
    });
  }

  /** Starts what was stopped. With other settings than before the standby, which must have the same, is made anew. */
  start(settings: Settings): Promise<void> {
    return this.#alone(async () => {
      const isSame = JSON.stringify(settings) === JSON.stringify(this.#startedWith);
      this.#settings = settings;
      this.#startedWith = settings;
      const hadStandby = this.#standby !== undefined;
      if (!isSame) await this.#dropStandby();
      if (this.#standby?.state === 'stopped') await this.#standby.start();
      await this.#primary.start(this.#forPrimary());
      if (hadStandby && !isSame) void this.attach().catch((error) => this.#log(`no standby: ${String(error)}`));
    });
  }

  /** Stops both and removes their data. */
  async remove(): Promise<void> {
    // "Deleting a DB instance": replicas of one that is deleted in the same region are promoted.
    for (const follower of [...this.#followers]) await follower.promote();
    await this.stop();
    await this.#leave();
    await this.detach();
    await rm(this.#primary.dataDir, { recursive: true, force: true });
  }

  #forPrimary(): Settings {
    return {
      ...this.#settings,
      ...(this.#standby && IN_SYNC),
      ...(this.#followed && following(this.#followed.pair.#primary, REPLICA, this.#followed.slot)),
      ...(this.#followed && this.#isSevered && { primary_conninfo: '' }),
    };
  }

  async #makeStandby(): Promise<PostgresServer> {
    this.#servers += 1;
    const name = `${this.#options.name}-${this.#servers}`;
    const slot = `standby_${this.#servers}`;
    const dataDir = join(dirname(this.#primary.dataDir), name);
    const { installation } = this.#options;
    await baseBackup(this.#primary, dataDir, installation, slot);
    await signal(dataDir, 'standby.signal', installation);
    const settings: Settings = {
      ...this.#startedWith,
      ...following(this.#primary, STANDBY, slot),
    };
    return startServer(this.#world, { ...this.#options, name, dataDir, settings });
  }

  async #untilInSync(): Promise<void> {
    for (const until = Date.now() + IN_SYNC_WITHIN_MS; Date.now() < until; await sleep(20)) {
      const [row] = await query<{ found: boolean }>(
        this.#primary,
        `SELECT EXISTS (SELECT FROM pg_stat_replication WHERE application_name = $1 AND sync_state = 'sync') AS found`,
        [STANDBY],
      );
      if (row?.found) return;
    }
    await this.#dropStandby();
    throw new PostgresError(`${this.#options.name}: its standby was not in sync within ${IN_SYNC_WITHIN_MS} ms`);
  }

  async #dropStandby(): Promise<void> {
    const standby = this.#standby;
    this.#standby = undefined;
    this.#inSync = false;
    if (!standby) return;
    // First of all nobody may wait for it any more.
    if (this.#primary.state === 'running') await this.#primary.reload(this.#settings);
    await standby.stop('immediate');
    await rm(standby.dataDir, { recursive: true, force: true });
    if (this.#primary.state === 'running') await dropIdleSlots(this.#primary);
  }

  /** A standby that died is taken away, and another one made, as RDS does. */
  async #lose(standby: PostgresServer): Promise<void> {
    if (this.#standby !== standby) return;
    try {
      await this.detach();
      await this.attach();
    } catch (error) {
      this.#log(`standby not replaced: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  #watch(server: PostgresServer): void {
    server.onCrash(() => {
      if (server === this.#primary) for (const listener of this.#crashed) listener();
    });
  }

  #alone<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(work, work);
    this.#last = result.catch(() => undefined); // Whoever asked for it hears of its error.
    return result;
  }

  #log(line: string): void {
    this.#world.log('rds', `${this.#options.name}: ${line}`);
  }
}

/** Settings of a server that follows another one. */
const following = ({ socketPath }: PostgresServer, application: string, slot: string): Settings => ({
  primary_conninfo: `host=${dirname(socketPath)} port=5432 user=${SERVER_USER} application_name=${application}`,
  primary_slot_name: slot,
  wal_retrieve_retry_interval: '200ms',
});

/** A slot that nobody uses would keep the write-ahead log for ever. Replicas' own are dropped with them. */
const dropIdleSlots = (server: PostgresServer) =>
  query(
    server,
    'SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE NOT active AND NOT starts_with(slot_name, $1)',
    [REPLICA_SLOTS],
  );

/** Drops a slot once its standby has let go of it. @throws PostgresError */
async function dropSlot(server: PostgresServer, slot: string): Promise<void> {
  for (const until = Date.now() + LET_GO_WITHIN_MS; Date.now() < until; await sleep(20)) {
    await query(
      server,
      'SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1 AND NOT active',
      [slot],
    );
    const left = await query(server, 'SELECT FROM pg_replication_slots WHERE slot_name = $1', [slot]);
    if (left.length === 0) return;
  }
  throw new PostgresError(`replication slot ${slot} was in use after ${LET_GO_WITHIN_MS} ms`);
}

async function query<Row extends pg.QueryResultRow>(
  server: PostgresServer,
  sql: string,
  values: readonly unknown[],
): Promise<Row[]> {
  const client = new pg.Client(server.adminConfig());
  client.on('error', () => {}); // What goes wrong is reported by the statement that meets it.
  await client.connect();
  try {
    return (await client.query<Row>(sql, [...values])).rows;
  } finally {
    await client.end().catch(() => {}); // It has answered, or told why not.
  }
}
