/**
 * What is asked of a PostgreSQL server (14 or later) by the daily look into it. Nothing here waits for a lock: sizes of tables and indexes are those of their last
 * VACUUM or ANALYZE (pg_class.relpages). The text of statements is never read. PostgreSQL documentation: "The Cumulative Statistics System", "Preventing Transaction ID
 * Wraparound Failures", "pg_replication_slots", "Recovery Information Functions".
 */
import { type ClientBase, escapeIdentifier } from 'pg';
import { INTERNAL_USERS, IS_MAINTENANCE, may } from '../../databases/sql.ts';
import type { DatabaseConfig } from '../../engine/config.ts';

export interface DatabaseReading {
  /** Without it other users' sessions can't be seen. */
  readonly canReadStats: boolean;
  readonly connections: number;
  readonly maxConnections: number;
  /** Longest first, at most 20. */
  readonly long: readonly LongSession[];
  readonly longCount: number;
  /** Null: the server couldn't say in time. */
  readonly databaseMib: number | null;
  /** False: the server couldn't say in time what follows of tables and indexes. */
  readonly knowsTables: boolean;
  /** Largest first, at most 10. */
  readonly tables: readonly { readonly table: string; readonly mib: number; readonly rows: number }[];
  /** With a larger share of dead rows than asked for; most dead rows first, at most 20. */
  readonly worn: readonly { readonly table: string; readonly deadRows: number; readonly liveRows: number }[];
  /** That no statement has used since statistics are kept; largest first, at most 200. */
  readonly unused: readonly UnusedIndex[];
  /** Those with the longest mean time since they are counted, at most 10; null: `pg_stat_statements` isn't there to tell; `unreadable`: it is, and didn't. */
  readonly slow: readonly SlowStatement[] | null | 'unreadable';
  /** How long statistics have been kept for certain. */
  readonly statisticsSeconds: number;
  /** Of the database of this server with the oldest, be it of transactions or of groups of them (multixacts). */
  readonly transactionIdAge: number;
  readonly oldestDatabase: string;
  readonly isReplica: boolean;
  /** Of a replica: whether its source sends anything, and how far it is behind. */
  readonly isStreaming: boolean;
  readonly behindSeconds: number;
  /** Standbys and replicas that read from here. */
  readonly readers: readonly { readonly name: string; readonly state: string; readonly behindSeconds: number }[];
  /** Slots that nobody reads, with the logs kept for them. */
  readonly idleSlots: readonly { readonly slot: string; readonly mib: number }[];
}

export interface UnusedIndex {
  /** Its oid: one that is dropped and made again has another. */
  readonly id: string;
  readonly index: string;
  readonly table: string;
  readonly mib: number;
}

/** A statement as it is counted: by an id, never by its text. */
export interface SlowStatement {
  /** `pg_stat_statements.queryid`: by it a person finds the text. */
  readonly id: string;
  readonly user: string;
  readonly calls: number;
  readonly meanSeconds: number;
}

export interface LongSession {
  readonly pid: number;
  readonly user: string;
  readonly application: string;
  readonly state: string;
  /** Of its statement, or of its transaction when no statement runs. */
  readonly seconds: number;
  readonly isBlocked: boolean;
}

/** Fewer dead rows than these aren't worth a word: the same as vacuum-and-analyze goes by. */
const LEAST_ROWS = 1_000;

/** Parameters: $1 seconds, $2 users and $3 applications that may take their time. A statement's own time counts while it runs; otherwise its transaction holds back what it has. */
const SESSIONS = `
WITH sessions AS (
  SELECT a.pid, a.usename AS "user", a.application_name AS application, a.state, cardinality(pg_blocking_pids(a.pid)) > 0 AS "isBlocked",
         extract(epoch FROM clock_timestamp() - CASE WHEN a.state = 'active' THEN a.query_start ELSE a.xact_start END)::float8 AS seconds
    FROM pg_stat_activity a
   WHERE a.backend_type = 'client backend' AND a.pid <> pg_backend_pid() AND a.usename <> ALL ($2::text[]) AND a.application_name <> ALL ($3::text[])
     AND a.state IN ('active', 'idle in transaction', 'idle in transaction (aborted)') AND NOT (${IS_MAINTENANCE})
), long AS (SELECT * FROM sessions WHERE seconds > $1::float8)
SELECT ${may('pg_read_all_stats')} AS "canReadStats",
       (SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections,
       current_setting('max_connections')::int AS "maxConnections",
       (SELECT count(*)::int FROM long) AS "longCount",
       (SELECT coalesce(json_agg(l), '[]') FROM (SELECT * FROM long ORDER BY seconds DESC, pid LIMIT 20) l) AS long`;

