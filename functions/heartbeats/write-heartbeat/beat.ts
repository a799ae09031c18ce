/** Beats of one database, for about a minute. */
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { ConnectError, connect } from '../../databases/connect.ts';
import type { DatabaseConfig } from '../../engine/config.ts';
import { PermissionError } from '../../engine/errors.ts';
import { BEAT } from './sql.ts';

export interface Rhythm {
  readonly beats: number;
  readonly everyMs: number;
}

export interface Beaten {
  readonly database: string;
  readonly written: number;
  /** Why the last one that is missing is missing. */
  readonly why?: string;
}

/** A beat is over before the next is due. */
const TIMEOUTS = { connectMs: 5_000, statementMs: 3_000, lockMs: 1_000 };
/** No such table or schema, and no right to it ("PostgreSQL Error Codes"). */
const NOT_SET_UP = new Set(['42P01', '3F000', '42501']);

/**
 * Writes one row at each beat, in one session as long as it lasts. A database that can't be reached is told of and tried again at the next beat: its own alarms call people.
 * @throws PermissionError when the login isn't let in, or the table isn't there: that takes a person.
 */
export async function beat(database: DatabaseConfig, region: string, { beats, everyMs }: Rhythm): Promise<Beaten> {
  const begun = performance.now();
  let session: pg.Client | undefined;
  let written = 0;
  let why: string | undefined;
  try {
    for (let index = 0; index < beats; index++) {
      await sleep(Math.max(0, begun + index * everyMs - performance.now()));
      try {
        session ??= await connect({ ...database, database: database.databaseName, region }, TIMEOUTS);
        await session.query(BEAT);
        written += 1;
      } catch (error) {
        why = whyMissing(database, error);
        await leave(session);
        session = undefined;
      }
    }
  } finally {
    await leave(session);
  }
  return { database: database.name, written, ...(why !== undefined && { why }) };
}

/** What goes wrong while saying goodbye changes nothing that was written. */
const leave = async (session: pg.Client | undefined): Promise<void> => {
  await session?.end().catch(() => undefined);
};

/** @throws PermissionError for what the next beat can't do better. */
function whyMissing({ name }: DatabaseConfig, error: unknown): string {
  const text = `${name}: ${error instanceof Error ? error.message : String(error)}`;
  const code = (error as { code?: unknown } | null)?.code;
  const isSetUp = !(error instanceof ConnectError && error.kind === 'auth') && !NOT_SET_UP.has(String(code));
  if (isSetUp) return text;
  throw new PermissionError(`${text}: set up the heartbeat's table and login (docs/backups.md)`, { cause: error });
}
