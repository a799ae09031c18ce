/**
 * Which tables of a PostgreSQL server (14 or later) are due to be vacuumed, and how that is done without anybody waiting for it. PostgreSQL documentation:
 * "Routine Vacuuming", "The Cumulative Statistics System" (pg_stat_all_tables), "VACUUM", "ANALYZE", "Explicit Locking".
 */
import pg from 'pg';

/** Fewer than these aren't worth a vacuum, whatever their share: autovacuum's own limits begin at 50. */
const LEAST_ROWS = 1_000;

/** When a table is due; shares of its rows that are alive and dead. */
export interface DueRules {
  readonly deadRowsAboveShare: number;
}

/**
 * `dead-rows`: more dead rows than the share.   `transaction-ids`: its oldest transaction is older than `autovacuum_freeze_max_age`, so autovacuum is late.
 * `statistics`: more rows have changed since it was analyzed than the share.
 */
export type Why = 'dead-rows' | 'transaction-ids' | 'statistics';

/** A table that is due. */
export interface DueTable {
  readonly oid: number;
  readonly schema: string;
  readonly table: string;
  readonly why: Why;
  /** Rows of its TOAST table, which holds its long values and is vacuumed with it, count, too. */
  readonly deadRows: number;
  readonly liveRows: number;
  /** Transactions since the oldest that it, or its TOAST table, still names. */
  readonly transactionIdAge: number;
  /** With indexes; null while somebody works on it, for asking would wait for them. */
  readonly mib: number | null;
  /** Somebody holds a lock that excludes VACUUM: autovacuum, another VACUUM, an index build, a change of its structure. */
  readonly isBusy: boolean;
  /** This login may vacuum it. */
  readonly mayMaintain: boolean;
}

/** The database of the whole server with the oldest transaction id: what `MaximumUsedTransactionIDs` tells of. */
export interface OldestDatabase {
  readonly name: string;
  /** Whether it is the one that is looked into. */
  readonly isHere: boolean;
  readonly transactionIdAge: number;
  /** `autovacuum_freeze_max_age`: beyond it autovacuum is late. */
  readonly limit: number;
}

export interface MaintenanceReading {
  /** A read replica can't be vacuumed: its source is. */
  readonly isReplica: boolean;
  /** This login may vacuum every table but system catalogues, or all that are there. */
  readonly mayMaintain: boolean;
  /** Oldest transactions first, then most dead rows. */
  readonly due: readonly DueTable[];
  readonly oldestDatabase: OldestDatabase;
  /** Dead rows younger than the oldest transaction stay, whatever is vacuumed: its age in seconds, 0 when none is open. */
  readonly oldestTransactionSeconds: number;
}

/** Locks that conflict with VACUUM's SHARE UPDATE EXCLUSIVE ("Explicit Locking", table-level lock modes). */
const EXCLUDES_VACUUM = [
  'ShareUpdateExclusiveLock',
  'ShareLock',
  'ShareRowExclusiveLock',
  'ExclusiveLock',
  'AccessExclusiveLock',
];

/**
 * "VACUUM", Notes: the MAINTAIN privilege (PostgreSQL 17 and later; `pg_maintain` has it on every table), else the table's or, but for shared
 * catalogues, the database's owner. The
 * CASE keeps older servers from being asked for a privilege that they don't know.
 */
const MAY_MAINTAIN = `
  CASE WHEN current_setting('server_version_num')::int >= 170000 THEN has_table_privilege(c.oid, 'MAINTAIN') ELSE false END
  OR pg_has_role(c.relowner, 'USAGE')
  OR (NOT c.relisshared AND pg_has_role((SELECT datdba FROM pg_database WHERE datname = current_database()), 'USAGE'))`;

/**
 * Parameters: $1 share, $2 least rows, $3 one table's oid or null for all. System catalogues are tables like others, but for their statistics, which
 * nobody analyzes; locks on those that all databases share have database 0 (pg_locks).
 */
