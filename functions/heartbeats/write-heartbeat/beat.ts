/** Beats of one database, for about a minute. */
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { ConnectError, connect } from '../../databases/connect.ts';
import { HEARTBEAT_USER } from '../../databases/sql.ts';
import type { DatabaseConfig } from '../../engine/config.ts';
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
  /** The login isn't let in, or the table isn't there: that takes a person, and no further beat was tried. */
  readonly isNotSetUp: boolean;
  /** The server said something at least once, if only that it has no slot free or doesn't know the login. */
  readonly isAnswered: boolean;
}

/** A beat is over before the next is due. */
const TIMEOUTS = { connectMs: 5_000, statementMs: 3_000, lockMs: 1_000 };
/** No such table or schema, and no right to it ("PostgreSQL Error Codes"). */
const NOT_SET_UP = new Set(['42P01', '3F000', '42501']);

/**
 * Writes one row at each beat, in one session as long as it lasts. A database that can't be reached, or has no slot free, is told of and tried again at the next beat: its
 * own alarms call people. Throws nothing of one database's, so that no other is kept from its beats.
 */
export async function beat(database: DatabaseConfig, region: string, { beats, everyMs }: Rhythm): Promise<Beaten> {
  const begun = performance.now();
  let session: pg.Client | undefined;
  let written = 0;
  let why: string | undefined;
  let isNotSetUp = false;
  let isAnswered = false;
  try {
    for (let index = 0; index < beats && !isNotSetUp; index++) {
      await sleep(Math.max(0, begun + index * everyMs - performance.now()));
      try {
        session ??= await connect(
          { ...database, user: HEARTBEAT_USER, database: database.databaseName, region },
          TIMEOUTS,
        );
        await session.query(BEAT);
        written += 1;
        isAnswered = true;
      } catch (error) {
        ({ why, isNotSetUp } = missing(database, error));
        isAnswered ||= session !== undefined || !isUnreachable(error);
        await leave(session);
        session = undefined;
      }
    }
  } finally {
    await leave(session);
  }
  return { database: database.name, written, ...(why !== undefined && { why }), isNotSetUp, isAnswered };
}

/** No answer at all, or none but that the server is starting up or shutting down. */
const isUnreachable = (error: unknown): boolean => error instanceof ConnectError && error.kind === 'unreachable';

/** What goes wrong while saying goodbye changes nothing that was written. */
const leave = async (session: pg.Client | undefined): Promise<void> => {
  await session?.end().catch(() => undefined);
};

function missing({ name }: DatabaseConfig, error: unknown): { readonly why: string; readonly isNotSetUp: boolean } {
  const why = `${name}: ${error instanceof Error ? error.message : String(error)}`;
  const code = (error as { code?: unknown } | null)?.code;
  const isNotSetUp = (error instanceof ConnectError && error.kind === 'auth') || NOT_SET_UP.has(String(code));
  return { why: isNotSetUp ? `${why}: set up the heartbeat's table and login (docs/backups.md)` : why, isNotSetUp };
}
