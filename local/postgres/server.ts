/**
 * One real PostgreSQL server as a child of the world. It listens on a Unix socket in a folder only its user (and root) can enter, never on TCP:
 * clients come through the front door (`local/stand-ins/rds/front-door.ts`), as they would come through RDS's.
 *
 * What restores, standbys and promotion will need is kept apart here: a server starts on whatever data folder it is given (`dataDir` that has a
 * PG_VERSION is used as it is), and all its settings are in one file that is rewritten before each start.
 */
import type { ChildProcess } from 'node:child_process';
import { createWriteStream, existsSync } from 'node:fs';
import { chown, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ClientConfig } from 'pg';
import type { WorldContext } from '../world/types.ts';
import { PostgresError } from './errors.ts';
import { canReach, type Installation } from './installation.ts';
import { copyTree, SERVER_USER, serverEnvironment, template } from './template.ts';

/** How sessions are treated: `smart` waits for them, `fast` ends them, `immediate` doesn't even write a checkpoint (a crash). */
export type StopMode = 'smart' | 'fast' | 'immediate';

/** Signals of pg_ctl's stop modes (PostgreSQL documentation, "Shutting Down the Server"). */
const STOP_SIGNALS = { smart: 'SIGTERM', fast: 'SIGINT', immediate: 'SIGQUIT' } as const;

export type ServerState = 'stopped' | 'starting' | 'running' | 'stopping' | 'crashed';

/** Settings of postgresql.conf by name; numbers and booleans are written as they are. */
export type Settings = Readonly<Record<string, string | number | boolean>>;

export interface ServerOptions {
  readonly installation: Installation;
  /** Appears in the log and in folder names: lower-case letters, digits and hyphens. */
  readonly name: string;
  /** Git-ignored folder where the initdb template is kept between worlds. */
  readonly cacheDir: string;
  /** Where the data is or will be; by default a folder of the world's. */
  readonly dataDir?: string;
  /** A base backup to begin with, instead of an empty database. */
  readonly from?: string;
  /** Set when what it begins with is to be recovered from archived logs: settings for that first start. */
  readonly recovery?: Settings;
  readonly settings: Settings;
  /** Lines of pg_hba.conf, in order; the server's own superuser is always admitted on the private socket, before them. */
  readonly hba: readonly string[];
}

export interface PostgresServer {
  readonly dataDir: string;
  /** The server's socket: what the front door connects to. */
  readonly socketPath: string;
  readonly state: ServerState;
  /** Process id of the postmaster while it runs. */
  readonly pid: number | undefined;
  /** Starts a server that isn't running, with new settings when given. @throws PostgresError with the server's last words. */
  start(settings?: Settings): Promise<void>;
  /** Resolves when the process is gone; after ten seconds it is stopped the hard way (immediate, then SIGKILL). */
  stop(mode?: StopMode): Promise<void>;
  restart(mode?: StopMode, settings?: Settings): Promise<void>;
  /** Has a running server read changed settings; those that need a restart are only written down. */
  reload(settings: Settings): Promise<void>;
  /** Called when the server ends without having been told to. */
  onCrash(listener: (how: string) => void): () => void;
  /** Called with each line of the server's log. */
  onLogLine(listener: (line: string) => void): () => void;
  /** For `pg`: the server's own superuser over the private socket. */
  adminConfig(database?: string): ClientConfig;
}

/** The port is only a part of the socket's name: servers don't share folders. */
const SOCKET_PORT = 5432;
const START_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 10_000;
const LAST_LINES = 12;

/**
 * Makes the data folder if it is new, and starts the server on it; it is stopped with the world.
 * @throws PostgresError when initdb or the server refuses, with its own words.
 */
export async function startServer(world: WorldContext, options: ServerOptions): Promise<PostgresServer> {
  const server = await Server.prepare(world, options);
  world.onStop(`PostgreSQL server ${options.name}`, () => server.stop('fast'));
  try {
    await server.start({ ...options.settings, ...options.recovery });
  } catch (error) {
    // What can't be restored leaves nothing behind: the backup itself is untouched.
    if (options.from) await rm(server.dataDir, { recursive: true, force: true });
    throw error;
  }
  return server;
}

