/**
 * What is asked of a PostgreSQL server (14 or later), and the statements that cancel and terminate. The text of queries is never read. PostgreSQL
 * documentation: "The Cumulative Statistics System" (pg_stat_activity), "Progress Reporting", "Server Signaling Functions".
 */
import type { ClientBase } from 'pg';
import { OWN_APPLICATION } from '../../databases/connect.ts';
import { BACKEND_START, INTERNAL_USERS, IS_MAINTENANCE, may } from '../../databases/sql.ts';
import type { DatabaseConfig } from '../../engine/config.ts';

/** Which statements may be ended. */
export type LongQueryRules = Pick<DatabaseConfig, 'queryLongerThanSeconds' | 'allowUsers' | 'allowApplications'>;

/** A statement that runs, as it was when it was read: pid and both times are its identity. */
export interface LongQuery {
  readonly pid: number;
  /** UTC, to the microsecond. */
  readonly backendStart: string;
  readonly queryStart: string;
  readonly user: string;
  readonly application: string;
  readonly runningSeconds: number;
}

export interface QueryReading {
  readonly canSignal: boolean;
  /** Without it other users' statements can't be seen. */
  readonly canReadStats: boolean;
  /** Sessions of clients that are running a statement. */
  readonly active: number;
  /** That may be ended, longest first. */
  readonly queries: readonly LongQuery[];
  /** That run for too long and are left alone: they wait for another session's lock, so ending them frees nothing. */
  readonly blocked: number;
  /** That run for too long and are left alone: vacuum, analyze, index builds, copies (and so dumps), which are meant to take long. */
  readonly maintenance: number;
}

const QUERY_START = `to_char(a.query_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
const RUNNING_SECONDS = 'extract(epoch FROM clock_timestamp() - a.query_start)';

/** Over `a` (columns of pg_stat_activity) and `r` (its role). Parameters: $1 seconds, $2 users and $3 applications never to be ended. */
const MAY_BE_ENDED = `
      a.backend_type = 'client backend'
  AND a.pid <> pg_backend_pid()
  AND a.state = 'active'
  AND ${RUNNING_SECONDS} > $1::float8
  AND NOT r.rolsuper AND NOT r.rolreplication
  AND r.rolname <> current_user AND r.rolname <> ALL ($2::text[])
  AND a.application_name <> ALL ($3::text[])`;

const rulesAsParameters = (rules: LongQueryRules): unknown[] => [
  rules.queryLongerThanSeconds,
  [...rules.allowUsers, ...INTERNAL_USERS],
  [...rules.allowApplications, OWN_APPLICATION],
];

const READ = `
WITH too_long AS (
  SELECT a.pid, ${BACKEND_START} AS "backendStart", ${QUERY_START} AS "queryStart", r.rolname AS "user",
         a.application_name AS application, ${RUNNING_SECONDS}::float8 AS "runningSeconds",
         (${IS_MAINTENANCE}) AS is_maintenance, cardinality(pg_blocking_pids(a.pid)) > 0 AS is_blocked
    FROM pg_stat_activity a JOIN pg_roles r ON r.oid = a.usesysid
   WHERE ${MAY_BE_ENDED}
), queries AS (
  SELECT pid, "backendStart", "queryStart", "user", application, "runningSeconds"
    FROM too_long WHERE NOT is_maintenance AND NOT is_blocked
)
SELECT ${may('pg_signal_backend')} AS "canSignal",
       ${may('pg_read_all_stats')} AS "canReadStats",
       (SELECT count(*)::int FROM pg_stat_activity
         WHERE backend_type = 'client backend' AND state = 'active' AND pid <> pg_backend_pid()) AS active,
       (SELECT coalesce(json_agg(q ORDER BY q."runningSeconds" DESC, q.pid), '[]') FROM queries q) AS queries,
       (SELECT count(*)::int FROM too_long WHERE is_blocked AND NOT is_maintenance) AS blocked,
       (SELECT count(*)::int FROM too_long WHERE is_maintenance) AS maintenance`;

/** Reads our rights and the statements that run for too long, in one round trip. @throws the driver's error. */
export async function readQueries(client: ClientBase, rules: LongQueryRules): Promise<QueryReading> {
  const { rows } = await client.query<QueryReading>(READ, rulesAsParameters(rules));
  const [row] = rows;
  if (!row) throw new Error('readQueries: the server returned no row; expected exactly one');
  return row;
}

/** `told`: the server was told to end it. `no-longer-matches`: it is over, or may not be ended any more. `refused`: this login may not. */
export type SignalResult = 'told' | 'no-longer-matches' | 'refused';

/** Checking and signalling are one statement: only a row that passes every condition computes its output. */
const signal = (how: 'cancel' | 'terminate'): string => `
SELECT pg_${how}_backend(a.pid) AS signalled
  FROM pg_stat_get_activity($4) a JOIN pg_roles r ON r.oid = a.usesysid
 WHERE a.pid = $4 AND ${BACKEND_START} = $5 AND ${QUERY_START} = $6 AND ${MAY_BE_ENDED}`;
const CANCEL = signal('cancel');
const TERMINATE = signal('terminate');

const INSUFFICIENT_PRIVILEGE = '42501';

/**
 * Cancels a statement, or terminates its session, if at this moment it is still the very statement that was read. Between the server's look and its signal
 * some tens of microseconds remain, in which it can end and the session begin another, which is then hit instead.
 * @throws the driver's error, other than a refusal.
 */
export async function signalQuery(
  client: ClientBase,
  how: 'cancel' | 'terminate',
  { pid, backendStart, queryStart }: LongQuery,
  rules: LongQueryRules,
): Promise<SignalResult> {
  try {
    const { rows } = await client.query<{ signalled: boolean }>(how === 'cancel' ? CANCEL : TERMINATE, [
      ...rulesAsParameters(rules),
      pid,
      backendStart,
      queryStart,
    ]);
    return rows[0]?.signalled === true ? 'told' : 'no-longer-matches';
  } catch (error) {
    if ((error as { code?: unknown } | null)?.code === INSUFFICIENT_PRIVILEGE) return 'refused';
    throw error;
  }
}

const STILL_RUNNING = `
SELECT a.pid FROM pg_stat_activity a
 WHERE a.state = 'active' AND (a.pid, ${BACKEND_START}, ${QUERY_START}) IN
       (SELECT * FROM unnest($1::int[], $2::text[], $3::text[]))`;

/** Which of these statements are running still. @throws the driver's error. */
export async function stillRunning(client: ClientBase, queries: readonly LongQuery[]): Promise<LongQuery[]> {
  const { rows } = await client.query<{ pid: number }>(STILL_RUNNING, [
    queries.map(({ pid }) => pid),
    queries.map(({ backendStart }) => backendStart),
    queries.map(({ queryStart }) => queryStart),
  ]);
  const pids = new Set(rows.map(({ pid }) => pid));
  return queries.filter(({ pid }) => pids.has(pid));
}