const STATEMENTS_SCHEMA = `
SELECT n.nspname AS schema FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements'`;

/**
 * Parameters: $1 least calls, $2 users that may take their time. PostgreSQL documentation, "pg_stat_statements": counted since they were reset or the server crashed, times in
 * milliseconds; others' statements show their id only to whoever has pg_read_all_stats. By the function, because the view reads the texts of all statements from a file.
 */
const slowIn = (schema: string): string => `
SELECT coalesce(json_agg(s), '[]') AS slow FROM (
  SELECT queryid::text AS id, pg_get_userbyid(userid) AS "user", calls, mean_exec_time / 1000 AS "meanSeconds"
    FROM ${schema}.pg_stat_statements(false)
   WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
     AND queryid IS NOT NULL AND calls >= $1 AND pg_get_userbyid(userid) <> ALL ($2::text[])
   ORDER BY mean_exec_time DESC, queryid LIMIT 10) s`;

/** What ran only now and then is a report, which may take its time. */
const LEAST_CALLS = 100;

const MIB_OF_PAGES = `* current_setting('block_size')::bigint / 1048576.0`;

/**
 * Parameters: $1 share of dead rows, $2 least of them. An index that enforces something, or names rows for replication, is needed whether it is used or not.
 */
const TABLES = `
WITH worn AS (
  SELECT format('%s.%s', schemaname, relname) AS "table", n_dead_tup AS "deadRows", n_live_tup AS "liveRows"
    FROM pg_stat_user_tables WHERE n_dead_tup >= $2 AND n_dead_tup > $1::float8 * (n_dead_tup + n_live_tup)
), unused AS (
  SELECT s.indexrelid::text AS id, format('%s.%s', s.schemaname, s.indexrelname) AS index, format('%s.%s', s.schemaname, s.relname) AS "table", c.relpages ${MIB_OF_PAGES} AS mib
    FROM pg_stat_user_indexes s JOIN pg_index i USING (indexrelid) JOIN pg_class c ON c.oid = s.indexrelid
   WHERE s.idx_scan = 0 AND i.indisvalid AND NOT i.indisunique AND NOT i.indisprimary AND NOT i.indisexclusion AND NOT i.indisreplident
     AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = s.indexrelid)
)
SELECT true AS "knowsTables",
       (SELECT coalesce(json_agg(t), '[]') FROM (
          SELECT format('%s.%s', n.nspname, c.relname) AS "table", c.relpages ${MIB_OF_PAGES} AS mib, greatest(c.reltuples, 0)::bigint AS rows
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE c.relkind IN ('r', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
           ORDER BY c.relpages DESC, 1 LIMIT 10) t) AS tables,
       (SELECT coalesce(json_agg(w), '[]') FROM (SELECT * FROM worn ORDER BY "deadRows" DESC, 1 LIMIT 20) w) AS worn,
       (SELECT coalesce(json_agg(u), '[]') FROM (SELECT * FROM unused ORDER BY mib DESC, 1 LIMIT 200) u) AS unused`;

/**
 * A server that recovers from a crash drops all statistics, without a restart of its first process: `stats_reset` of a database is null then, and only that of what all
 * databases share has the time (seen on PostgreSQL 18.4; "The Cumulative Statistics System": counters are reset after an unclean shutdown).
 */
const AGES = `
WITH oldest AS (
  SELECT datname, greatest(age(datfrozenxid), mxid_age(datminmxid)) AS age FROM pg_database ORDER BY 2 DESC LIMIT 1
)
SELECT (SELECT extract(epoch FROM clock_timestamp() - greatest(coalesce(stats_reset, pg_postmaster_start_time()), (SELECT stats_reset FROM pg_stat_bgwriter)))::float8
          FROM pg_stat_database WHERE datname = current_database()) AS "statisticsSeconds",
       (SELECT age FROM oldest) AS "transactionIdAge", (SELECT datname FROM oldest) AS "oldestDatabase"`;

/** Looks at every file of the database, one after the other: with very many relations it takes longer than a statement may. */
const SIZE = `SELECT pg_database_size(current_database()) / 1048576.0::float8 AS "databaseMib"`;

