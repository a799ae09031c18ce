/** A local PostgreSQL server that can't be installed, started or stopped: `message` names the server and says what to do. */
export class PostgresError extends Error {
  override readonly name = 'PostgresError';
}
