/** What a request needs beside CPU: nothing, or a query on a database, which then can be the bottleneck. */

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
 * The dependency that a task's environment describes: `SERVICE_DATABASE_URL` (postgres://...), `SERVICE_DATABASE_QUERY` (default
 * `select 1`; a `$1` in it is the request's id), `SERVICE_DATABASE_CONNECTIONS` (of this task, default 5). Without a URL requests need no database.
 */
export async function dependencyFrom(env: NodeJS.ProcessEnv): Promise<Dependency> {
  const url = env.SERVICE_DATABASE_URL;
  if (!url) return { use: async () => {}, close: async () => {} };
  const { default: pg } = await import('pg');
  const pool = new pg.Pool({
    connectionString: url,
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
