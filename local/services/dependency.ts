/** What a request needs beside CPU: nothing, or a query on a database, which then can be the bottleneck. */
import type { ClientConfig } from 'pg';

export interface Dependency {
  /**
   * Resolves when a request has got what it needs.
   * @param requestId what the query's `$1` is, where it has one.
   * @throws the driver's error when it can't.
   */
  use(requestId: string): Promise<void>;
  close(): Promise<void>;
}

/**
 * The dependency that a task's environment describes: `SERVICE_DATABASE_URL` (postgres://...) or `SERVICE_DATABASE_SECRET` (a database credential as Secrets Manager
 * keeps it, as JSON), `SERVICE_DATABASE_QUERY` (default `select 1`; a `$1` in it is the request's id), `SERVICE_DATABASE_CONNECTIONS` (of this task, default 5).
 * Without a URL or a secret requests need no database.
 */
export async function dependencyFrom(env: NodeJS.ProcessEnv): Promise<Dependency> {
  const connection = connectionFrom(env);
  if (!connection) return { use: async () => {}, close: async () => {} };
  const { default: pg } = await import('pg');
  const pool = new pg.Pool({
    ...connection,
    max: Number(env.SERVICE_DATABASE_CONNECTIONS ?? 5),
    application_name: env.SERVICE_NAME ?? 'service',
    connectionTimeoutMillis: 5_000,
  });
  // A server that goes away ends idle connections with an `error` event; the next request meets it as its own error.
  pool.on('error', (error) => console.error(`database: ${error.message}`));
  const query = env.SERVICE_DATABASE_QUERY ?? 'select 1';
  return {
    use: async (requestId) => {
      await pool.query(query, query.includes('$1') ? [requestId] : []);
    },
    close: () => pool.end(),
  };
}

/** "JSON structure of AWS Secrets Manager secrets", Amazon RDS: PostgreSQL. */
interface Credential {
  readonly host: string;
  readonly port: number;
  readonly dbname: string;
  readonly username: string;
  readonly password: string;
}

function connectionFrom(env: NodeJS.ProcessEnv): ClientConfig | undefined {
  if (env.SERVICE_DATABASE_SECRET) {
    const { host, port, dbname, username, password } = JSON.parse(env.SERVICE_DATABASE_SECRET) as Credential;
    return { ...{ host, port, database: dbname, user: username, password }, ssl: true };
  }
  return env.SERVICE_DATABASE_URL ? { connectionString: env.SERVICE_DATABASE_URL } : undefined;
}
