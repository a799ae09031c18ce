/**
 * What Nightshift asks a PostgreSQL server (13 or later), and the one statement with which it ends a session. The text of queries is never read.
 * PostgreSQL documentation: "The Cumulative Statistics System" (pg_stat_activity), "Server Signaling Functions", "Predefined Roles",
 * "Connections and Authentication" (reserved_connections).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientBase } from 'pg';
import { OWN_APPLICATION } from '../../databases/connect.ts';
import { BACKEND_START, INTERNAL_USERS, may } from '../../databases/sql.ts';
import type { DatabaseConfig } from '../../engine/config.ts';

/** Which sessions may be ended. */
export type ReleaseRules = Pick<
  DatabaseConfig,
  'idleForSeconds' | 'includeIdleInTransaction' | 'allowUsers' | 'allowApplications'
>;

/** A session that may be ended, as it was when it was read. */
export interface Candidate {
  readonly pid: number;
  /** UTC, to the microsecond: with the pid, the session's identity, since pids are used again. */
  readonly backendStart: string;
  readonly user: string;
  readonly application: string;
  readonly state: string;
  readonly idleSeconds: number;
}

export interface SessionReading {
  /** Such as 180004: 18.4. */
  readonly serverVersion: number;
  readonly maxConnections: number;
  readonly superuserReservedConnections: number;
  /** 0 before PostgreSQL 16. */
  readonly reservedConnections: number;
  /** This login gets in when every ordinary slot is taken: slots are reserved, and it may use them. */
  readonly reservedSlot: boolean;
  readonly canSignal: boolean;
  /** Without it other users' sessions have no visible state, so there are no candidates. */
  readonly canReadStats: boolean;
  /** Sessions of clients, ours included; no replication or background processes. */
  readonly clientBackends: number;
  readonly byState: Readonly<Record<string, number>>;
  /** The 50 applications with the most client sessions; `''` is a session without a name. */
  readonly byApplication: Readonly<Record<string, number>>;
  /** RDS Proxy is at work (its own user has a session): the sessions are shared by clients that the server can't tell apart. */
  readonly rdsProxy: boolean;
  /** Longest idle first. */
  readonly candidates: readonly Candidate[];
}

const IDLE_SECONDS = 'extract(epoch FROM clock_timestamp() - a.state_change)';

/**
 * Conditions under which a session may be ended, over `a` (columns of pg_stat_activity) and `r` (its role).
 * Parameters: $1 seconds, $2 idle in transaction too, $3 users and $4 applications never to be ended (ours and RDS's among them).
 */
const MAY_BE_ENDED = `
      a.backend_type = 'client backend'
  AND a.pid <> pg_backend_pid()
  AND (a.state = 'idle' OR ($2 AND a.state IN ('idle in transaction', 'idle in transaction (aborted)')))
  AND ${IDLE_SECONDS} > $1::float8
  AND NOT r.rolsuper AND NOT r.rolreplication
  AND r.rolname <> current_user AND r.rolname <> ALL ($3::text[])
  AND a.application_name <> ALL ($4::text[])`;

const rulesAsParameters = (rules: ReleaseRules): unknown[] => [
  rules.idleForSeconds,
  rules.includeIdleInTransaction,
  [...rules.allowUsers, ...INTERNAL_USERS],
  [...rules.allowApplications, OWN_APPLICATION],
];

/** A session that holds an advisory lock is idle on purpose: such locks elect leaders. It can't take one without becoming active first. */
const HOLDS_ADVISORY_LOCK = `EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid AND l.locktype = 'advisory')`;

