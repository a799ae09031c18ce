/**
 * A copy of a running server's data, from which another server starts: a standby, or a restored instance. PostgreSQL documentation, "Continuous
 * Archiving and Point-in-Time Recovery (PITR)": Making a Base Backup Using the Low Level API.
 */
import { execFile } from 'node:child_process';
import { chmod, chown, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { PostgresError } from './errors.ts';
import type { Installation } from './installation.ts';
import type { PostgresServer } from './server.ts';
import { serverEnvironment } from './template.ts';

const run = promisify(execFile);

/** What belongs to the running server and not to its data. */
const NOT_COPIED = ['postmaster.pid', 'postmaster.opts', 'standby.signal', 'recovery.signal'];

/**
 * Copies the data of a running server into `folder`, which must not exist. The copy starts as a server of its own, with everything that was
 * committed when this resolved; with `slot` the write-ahead log is kept from the copy on, until a standby asks for it by that name.
 * @throws PostgresError, or the driver's error.
 */
export async function baseBackup(
  from: PostgresServer,
  folder: string,
  { identity }: Pick<Installation, 'identity'>,
  slot?: string,
): Promise<void> {
  const client = new pg.Client(from.adminConfig());
  client.on('error', () => {}); // What goes wrong is reported by the statement that meets it.
  await client.connect();
  const kept = slot ?? `backup_${process.pid}_${Date.now()}`;
  try {
    // Kept log: without it a checkpoint in the middle could recycle what the copy needs.
    await client.query('SELECT pg_create_physical_replication_slot($1, true)', [kept]);
    await client.query(`SELECT pg_backup_start('nightshift', true)`);
    await copyLive(from.dataDir, folder);
    const { rows } = await client.query<{ labelfile: string }>('SELECT labelfile FROM pg_backup_stop(false)');
    // Again, because the log goes on while the files are copied: now it reaches to the end of the backup.
    await rm(join(folder, 'pg_wal'), { recursive: true, force: true });
    await copyLive(join(from.dataDir, 'pg_wal'), join(folder, 'pg_wal'));
    await tidy(folder);
    const label = join(folder, 'backup_label');
    await writeFile(label, rows[0]?.labelfile ?? '', { mode: 0o600 });
    if (identity) await chown(label, identity.uid, identity.gid);
    if (slot === undefined) await client.query('SELECT pg_drop_replication_slot($1)', [kept]);
  } finally {
    await client.end().catch(() => {}); // The server may be gone; the error that told so is on its way.
  }
}

/** Copies a folder whose files change and vanish meanwhile, which a base backup allows for. @throws PostgresError for anything else. */
async function copyLive(from: string, to: string): Promise<void> {
  try {
    await run('cp', ['-Rp', from, to], { env: serverEnvironment() });
  } catch (cause) {
    const lines = String((cause as { stderr?: unknown }).stderr ?? cause)
      .split('\n')
      .filter((line) => line !== '' && !line.includes('No such file or directory'));
    if (lines.length > 0) throw new PostgresError(`copying ${from} failed: ${lines.slice(0, 3).join('; ')}`, { cause });
  }
}

async function tidy(folder: string): Promise<void> {
  await Promise.all(NOT_COPIED.map((name) => rm(join(folder, name), { force: true })));
  // Slots are the other server's own promises.
  const slots = join(folder, 'pg_replslot');
  await mkdir(slots, { recursive: true });
  for (const name of await readdir(slots)) await rm(join(slots, name), { recursive: true, force: true });
  await chmod(folder, 0o700);
}
