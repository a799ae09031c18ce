/** What stands behind a DB instance: a PostgreSQL server or a pair, the front door, and the supervisor's own connection. */
import type { Server } from 'node:net';
import pg from 'pg';
import type { Installation } from '../../postgres/installation.ts';
import type { PostgresServer, Settings } from '../../postgres/server.ts';
import { SERVER_USER } from '../../postgres/template.ts';
import type { WorldContext } from '../../world/types.ts';
import { accessRules, bootstrap, isIamLoginSql, type Master } from './bootstrap.ts';
import type { ServerCertificate } from './certificates.ts';
import { type FrontDoor, type FrontDoorOptions, openFrontDoor } from './front-door.ts';
import { Pair, REPLICA_SLOTS } from './pair.ts';

export interface DatabaseOptions {
  readonly world: WorldContext;
  readonly installation: Installation;
  readonly cacheDir: string;
  readonly certificate: ServerCertificate;
  /** Unique in the world: part of folder names. */
  readonly name: string;
  readonly region: string;
  readonly master: Master;
  /** A base backup to begin with; roles and databases are then those that are in it. */
  readonly from?: string | undefined;
  /** Whose read replica it is. */
  readonly follows?: Database | undefined;
  /** By which replication slot there. */
  readonly slot?: string | undefined;
  /** Set when the backup is to be recovered from archived logs first. */
  readonly recovery?: Settings | undefined;
  readonly settings: Settings;
  readonly iamEnabled: () => boolean;
  readonly forceSsl: () => boolean;
  readonly mayConnect: NonNullable<FrontDoorOptions['mayConnect']>;
  /** What listens at the endpoint of its name already, if anything does. */
  readonly inherited?: FrontDoorOptions['inherited'];
}

export interface Database {
  /** The server that is in use: another one after a failover. */
  readonly server: PostgresServer;
  readonly door: FrontDoor;
  /** Whether it is a read replica of another one. */
  readonly isReplica: boolean;
  /** Makes a read replica a database of its own. @throws PostgresError */
  promote(): Promise<void>;
  /** Whether a read replica can't reach its source: nothing more comes from there until it can again. */
  sever(isSevered: boolean): Promise<void>;
  /** Whether there is a standby that has everything that was committed. */
  readonly inSync: boolean;
  /** Makes a standby and waits until it has everything. @throws PostgresError */
  addStandby(): Promise<void>;
  removeStandby(): Promise<void>;
  /** Ends the server as a lost host would and goes on with the standby, behind the same door. @throws PostgresError without one in sync. */
  failOver(): Promise<void>;
  /** Copies the data as it is now into `folder`, which must not exist. @throws PostgresError */
  backUp(folder: string): Promise<void>;
  /** Called when the server that is in use ends without having been told to. */
  onCrash(listener: () => void): void;
  /** Has the running server read changed settings; those that need a restart wait for `start`. */
  reload(settings: Settings): Promise<void>;
  /** Runs one statement as the server's superuser, on a connection of the supervisor's own. @throws the driver's error. */
  query<Row extends pg.QueryResultRow>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Closes sessions and stops the server; the endpoint's port stays ours, and resets connections. */
  stop(): Promise<void>;
  start(settings: Settings): Promise<void>;
  /** Has another endpoint from now on. @returns what listens at the one that it had. */
  move(): Promise<Server>;
  /** Stops for good: the port is free again. */
  close(): Promise<void>;
  /** Closes, and removes the data. */
  remove(): Promise<void>;
}

