/**
 * A data folder as initdb leaves it, made once for each version and user and copied for every server: initdb takes about half a second,
 * the copy a tenth of that. PostgreSQL documentation, "Creating a Database Cluster".
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PostgresError } from './errors.ts';
import type { Installation } from './installation.ts';

const run = promisify(execFile);

/** The server's own superuser, called as on RDS. It is only ever reached over the server's private socket. */
export const SERVER_USER = 'rdsadmin';

/** Segments of 1 MB: an idle demonstration server has 1 MB of write-ahead log instead of 16, which is most of what a copy copies. */
const INITDB_OPTIONS = [
  `--username=${SERVER_USER}`,
  '--auth=reject',
  '--encoding=UTF8',
  '--locale-provider=builtin',
  '--builtin-locale=C.UTF-8',
  '--locale=C',
  '--data-checksums',
  '--wal-segsize=1',
  '--no-sync',
  '--no-instructions',
];

/** At most one initdb in this process for each template. */
const making = new Map<string, Promise<string>>();

/**
 * Folder of the template, made when it isn't in `cacheDir` yet; safe when several processes make it at once.
 * @throws PostgresError with initdb's own words.
 */
export function template(installation: Installation, cacheDir: string): Promise<string> {
  const { version, identity } = installation;
  const options = createHash('sha256').update(INITDB_OPTIONS.join('\n')).digest('hex').slice(0, 8);
  const owner = identity ? `uid${identity.uid}` : `uid${process.getuid?.() ?? 0}`;
  const path = join(cacheDir, 'postgres', `${version}-${process.platform}-${process.arch}-${owner}-${options}`);
  if (existsSync(path)) return Promise.resolve(path);
  const made = making.get(path) ?? make(installation, path).finally(() => making.delete(path));
  making.set(path, made);
  return made;
}

async function make(installation: Installation, path: string): Promise<string> {
  // Made where the unprivileged user may write, then moved in one step, so that nobody copies half a template.
  const draft = join(installation.scratch, `template-${process.pid}-${Date.now()}`);
  await mkdir(draft, { mode: 0o700 });
  const { identity } = installation;
  if (identity) await chown(draft, identity.uid, identity.gid);
  try {
    await run(join(installation.root, 'bin', 'initdb'), ['--pgdata', draft, ...INITDB_OPTIONS], {
      cwd: installation.scratch,
      env: serverEnvironment(),
      ...identity,
    });
  } catch (cause) {
    throw new PostgresError(`initdb failed: ${cause instanceof Error ? cause.message.trim() : String(cause)}`, {
      cause,
    });
  }
  await mkdir(join(path, '..'), { recursive: true });
  const arriving = `${path}.${process.pid}.tmp`;
  await copyTree(draft, arriving);
  try {
    await rename(arriving, path);
  } catch (error) {
    // Another process was first: its template is as good.
    await rm(arriving, { recursive: true, force: true });
    if (!existsSync(path)) throw error;
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return path;
}

/** Copies a data folder with owners and modes, by cp(1): a thousand small files are an order faster than through the event loop. */
export async function copyTree(from: string, to: string): Promise<void> {
  await run('cp', ['-Rp', from, to]);
  // A data folder must be closed to others, else the server refuses to start.
  await chmod(to, 0o700);
}

/** Environment of the server's programs: messages in English for whoever reads them by program, and no client defaults of the user's. */
export function serverEnvironment(): NodeJS.ProcessEnv {
  const { PATH, TMPDIR, HOME } = process.env;
  return { ...(PATH && { PATH }), ...(TMPDIR && { TMPDIR }), ...(HOME && { HOME }), LC_ALL: 'C', TZ: 'UTC' };
}