const READ = `
WITH busy AS MATERIALIZED (
  SELECT DISTINCT l.relation FROM pg_locks l
   WHERE l.locktype = 'relation' AND l.granted AND l.pid <> pg_backend_pid()
     AND l.database IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
     AND l.mode IN (${EXCLUDES_VACUUM.map((mode) => `'${mode}'`).join(', ')})
), tables AS (
  SELECT c.oid, n.nspname AS schema, c.relname AS "table", s.n_dead_tup AS dead, s.n_live_tup AS live,
         coalesce(ts.n_dead_tup, 0) AS "toastDead", coalesce(ts.n_live_tup, 0) AS "toastLive",
         n.nspname IN ('pg_catalog', 'information_schema') AS "isCatalogue", s.n_mod_since_analyze AS changed,
         greatest(CASE WHEN c.relfrozenxid <> '0' THEN age(c.relfrozenxid) ELSE 0 END,
                  CASE WHEN t.relfrozenxid <> '0' THEN age(t.relfrozenxid) ELSE 0 END) AS age,
         c.oid IN (SELECT relation FROM busy) OR coalesce(t.oid IN (SELECT relation FROM busy), false) AS busy,
         (${MAY_MAINTAIN}) AS allowed
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_stat_all_tables s ON s.relid = c.oid
    LEFT JOIN pg_class t ON t.oid = c.reltoastrelid
    LEFT JOIN pg_stat_all_tables ts ON ts.relid = t.oid
   WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND ($3::oid IS NULL OR c.oid = $3)
), judged AS (
  SELECT *, CASE WHEN age > current_setting('autovacuum_freeze_max_age')::bigint THEN 'transaction-ids'
                 WHEN dead >= $2 AND dead > $1::float8 * (dead + live) THEN 'dead-rows'
                 WHEN "toastDead" >= $2 AND "toastDead" > $1::float8 * ("toastDead" + "toastLive") THEN 'dead-rows'
                 WHEN NOT "isCatalogue" AND changed >= $2 AND changed > $1::float8 * (dead + live) THEN 'statistics' END AS why
    FROM tables
), due AS (
  SELECT oid::bigint AS oid, schema, "table", why, dead + "toastDead" AS "deadRows", live + "toastLive" AS "liveRows", age AS "transactionIdAge",
         CASE WHEN busy THEN NULL ELSE pg_total_relation_size(oid) / 1048576.0 END AS mib, busy AS "isBusy", allowed AS "mayMaintain"
    FROM judged WHERE why IS NOT NULL
   ORDER BY (why = 'transaction-ids') DESC, (why = 'dead-rows') DESC, dead + "toastDead" DESC, oid LIMIT 100
)
SELECT pg_is_in_recovery() AS "isReplica",
       (SELECT coalesce(bool_and(allowed) FILTER (WHERE NOT "isCatalogue"), true) FROM tables) AS "mayMaintain",
       (SELECT coalesce(json_agg(d), '[]') FROM due d) AS due,
       (SELECT json_build_object('name', datname, 'isHere', datname = current_database(), 'transactionIdAge', age(datfrozenxid),
                                 'limit', current_setting('autovacuum_freeze_max_age')::bigint)
          FROM pg_database ORDER BY age(datfrozenxid) DESC, datname = current_database() DESC LIMIT 1) AS "oldestDatabase",
       (SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0)::float8 FROM pg_stat_activity
         WHERE backend_type = 'client backend' AND backend_xmin IS NOT NULL AND pid <> pg_backend_pid()) AS "oldestTransactionSeconds"`;

/** Reads the tables that are due, at most 100, in one round trip; with `oid` that one only. @throws the driver's error. */
export async function readDue(client: pg.ClientBase, rules: DueRules, oid?: number): Promise<MaintenanceReading> {
  const { rows } = await client.query<MaintenanceReading>(READ, [rules.deadRowsAboveShare, LEAST_ROWS, oid ?? null]);
  const [row] = rows;
  if (!row) throw new Error('readDue: the server returned no row; expected exactly one');
  return row;
}

/** `done`.   `skipped`: somebody has it just now.   `out-of-time`: it was broken off, which loses nothing but the time. */
export type MaintenanceResult = 'done' | 'skipped' | 'out-of-time';

const LOCK_NOT_AVAILABLE = '55P03';
const QUERY_CANCELED = '57014';

/**
 * Vacuums and analyzes one table, or only renews its statistics, for `withinMs` at most; the server itself ends it then, also when we are gone. It never waits for
 * a lock on the table, so nobody queues behind it and autovacuum isn't made to give way; and it takes as little of the disks as autovacuum would
 * ("Vacuuming", vacuum_cost_delay). Never FULL, which rewrites a table behind an exclusive lock.
 * @throws the driver's error.
 */
export async function maintain(
  client: pg.ClientBase,
  { schema, table, why }: Pick<DueTable, 'schema' | 'table' | 'why'>,
  withinMs: number,
): Promise<MaintenanceResult> {
  const name = `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(table)}`;
  let isSkipped = false;
  const onNotice = ({ code }: { code?: string | undefined }) => {
    // What SKIP_LOCKED skips it tells by a warning; the statement succeeds.
    if (code === LOCK_NOT_AVAILABLE) isSkipped = true;
  };
  client.on('notice', onNotice);
  try {
    await client.query(`SET statement_timeout = ${Math.ceil(withinMs)}; SET vacuum_cost_delay = '2ms'`);
    await client.query(
      why === 'statistics' ? `ANALYZE (SKIP_LOCKED) ${name}` : `VACUUM (SKIP_LOCKED, TRUNCATE false, ANALYZE) ${name}`,
    );
    return isSkipped ? 'skipped' : 'done';
  } catch (error) {
    const code = (error as { code?: unknown } | null)?.code;
    if (code === QUERY_CANCELED) return 'out-of-time';
    // "VACUUM": it can still wait when it opens the table's indexes, until lock_timeout.
    if (code === LOCK_NOT_AVAILABLE) return 'skipped';
    throw error;
  } finally {
    client.off('notice', onNotice);
  }
}
