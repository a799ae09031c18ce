/** One session of Nightshift's own on a database, and its errors in the engine's words. */
import type pg from 'pg';
import type { DatabaseConfig, RuntimeConfig } from '../engine/config.ts';
import { ActionFailedError, EngineError, PermissionError, RetryableError } from '../engine/errors.ts';
import { ConnectError, connect } from './connect.ts';

const TIMEOUTS = { connectMs: 3_000, statementMs: 5_000, lockMs: 1_000 };

/** Logs in, runs `use`, and says goodbye. @throws ConnectError, and what `use` throws. */
export async function withClient<Result>(
  target: DatabaseConfig,
  config: RuntimeConfig,
  use: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const { host, port, user, databaseName } = target;
  const client = await connect({ host, port, user, database: databaseName, region: config.region }, TIMEOUTS);
  try {
    return await use(client);
  } finally {
    // The session is over either way; an error while saying goodbye must not hide what was found.
    await client.end().catch(() => undefined);
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
