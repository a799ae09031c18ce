/**
 * What a world leaves on disk for others to find: `<root>/<name>/world.json`. The command line reads it to reach a running world.
 */
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isAlive } from './processes.ts';

/** The repository's folder for worlds and caches; git-ignored. */
export const STATE_DIR = resolve(import.meta.dirname, '../../.nightshift');
export const WORLDS_ROOT = join(STATE_DIR, 'worlds');
export const CACHE_DIR = join(STATE_DIR, 'cache');

export interface WorldState {
  readonly version: 1;
  readonly name: string;
  readonly dir: string;
  readonly pid: number;
  /** `<pid>.<start>`, proof against reuse of the pid. */
  readonly owner: string;
  readonly startedAt: string;
  readonly phase: 'starting' | 'ready' | 'stopping';
  readonly region: string;
  readonly standbyRegion: string;
  readonly timeScale: number;
  /** The gateway's URL: where every AWS client is pointed. */
  readonly endpoint?: string;
  readonly tableName?: string;
  readonly readyMs?: number;
}

const fileOf = (dir: string): string => join(dir, 'world.json');

/** Writes `world.json` so that a reader sees the old or the new one, never a half. */
export function writeState(dir: string, state: WorldState): void {
  const temporary = `${fileOf(dir)}.${process.pid}.tmp`;
  writeFileSync(temporary, `${JSON.stringify(state, null, 2)}\n`);
  renameSync(temporary, fileOf(dir));
}

/** The state in `dir`, or `undefined` when there is none that can be read (the world was just removed, or never finished opening). */
export function readState(dir: string): WorldState | undefined {
  try {
    const state = JSON.parse(readFileSync(fileOf(dir), 'utf8')) as WorldState;
    return state.version === 1 ? state : undefined;
  } catch {
    return undefined;
  }
}

/** Folders under `root`, including those of worlds whose process is gone. */
export function worldFolders(root: string = WORLDS_ROOT): string[] {
  try {
    return readdirSync(root, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(root, entry.name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Worlds whose process is running now, by name. */
export function runningWorlds(root: string = WORLDS_ROOT): WorldState[] {
  return worldFolders(root)
    .flatMap((dir) => readState(dir) ?? [])
    .filter((state) => isAlive(state.owner))
    .sort((a, b) => a.name.localeCompare(b.name));
}