/** Starts a server with the roles of a fresh instance, or with a backup's data, and its front door. @throws PostgresError */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const { world, name, master } = options;
  const source = options.follows && PAIRS.get(options.follows);
  const serverOptions = {
    installation: options.installation,
    name,
    cacheDir: options.cacheDir,
    settings: options.settings,
    hba: accessRules(master.user),
    ...(options.from && { from: options.from }),
    ...(options.recovery && { recovery: options.recovery }),
  };
  const pair = await (source
    ? Pair.follow(world, serverOptions, source, options.slot ?? `${REPLICA_SLOTS}${name}`.replaceAll('-', '_'))
    : Pair.open(world, serverOptions));
  const admin = new Admin(pair, (line) => world.log('rds', `${name}: ${line}`));
  if (!source && !options.from) await bootstrap((sql) => admin.query(sql), master);
  const openDoor = (inherited?: FrontDoorOptions['inherited']) =>
    openFrontDoor({
      region: options.region,
      certificate: options.certificate,
      internalLogins: [SERVER_USER],
      serverSocket: () => (pair.primary.state === 'running' ? pair.primary.socketPath : undefined),
      isIamLogin: async (user) =>
        (await admin.query<{ iam: boolean }>(isIamLoginSql, [user, master.user]))[0]?.iam === true,
      iamEnabled: options.iamEnabled,
      forceSsl: options.forceSsl,
      mayConnect: options.mayConnect,
      log: (line) => world.log('rds', `${name} front door: ${line}`),
      ...(inherited && { inherited }),
    });
  const database = databaseOf(pair, admin, await openDoor(options.inherited), openDoor);
  PAIRS.set(database, pair);
  return database;
}

/** What stands behind a database: a replica needs its source's. */
const PAIRS = new WeakMap<Database, Pair>();

function databaseOf(pair: Pair, admin: Admin, first: FrontDoor, openDoor: () => Promise<FrontDoor>): Database {
  let door = first;
  const stop = async () => {
    await admin.close();
    await pair.stop();
  };
  return {
    get server() {
      return pair.primary;
    },
    get inSync() {
      return pair.inSync;
    },
    get isReplica() {
      return pair.isReplica;
    },
    promote: () => pair.promote(),
    sever: (isSevered) => pair.sever(isSevered),
    get door() {
      return door;
    },
    async move() {
      const left = door;
      door = await openDoor();
      return left.leave();
    },
    query: (sql, values) => admin.query(sql, values),
    stop,
    start: (settings) => pair.start(settings),
    reload: (settings) => pair.reload(settings),
    onCrash: (listener) => pair.onCrash(listener),
    addStandby: () => pair.attach(),
    backUp: (folder) => pair.backUp(folder),
    removeStandby: () => pair.detach(),
    async failOver() {
      await admin.close();
      await pair.failOver();
      door.dropAll();
    },
    close: async () => {
      await Promise.all([door.close(), stop()]);
    },
    remove: async () => {
      await Promise.all([door.close(), admin.close()]);
      await pair.remove();
    },
  };
}

/** One connection, made when it is needed, and again after the server went away. */
class Admin {
  readonly #pair: Pair;
  readonly #log: (line: string) => void;
  #client: Promise<pg.Client> | undefined;
  /** Statements run one after another: a client takes one at a time. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(pair: Pair, log: (line: string) => void) {
    this.#pair = pair;
    this.#log = log;
  }

  query<Row extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = []): Promise<Row[]> {
    const run = () => this.#query<Row>(sql, values);
    const result = this.#last.then(run, run);
    this.#last = result;
    return result;
  }

  async #query<Row extends pg.QueryResultRow>(sql: string, values: readonly unknown[]): Promise<Row[]> {
    this.#client ??= this.#connect();
    const client = await this.#client;
    return (await client.query<Row>(sql, [...values])).rows;
  }

  async #connect(): Promise<pg.Client> {
    const client = new pg.Client(this.#pair.primary.adminConfig());
    const forget = () => {
      this.#client = undefined;
    };
    client.on('error', (error) => this.#log(`own connection: ${error.message}`));
    client.on('end', forget);
    try {
      await client.connect();
      return client;
    } catch (error) {
      forget();
      throw error;
    }
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    // It may never have connected, or be broken already: closing is all that is wanted.
    await client?.then((connected) => connected.end()).catch(() => {});
  }
}