class Server implements PostgresServer {
  readonly dataDir: string;
  readonly socketPath: string;
  state: ServerState = 'stopped';
  readonly #world: WorldContext;
  readonly #options: ServerOptions;
  readonly #socketDir: string;
  #settings: Settings;
  #child: ChildProcess | undefined;
  #gone: Promise<void> = Promise.resolve();
  readonly #crashed = new Set<(how: string) => void>();
  readonly #lines = new Set<(line: string) => void>();
  readonly #lastLines: string[] = [];

  private constructor(world: WorldContext, options: ServerOptions, dataDir: string, socketDir: string) {
    this.#world = world;
    this.#options = options;
    this.#settings = options.settings;
    this.dataDir = dataDir;
    this.#socketDir = socketDir;
    this.socketPath = join(socketDir, `.s.PGSQL.${SOCKET_PORT}`);
  }

  static async prepare(world: WorldContext, options: ServerOptions): Promise<Server> {
    const { installation, name } = options;
    const dataDir = options.dataDir ?? join(dataRoot(world, installation), name);
    const socketDir = join(installation.scratch, `socket-${name}`);
    await mkdir(socketDir, { recursive: true, mode: 0o700 });
    if (installation.identity) await chown(socketDir, installation.identity.uid, installation.identity.gid);
    if (!existsSync(join(dataDir, 'PG_VERSION'))) {
      await mkdir(dirname(dataDir), { recursive: true, mode: 0o711 });
      await copyTree(options.from ?? (await template(installation, options.cacheDir)), dataDir);
      if (options.recovery) await signal(dataDir, 'recovery.signal', installation);
    }
    return new Server(world, options, dataDir, socketDir);
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  async start(settings: Settings = this.#settings): Promise<void> {
    if (this.state !== 'stopped' && this.state !== 'crashed')
      throw new PostgresError(`PostgreSQL server ${this.#options.name} is ${this.state}: it can't be started now`);
    this.state = 'starting';
    this.#settings = settings;
    await this.#writeConfiguration();
    const { installation } = this.#options;
    const child = this.#world.spawn(join(installation.root, 'bin', 'postgres'), ['-D', this.dataDir], {
      cwd: installation.scratch,
      env: serverEnvironment(),
      stdio: ['ignore', 'pipe', 'pipe'],
      ...installation.identity,
    });
    this.#child = child;
    await this.#untilReady(child);
    this.state = 'running';
  }

  async stop(mode: StopMode = 'fast'): Promise<void> {
    if (!this.#child) return this.#gone;
    this.state = 'stopping';
    this.#child.kill(STOP_SIGNALS[mode]);
    // One that was halted (SIGSTOP: a server that hangs) hears of nothing else.
    this.#child.kill('SIGCONT');
    if (await settles(this.#gone, STOP_LIMIT_MS)) return;
    this.#world.log('postgres', `${this.#options.name}: still there after a ${mode} stop, stopped hard`);
    this.#child?.kill(STOP_SIGNALS.immediate);
    if (!(await settles(this.#gone, STOP_LIMIT_MS))) this.#child?.kill('SIGKILL');
    await this.#gone;
  }

  async restart(mode: StopMode = 'fast', settings: Settings = this.#settings): Promise<void> {
    await this.stop(mode);
    await this.start(settings);
  }

  async reload(settings: Settings): Promise<void> {
    this.#settings = settings;
    await this.#writeConfiguration();
    this.#child?.kill('SIGHUP');
  }

  onCrash(listener: (how: string) => void): () => void {
    this.#crashed.add(listener);
    return () => this.#crashed.delete(listener);
  }

  onLogLine(listener: (line: string) => void): () => void {
    this.#lines.add(listener);
    return () => this.#lines.delete(listener);
  }

  adminConfig(database = 'postgres'): ClientConfig {
    return {
      host: this.#socketDir,
      port: SOCKET_PORT,
      user: SERVER_USER,
      database,
      application_name: SERVER_USER,
      password: '',
    };
  }

  async #writeConfiguration(): Promise<void> {
    const settings: Settings = {
      ...this.#settings,
      listen_addresses: '',
      unix_socket_directories: this.#socketDir,
      unix_socket_permissions: '0700',
      port: SOCKET_PORT,
      log_destination: 'stderr',
      logging_collector: false,
      log_line_prefix: '%m [%p] %q%u@%d ',
    };
    const hba = [`local all ${SERVER_USER} trust`, `local replication ${SERVER_USER} trust`, ...this.#options.hba];
    await this.#write('postgresql.conf', configurationText(settings));
    await this.#write('pg_hba.conf', `${hba.join('\n')}\n`);
  }

  async #write(name: string, text: string): Promise<void> {
    const path = join(this.dataDir, name);
    await writeFile(path, text, { mode: 0o600 });
    const { identity } = this.#options.installation;
    if (identity) await chown(path, identity.uid, identity.gid);
  }

  #untilReady(child: ChildProcess): Promise<void> {
    return new Promise((resolve, reject) => {
      const limit = setTimeout(() => {
        child.kill('SIGKILL');
        this.#fail(reject, `wasn't ready after ${START_LIMIT_MS} ms`);
      }, START_LIMIT_MS);
      const stopListening = this.onLogLine((line) => {
        if (!line.includes('database system is ready to accept')) return;
        clearTimeout(limit);
        stopListening();
        resolve();
      });
      this.#gone = new Promise((gone) => {
        const ended = (how: string) => {
          clearTimeout(limit);
          stopListening();
          this.#ended(how);
          this.#fail(reject, `ended while starting (${how})`);
          gone();
        };
        child.once('error', (error) => ended(error.message));
        // `close`, not `exit`: by then its last words have arrived.
        child.once('close', (code, signal) => ended(signal ?? `exit code ${code}`));
      });
      this.#readLog(child);
    });
  }

  #fail(reject: (error: Error) => void, how: string): void {
    reject(new PostgresError(`PostgreSQL server ${this.#options.name} ${how}:\n${this.#lastLines.join('\n')}`));
  }

  #ended(how: string): void {
    const told = this.state === 'stopping';
    const wasRunning = this.state === 'running';
    this.#child = undefined;
    this.state = told ? 'stopped' : 'crashed';
    this.#world.log('postgres', `${this.#options.name}: ${told ? 'stopped' : 'CRASHED'} (${how})`);
    if (wasRunning) for (const listener of this.#crashed) listener(how);
  }

  #readLog(child: ChildProcess): void {
    const file = createWriteStream(join(this.#world.dir, 'logs', `postgres-${this.#options.name}.log`), { flags: 'a' });
    // The log is a convenience: a full disk, or a folder removed at the world's end, must not end the supervisor.
    file.on('error', () => {});
    let rest = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      file.write(text);
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#line(line);
    });
    child.once('close', () => file.end());
  }

  #line(line: string): void {
    this.#lastLines.push(line);
    if (this.#lastLines.length > LAST_LINES) this.#lastLines.shift();
    for (const listener of this.#lines) listener(line);
  }
}

