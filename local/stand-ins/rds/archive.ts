/**
 * Automated backups of an instance: a base backup and every piece of write-ahead log since, so that it can be restored to any moment in between. On RDS the
 * logs go to S3 every five minutes ("Restoring a DB instance to a specified time for Amazon RDS"); here every three seconds, into a folder. PostgreSQL
 * documentation, "Continuous Archiving and Point-in-Time Recovery (PITR)". Left out: that old backups expire (`BackupRetentionPeriod` only says that there are any).
 */
import { existsSync } from 'node:fs';
import { chown, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Installation } from '../../postgres/installation.ts';
import type { Settings } from '../../postgres/server.ts';
import type { Database } from './database.ts';

const SHIP_EVERY_MS = 3_000;
const SHIPPED_WITHIN_MS = 10_000;

export class Archive {
  readonly #folder: string;
  #earliest: Date | undefined;
  #latest: Date | undefined;
  #timer: NodeJS.Timeout | undefined;
  #shipping: Promise<void> = Promise.resolve();

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Makes the folder, which the server must be able to write to. */
  static async make(folder: string, { identity }: Pick<Installation, 'identity'>): Promise<Archive> {
    await mkdir(join(folder, 'log'), { recursive: true, mode: 0o711 });
    if (identity) await chown(join(folder, 'log'), identity.uid, identity.gid);
    return new Archive(folder);
  }

  /** A standby archives, too, so that nothing is missing after a failover: whoever comes first. */
  get settings(): Settings {
    const to = `${this.#folder}/log/%f`;
    return { archive_mode: 'always', archive_command: `test -f ${to} || (cp %p ${to}.$$ && mv ${to}.$$ ${to})` };
  }

  /** Between these the instance can be restored; undefined until the first base backup is there. */
  get earliest(): Date | undefined {
    return this.#earliest;
  }
  get latest(): Date | undefined {
    return this.#latest;
  }

  /** Takes the base backup, and ships the log from now on. @param report Hears of what went wrong later. */
  async begin(database: Database, report: (error: unknown) => void): Promise<void> {
    await database.backUp(join(this.#folder, 'base'));
    this.#earliest = new Date();
    await this.ship(database);
    this.#timer = setInterval(() => void this.ship(database).catch(report), SHIP_EVERY_MS);
    this.#timer.unref();
  }

  /** Ships what was committed until now. Nothing while the server is down. @throws Error when it doesn't arrive. */
  ship(database: Database): Promise<void> {
    const next = async () => {
      if (database.server.state !== 'running') return;
      // A transaction of our own: a restore stops at the first commit after its time, so there must be one.
      const [marked] = await database.query<{ at: Date }>(
        'SELECT clock_timestamp() AS at, pg_current_xact_id()::text AS id',
      );
      const [switched] = await database.query<{ segment: string }>(
        'SELECT pg_walfile_name(pg_switch_wal()) AS segment',
      );
      await this.#arrival(switched?.segment ?? '');
      this.#latest = marked?.at;
    };
    const done = this.#shipping.then(next);
    this.#shipping = done.catch(() => {}); // Whoever asked for it hears of it.
    return done;
  }

  async #arrival(segment: string): Promise<void> {
    const path = join(this.#folder, 'log', segment);
    for (const until = Date.now() + SHIPPED_WITHIN_MS; Date.now() < until; await sleep(20))
      if (existsSync(path)) return;
    throw new Error(`the log ${segment} was not archived within ${SHIPPED_WITHIN_MS} ms`);
  }

  /** What a server has to begin with, to come up as the instance was `at` that moment; without one, as late as possible. */
  recovery(at: Date | undefined): { readonly from: string; readonly recovery: Settings } {
    return {
      from: join(this.#folder, 'base'),
      recovery: {
        restore_command: `cp ${this.#folder}/log/%f %p`,
        recovery_target_action: 'promote',
        ...(at && { recovery_target_time: at.toISOString().replace('Z', '+00') }),
        // PostgreSQL takes no Z there.
        // It is ready when it has recovered, not when it could be read meanwhile.
        hot_standby: false,
      },
    };
  }

  end(): void {
    clearInterval(this.#timer);
  }

  async remove(): Promise<void> {
    this.end();
    await this.#shipping;
    await rm(this.#folder, { recursive: true, force: true });
  }
}