const READ_SESSIONS = `
WITH clients AS (
  SELECT coalesce(state, 'unknown') AS state, coalesce(application_name, '') AS application
    FROM pg_stat_activity WHERE backend_type = 'client backend'
), candidates AS (
  SELECT a.pid, ${BACKEND_START} AS "backendStart", r.rolname AS "user", a.application_name AS application, a.state,
         ${IDLE_SECONDS}::float8 AS "idleSeconds"
    FROM pg_stat_activity a JOIN pg_roles r ON r.oid = a.usesysid
   WHERE ${MAY_BE_ENDED} AND NOT ${HOLDS_ADVISORY_LOCK}
)
SELECT current_setting('server_version_num')::int AS "serverVersion",
       current_setting('max_connections')::int AS "maxConnections",
       current_setting('superuser_reserved_connections')::int AS "superuserReservedConnections",
       coalesce(current_setting('reserved_connections', true)::int, 0) AS "reservedConnections",
       ${may('pg_use_reserved_connections')} AS "mayUseReserved",
       ${may('pg_signal_backend')} AS "canSignal",
       ${may('pg_read_all_stats')} AS "canReadStats",
       (SELECT count(*)::int FROM clients) AS "clientBackends",
       (SELECT coalesce(json_object_agg(state, n), '{}')
          FROM (SELECT state, count(*) AS n FROM clients GROUP BY state) s) AS "byState",
       (SELECT coalesce(json_object_agg(application, n ORDER BY n DESC), '{}')
          FROM (SELECT application, count(*) AS n FROM clients GROUP BY application ORDER BY n DESC LIMIT 50) s) AS "byApplication",
       EXISTS (SELECT FROM pg_stat_activity WHERE usename = 'rdsproxyadmin') AS "rdsProxy",
       (SELECT coalesce(json_agg(c ORDER BY c."idleSeconds" DESC, c.pid), '[]') FROM candidates c) AS candidates`;

/**
 * Reads connection limits, our own rights, sessions counted by state and application, and the sessions that may be ended, in one round trip.
 * @throws the driver's error.
 */
export async function readSessions(client: ClientBase, rules: ReleaseRules): Promise<SessionReading> {
  type Row = Omit<SessionReading, 'reservedSlot'> & { readonly mayUseReserved: boolean };
  const { rows } = await client.query<Row>(READ_SESSIONS, rulesAsParameters(rules));
  const [row] = rows;
  if (!row) throw new Error('readSessions: the server returned no row; expected exactly one');
  const { mayUseReserved, ...reading } = row;
  return { ...reading, reservedSlot: mayUseReserved && reading.reservedConnections > 0 };
}

export interface EndLimits extends ReleaseRules {
  /** How long to look whether the session is gone. */
  readonly waitMs: number;
}

/**
 *   `ended`: the session is gone.
 *   `no-longer-matches`: it isn't the session that was read, or may not be ended any more, or went by itself; nothing was done.
 *   `refused`: the server doesn't allow this login to end it; nothing was done.
 *   `unconfirmed`: it was told to go and was still there after `waitMs`.
 */
export type EndResult = 'ended' | 'no-longer-matches' | 'refused' | 'unconfirmed';

/**
 * The row's conditions are checked before its output is computed, and only a row that passes them computes it: checking and ending are one statement.
 * The server isn't asked to wait (the second argument of pg_terminate_backend, PostgreSQL 14 and later): it looks every 100 ms only, which would make
 * ending 200 sessions take 20 s.
 */
const END = `
SELECT pg_terminate_backend(a.pid) AS signalled
  FROM pg_stat_get_activity($5) a JOIN pg_roles r ON r.oid = a.usesysid
 WHERE a.pid = $5 AND ${BACKEND_START} = $6 AND ${MAY_BE_ENDED}`;

const IS_GONE = `SELECT NOT EXISTS (SELECT FROM pg_stat_get_activity($1) a WHERE ${BACKEND_START} = $2) AS gone`;

const INSUFFICIENT_PRIVILEGE = '42501';
const LOOK_EVERY_MS = 5;

/**
 * Ends one session if, at this moment, it is still the one that was read, still idle for longer than the limit, and not excluded; then looks until it
 * is gone. Between the server's look and the signal some tens of microseconds remain, in which the session can start a statement: that one is then
 * rolled back. A client that sends a statement while its session is being ended gets an error for it, and the statement never ran.
 * @throws the driver's error, other than a refusal.
 */
export async function endSession(client: ClientBase, candidate: Candidate, limits: EndLimits): Promise<EndResult> {
  const { pid, backendStart } = candidate;
  try {
    const { rows } = await client.query<{ signalled: boolean }>(END, [...rulesAsParameters(limits), pid, backendStart]);
    if (rows[0]?.signalled !== true) return 'no-longer-matches';
  } catch (error) {
    if ((error as { code?: unknown } | null)?.code === INSUFFICIENT_PRIVILEGE) return 'refused';
    throw error;
  }
  for (const until = performance.now() + limits.waitMs; ; await sleep(LOOK_EVERY_MS)) {
    const { rows } = await client.query<{ gone: boolean }>(IS_GONE, [pid, backendStart]);
    if (rows[0]?.gone === true) return 'ended';
    if (performance.now() >= until) return 'unconfirmed';
  }
}
