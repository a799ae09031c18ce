/** Sessions of Nightshift's own on a database, and their errors in the engine's words: the shell of every remediation that speaks SQL. */
import type pg from 'pg';
import type { DatabaseConfig, RuntimeConfig } from '../engine/config.ts';
import { ActionFailedError, EngineError, PermissionError, RetryableError } from '../engine/errors.ts';
import { ConnectError, type ConnectFailure, type ConnectTimeouts, connect } from './connect.ts';

const TIMEOUTS: ConnectTimeouts = { connectMs: 3_000, statementMs: 5_000, lockMs: 1_000 };

/** That nobody let us in is an observation, too. */
export interface NoConnection {
  readonly kind: 'no-connection';
  readonly failure: ConnectFailure;
  readonly why: string;
}

/** Logs in, runs `use`, and says goodbye. @throws ConnectError, and what `use` throws. */
export async function withClient<Result>(
  target: DatabaseConfig,
  config: RuntimeConfig,
  use: (client: pg.Client) => Promise<Result>,
  timeouts: Partial<ConnectTimeouts> = {},
): Promise<Result> {
  const { host, port, user, databaseName } = target;
  const where = { host, port, user, database: databaseName, region: config.region };
  const client = await connect(where, { ...TIMEOUTS, ...timeouts });
  try {
    return await use(client);
  } finally {
    // The session is over either way; an error while saying goodbye must not hide what was found.
    await client.end().catch(() => undefined);
  }
}

/**
 * Looks at a database in a session of its own. @param what "the sessions of orders-db"
 * @throws PermissionError, RetryableError or ActionFailedError when it was let in and couldn't read.
 */
export async function readIn<Reading>(
  target: DatabaseConfig,
  config: RuntimeConfig,
  what: string,
  read: (client: pg.Client) => Promise<Reading>,
): Promise<Reading | NoConnection> {
  try {
    return await withClient(target, config, read);
  } catch (error) {
    if (error instanceof ConnectError) return { kind: 'no-connection', failure: error.kind, why: error.message };
    throw databaseError(`read ${what}`, error);
  }
}

/**
 * Changes something in a session of its own. @param what "end idle sessions of orders-db"
 * @throws PermissionError, RetryableError or ActionFailedError; the engine's own errors unchanged.
 */
export async function changeIn<Result>(
  target: DatabaseConfig,
  config: RuntimeConfig,
  what: string,
  change: (client: pg.Client) => Promise<Result>,
  timeouts: Partial<ConnectTimeouts> = {},
): Promise<Result> {
  try {
    return await withClient(target, config, change, timeouts);
  } catch (error) {
    throw databaseError(what, error);
  }
}

/** Sorts what went wrong while speaking to a database; engine errors pass unchanged. @param what "read the sessions of orders-db" */
export function databaseError(what: string, error: unknown): EngineError {
  if (error instanceof EngineError) return error;
  const text = `${what}: ${error instanceof Error ? error.message : String(error)}`;
  if (error instanceof ConnectError) {
    if (error.kind === 'auth') return new PermissionError(text, { cause: error });
    if (error.kind === 'no-slot') return new ActionFailedError(text, { cause: error });
  }
  return new RetryableError(text, { cause: error });
}
