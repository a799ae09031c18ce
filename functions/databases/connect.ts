/**
 * Connects to an RDS for PostgreSQL instance by IAM database authentication: the token is signed locally, so no AWS endpoint has to be reachable.
 * AWS: "IAM database authentication for MariaDB, MySQL, and PostgreSQL"; "Using SSL/TLS to encrypt a connection to a DB instance or cluster".
 */
import { Signer } from '@aws-sdk/rds-signer';
import pg from 'pg';

/** Our sessions carry this name, and are never ended by us. */
export const OWN_APPLICATION = 'nightshift';

export interface ConnectTarget {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly region: string;
}

export interface ConnectTimeouts {
  /** From the first packet to being logged in. */
  readonly connectMs: number;
  /** The server ends a statement that runs longer; the client gives up a second later if it hears nothing. */
  readonly statementMs: number;
  readonly lockMs: number;
}

/**
 * Why there is no connection.
 *   `no-slot`: the server has no free slot for this login (SQLSTATE 53300).   `auth`: it doesn't let this login in.
 *   `unreachable`: no answer, or the server is starting up or shutting down.   `other`: anything else, such as an unknown certificate.
 */
export type ConnectFailure = 'no-slot' | 'auth' | 'unreachable' | 'other';

/** `message` holds host, port, user and the server's words; never a token. */
export class ConnectError extends Error {
  override readonly name = 'ConnectError';
  readonly kind: ConnectFailure;
  constructor(kind: ConnectFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/**
 * A connected client; the caller ends it. TLS is always used and the server's certificate verified against Node's authorities and
 * NODE_EXTRA_CA_CERTS (which Lambda points at a bundle with Amazon RDS's authorities).
 * @throws ConnectError
 */
export async function connect(target: ConnectTarget, timeouts: ConnectTimeouts): Promise<pg.Client> {
  const client = new pg.Client({
    host: target.host,
    port: target.port,
    user: target.user,
    database: target.database,
    password: await token(target),
    ssl: { rejectUnauthorized: true, ...(isAddress(target.host) ? {} : { servername: target.host }) },
    application_name: OWN_APPLICATION,
    connectionTimeoutMillis: timeouts.connectMs,
    statement_timeout: timeouts.statementMs,
    query_timeout: timeouts.statementMs + 1_000,
    lock_timeout: timeouts.lockMs,
  });
  // Without a listener a connection lost between two statements would end the process; the next statement reports it.
  client.on('error', () => {});
  try {
    await client.connect();
    return client;
  } catch (error) {
    // Its socket may be half open. What goes wrong while closing it adds nothing to the error that is reported.
    void client.end().catch(() => {});
    throw connectErrorOf(target, error);
  }
}

const isAddress = (host: string): boolean => /^[\d.]+$/.test(host) || host.includes(':');

async function token(target: ConnectTarget): Promise<string> {
  try {
    const { host: hostname, port, user: username, region } = target;
    return await new Signer({ hostname, port, username, region }).getAuthToken();
  } catch (cause) {
    throw new ConnectError('auth', `no IAM token could be signed for ${where(target)}: ${textOf(cause)}`, { cause });
  }
}

const where = ({ user, host, port }: ConnectTarget): string => `${user} at ${host}:${port}`;
const textOf = (error: unknown): string => (error instanceof Error && error.message ? error.message : String(error));

const NETWORK_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/** Sorts what `pg` rejected with. SQLSTATEs: PostgreSQL documentation, "PostgreSQL Error Codes". */
export function connectErrorOf(target: ConnectTarget, error: unknown): ConnectError {
  const code = (error as { code?: unknown } | null)?.code;
  const kind = kindOf(typeof code === 'string' ? code : '', textOf(error));
  return new ConnectError(kind, `${where(target)}: ${textOf(error)}${typeof code === 'string' ? ` (${code})` : ''}`, {
    cause: error,
  });
}

function kindOf(code: string, message: string): ConnectFailure {
  if (code === '53300') return 'no-slot';
  if (code === '28000' || code === '28P01') return 'auth';
  // 57P01..57P03: shutting down, crashed, starting up. 08...: connection exceptions.
  if (/^(57P0[123]|08...)$/.test(code) || NETWORK_CODES.has(code)) return 'unreachable';
  // pg's own words for a silent server and for a connection that was closed during login; they have no code.
  if (code === '' && /timeout expired|terminated/i.test(message)) return 'unreachable';
  return 'other';
}
