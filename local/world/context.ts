/**
 * A world's life on this machine: its folder, its children, its log, and how all of it goes away again.
 */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { accessSync, constants, createWriteStream, mkdirSync, renameSync, rmSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { UsageError } from './errors.ts';
import { cleanLeftovers, removeFolder, temporaryFolder } from './leftovers.ts';
import {
  endMarked,
  isAlive,
  killMarked,
  type MarkedProcess,
  OWNER_VARIABLE,
  self,
  WORLD_VARIABLE,
} from './processes.ts';
import { readState, WORLDS_ROOT, type WorldState, writeState } from './state.ts';
import type { WorldContext } from './types.ts';

export interface OpenWorldOptions {
  /** Lower-case letters, digits and hyphens, up to 32. */
  readonly name: string;
  /** AWS's own long waits are multiplied by this; see `WorldContext.timeScale`. */
  readonly timeScale: number;
  readonly report: (line: string) => void;
  readonly region?: string;
  readonly standbyRegion?: string;
  /** Folder that holds worlds; tests use one of their own. */
  readonly root?: string;
}

export interface OpenWorld extends WorldContext {
  /** Adds to `world.json`, which the command line reads. */
  describe(facts: Partial<Pick<WorldState, 'phase' | 'endpoint' | 'tableName' | 'readyMs'>>): void;
  /** Whether `stop` was called: what ends now was meant to end. */
  readonly stopping: boolean;
  /** Kills every process of this world at once, without waiting: for a person who won't wait. The next start removes the folder. */
  kill(): void;
  /** Undoes everything in reverse order, ends what still runs and removes the folder. Called again, it returns the same promise. */
  stop(): Promise<void>;
}

/** How long one undo function may take before the next one is run anyway (its processes are ended by their marker afterwards). */
const UNDO_LIMIT_MS = 5_000;
const GRACE_MS = 1_500;

/**
 * Cleans up after killed worlds and opens a new one under its name.
 * @throws UsageError when the name is malformed, or a world of that name runs already (it says which pid).
 */
export async function openWorld(options: OpenWorldOptions): Promise<OpenWorld> {
  const { name, report, root = WORLDS_ROOT } = options;
  if (!/^[a-z][a-z0-9-]{0,31}$/.test(name))
    throw new UsageError(
      `world "${name}": expected lower-case letters, digits and hyphens, at most 32, a letter first`,
    );
  mkdirSync(root, { recursive: true });
  const cleaned = await cleanLeftovers(root);
  if (cleaned.pids.length > 0 || cleaned.folders.length > 0)
    report(`cleaned up after a killed world: ${cleaned.pids.length} processes, ${cleaned.folders.length} folders`);
  const state = claim(root, options);
  return new Opened(state);
}

/** Takes the name: the folder is made complete beside it and renamed into place, so one of two starters wins and nobody sees a half. */
function claim(root: string, options: OpenWorldOptions): WorldState {
  const dir = join(root, options.name);
  const owner = self();
  const state: WorldState = {
    version: 1,
    name: options.name,
    dir,
    pid: process.pid,
    owner,
    startedAt: new Date().toISOString(),
    phase: 'starting',
    region: options.region ?? 'us-east-1',
    standbyRegion: options.standbyRegion ?? 'us-west-2',
    timeScale: options.timeScale,
  };
  const opening = temporaryFolder(root, 'opening', owner, options.name);
  for (const folder of ['logs', 'tmp']) mkdirSync(join(opening, folder), { recursive: true });
  writeState(opening, state);
  try {
    renameSync(opening, dir);
    return state;
  } catch (error) {
    rmSync(opening, { recursive: true, force: true });
    const other = readState(dir);
    if (other && isAlive(other.owner))
      throw new UsageError(
        `world "${options.name}" is already running (pid ${other.pid}, since ${other.startedAt}): stop it, or choose another name with --world`,
      );
    throw error;
  }
}

class Opened implements OpenWorld {
  readonly name: string;
  readonly dir: string;
  readonly accountId = '000000000000';
  readonly region: string;
  readonly standbyRegion: string;
  readonly timeScale: number;
  #state: WorldState;
  #stopped: Promise<void> | undefined;
  readonly #undo: { what: string; undo: () => Promise<void> | void }[] = [];
  readonly #log;

  constructor(state: WorldState) {
    this.name = state.name;
    this.dir = state.dir;
    this.region = state.region;
    this.standbyRegion = state.standbyRegion;
    this.timeScale = state.timeScale;
    this.#state = state;
    this.#log = createWriteStream(join(state.dir, 'logs', 'world.log'), { flags: 'a' });
    // A full disk must not end the world, and there is nowhere left to write it down.
    this.#log.on('error', () => {});
  }

  get stopping(): boolean {
    return this.#stopped !== undefined;
  }

  spawn(command: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
    if (this.stopping) throw new Error(`world "${this.name}" is stopping: ${command} isn't started any more`);
    const env = {
      ...(options.env ?? process.env),
      // What a killed child leaves in its temporary folder goes away with the world.
      TMPDIR: join(this.dir, 'tmp'),
      [WORLD_VARIABLE]: this.dir,
      [OWNER_VARIABLE]: this.#state.owner,
    };
    const [program, programArgs] = diesWithUs(command, args);
    // A process group of its own: Ctrl-C in the terminal reaches only this process, which then ends its children in order.
    return spawn(program, programArgs, { detached: process.platform !== 'win32', ...options, env });
  }

  onStop(what: string, undo: () => Promise<void> | void): void {
    this.#undo.push({ what, undo });
  }

  log(part: string, line: string): void {
    if (!this.#log.writableEnded) this.#log.write(`${new Date().toISOString()} ${part}: ${line}\n`);
  }

  describe(facts: Parameters<OpenWorld['describe']>[0]): void {
    this.#state = { ...this.#state, ...facts };
    writeState(this.dir, this.#state);
  }

  kill(): void {
    killMarked((found) => this.#owns(found));
  }

  #owns({ owner, world }: MarkedProcess): boolean {
    return owner === this.#state.owner && world === this.dir;
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.describe({ phase: 'stopping' });
    for (const { what, undo } of this.#undo.reverse()) await this.#undoOne(what, undo);
    await endMarked((found) => this.#owns(found), GRACE_MS);
    await new Promise<void>((done) => this.#log.end(done));
    keepLogs(this.dir, this.name);
    await removeFolder(this.dir);
  }

  /** A part that fails to stop is written down and doesn't keep the others from stopping; its processes are ended by marker. */
  async #undoOne(what: string, undo: () => Promise<void> | void): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`not done after ${UNDO_LIMIT_MS} ms`)), UNDO_LIMIT_MS);
    });
    try {
      await Promise.race([(async () => undo())(), limit]);
    } catch (error) {
      this.log('world', `stopping ${what}: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** The last run's logs stay, in `<root>/../logs/<name>`: a world that failed must be explainable after it is gone. */
function keepLogs(dir: string, name: string): void {
  const kept = join(dir, '..', '..', 'logs', name);
  rmSync(kept, { recursive: true, force: true });
  mkdirSync(join(kept, '..'), { recursive: true });
  renameSync(join(dir, 'logs'), kept);
}

let setpriv: string | undefined | null = null;

/**
 * On Linux with util-linux's setpriv(1): the kernel ends the child when this process dies, however it dies (prctl(2), PR_SET_PDEATHSIG).
 * Elsewhere, and for grandchildren, the next start finds what is left by its marker.
 */
function diesWithUs(command: string, args: readonly string[]): [string, readonly string[]] {
  if (process.platform !== 'linux') return [command, args];
  if (setpriv === null) setpriv = inPath('setpriv');
  // A program that isn't there must fail as spawn says it does, not inside setpriv.
  if (!setpriv || !(command.includes('/') || inPath(command))) return [command, args];
  return [setpriv, ['--pdeathsig', 'KILL', '--', command, ...args]];
}

function inPath(program: string): string | undefined {
  const candidates = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, program));
  return candidates.find((candidate) => {
    try {
      accessSync(candidate, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