/**
 * A replica that has replayed all it received is behind by nothing, however long its source has been silent; whether it receives anything is a question of its own. A base
 * backup that is being taken shows as a reader, too.
 */
const REPLICATION = `
WITH here AS (SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END AS lsn)
SELECT pg_is_in_recovery() AS "isReplica",
       EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming') AS "isStreaming",
       CASE WHEN NOT pg_is_in_recovery() OR pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
            ELSE coalesce(extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()), 0) END::float8 AS "behindSeconds",
       (SELECT coalesce(json_agg(json_build_object('name', application_name, 'state', state,
                                                   'behindSeconds', coalesce(extract(epoch FROM replay_lag), 0)) ORDER BY application_name), '[]')
          FROM pg_stat_replication WHERE state <> 'backup') AS readers,
       (SELECT coalesce(json_agg(json_build_object('slot', slot_name, 'mib', pg_wal_lsn_diff(lsn, restart_lsn) / 1048576.0) ORDER BY slot_name), '[]')
          FROM pg_replication_slots, here WHERE NOT active AND NOT temporary AND restart_lsn IS NOT NULL) AS "idleSlots"`;

/** Reads all of it, in seven statements of one session. @param longerThanSeconds statements and transactions older than this are told of. @throws the driver's error. */
export async function readDatabase(
  client: ClientBase,
  rules: Pick<DatabaseConfig, 'deadRowsAboveShare' | 'allowUsers' | 'allowApplications'>,
  longerThanSeconds: number,
): Promise<DatabaseReading> {
  const mayTakeTheirTime = [[...rules.allowUsers, ...INTERNAL_USERS], rules.allowApplications];
  const rows = [
    await client.query<Partial<DatabaseReading>>(SESSIONS, [longerThanSeconds, ...mayTakeTheirTime]),
    await inTime(client, TABLES, [rules.deadRowsAboveShare, LEAST_ROWS], NO_TABLES),
    await client.query<Partial<DatabaseReading>>(AGES),
    await client.query<Partial<DatabaseReading>>(REPLICATION),
    await slowStatements(client, mayTakeTheirTime[0] ?? []),
    await inTime(client, SIZE, [], { databaseMib: null }),
  ].map((result) => result.rows[0]);
  if (rows.some((row) => row === undefined)) throw new Error('readDatabase: the server returned no row; expected one');
  return Object.assign({}, ...rows) as DatabaseReading;
}

/** PostgreSQL Error Codes: object_not_in_prerequisite_state, here of an extension whose library isn't loaded. */
const NOT_LOADED = '55000';
/**
 * What keeps this one answer away, and no other: insufficient_privilege (its schema is closed to our login), undefined_column and undefined_function (the extension is of a version from
 * before an upgrade), query_canceled (not in time).
 */
const UNREADABLE = ['42501', '42703', '42883', '57014'];

async function slowStatements(
  client: ClientBase,
  mayTakeTheirTime: readonly string[],
): Promise<{ rows: Pick<DatabaseReading, 'slow'>[] }> {
  const schema = (await client.query<{ schema?: string }>(STATEMENTS_SCHEMA)).rows[0]?.schema;
  if (schema === undefined) return { rows: [{ slow: null }] };
  try {
    return await client.query<Pick<DatabaseReading, 'slow'>>(slowIn(escapeIdentifier(schema)), [
      LEAST_CALLS,
      mayTakeTheirTime,
    ]);
  } catch (error) {
    const { code } = (error ?? {}) as { code?: unknown };
    if (code === NOT_LOADED) return { rows: [{ slow: null }] };
    if (UNREADABLE.some((each) => each === code)) return { rows: [{ slow: 'unreadable' }] };
    throw error;
  }
}

/** PostgreSQL Error Codes: query_canceled, here by `statement_timeout`. The session goes on. */
const CANCELED = '57014';

const NO_TABLES: Partial<DatabaseReading> = { knowsTables: false, tables: [], worn: [], unused: [] };

/** What takes the longer the more relations there are. @returns `otherwise` where the server couldn't answer within the time of a statement; the other questions are asked all the same. */
async function inTime(
  client: ClientBase,
  sql: string,
  values: readonly unknown[],
  otherwise: Partial<DatabaseReading>,
): Promise<{ rows: Partial<DatabaseReading>[] }> {
  try {
    return await client.query<Partial<DatabaseReading>>(sql, [...values]);
  } catch (error) {
    if ((error as { code?: unknown } | null)?.code !== CANCELED) throw error;
    return { rows: [otherwise] };
  }
}