/** An empty file by this name has a server recover from archived logs, or follow another, when it starts. */
export async function signal(
  dataDir: string,
  name: 'recovery.signal' | 'standby.signal',
  { identity }: Pick<Installation, 'identity'>,
): Promise<void> {
  const path = join(dataDir, name);
  await writeFile(path, '', { mode: 0o600 });
  if (identity) await chown(path, identity.uid, identity.gid);
}

/** The world's folder when the server's user can get there, else our folder in the system's temporary one. */
export function dataRoot(world: WorldContext, installation: Installation): string {
  return canReach(world.dir, installation.identity) ? join(world.dir, 'postgres') : join(installation.scratch, 'data');
}

/** Text of postgresql.conf. @throws PostgresError when a name isn't a setting's name (it would become another line). */
export function configurationText(settings: Settings): string {
  const lines = Object.entries(settings).map(([name, value]) => {
    if (!/^[a-z_][a-z0-9_.]*$/.test(name)) throw new PostgresError(`"${name}" isn't the name of a PostgreSQL setting`);
    if (/[\n\r\0]/.test(String(value))) throw new PostgresError(`the value of "${name}" has a line break`);
    return `${name} = '${String(value).replaceAll("'", "''").replaceAll('\\', '\\\\')}'`;
  });
  return `${lines.join('\n')}\n`;
}

/** Whether `promise` settles within the limit. */
async function settles(promise: Promise<void>, limitMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<false>((done) => {
    timer = setTimeout(done, limitMs, false);
  });
  try {
    return await Promise.race([promise.then(() => true as const), limit]);
  } finally {
    clearTimeout(timer);
  }
}
