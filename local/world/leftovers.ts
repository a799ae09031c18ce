/** Cleaning up after worlds that were killed: their processes and folders, and nothing else. */
import { renameSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { endMarked, isAlive, startOf } from './processes.ts';
import { readState, WORLDS_ROOT, worldFolders } from './state.ts';

export interface Cleaned {
  readonly pids: readonly number[];
  readonly folders: readonly string[];
}

/**
 * Ends processes that carry the marker of a world under `root` whose owner is gone, then removes the folders of such worlds.
 * Safe while other worlds start, run or stop beside it: ownership is decided by pid and start time, never by a folder's name.
 */
export async function cleanLeftovers(root: string = WORLDS_ROOT): Promise<Cleaned> {
  const pids = await endMarked(({ world, owner }) => world.startsWith(root + sep) && !isAlive(owner), 0);
  const folders: string[] = [];
  for (const dir of worldFolders(root)) {
    if (!isAbandoned(dir)) continue;
    if (await removeFolder(dir)) folders.push(dir);
  }
  return { pids, folders };
}

/** Temporary folders are called `.<verb>-<pid>-<start>`; their owner is in the name, because they may have no world.json yet. */
function isAbandoned(dir: string): boolean {
  const temporary = /^\.(?:opening|removing)-(\d+)\.(.+?)~/.exec(basename(dir));
  if (temporary) return startOf(Number(temporary[1])) !== temporary[2];
  const state = readState(dir);
  return !state || !isAlive(state.owner);
}

/** Name of a folder that is being made or removed by `owner`. */
export const temporaryFolder = (root: string, verb: 'opening' | 'removing', owner: string, name: string): string =>
  join(root, `.${verb}-${owner}~${name}`);

/**
 * Takes a world's folder away: renamed first, so that the name is free at once and nobody sees half a world.
 * @returns false when somebody else took it away first.
 */
export async function removeFolder(dir: string): Promise<boolean> {
  const owner = `${process.pid}.${startOf(process.pid)}`;
  const name = basename(dir).replace(/^.*~/, '');
  const grave = temporaryFolder(dirname(dir), 'removing', owner, `${name}-${Date.now()}`);
  try {
    renameSync(dir, grave);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
  // Retries: a process that was just killed may still be creating a file.
  await rm(grave, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  return true;
}
