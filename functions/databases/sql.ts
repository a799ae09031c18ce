/**
 * What every statement of Nightshift's on a PostgreSQL server (13 or later) is made of. PostgreSQL documentation: "The Cumulative Statistics System"
 * (pg_stat_activity), "Predefined Roles".
 */

/**
 * What a database's owner runs once, as the master user: a login for Nightshift with IAM authentication and nothing but what it needs.
 * Where the master user may not pass on `pg_read_all_stats` by itself (PostgreSQL 16 and later ask for the ADMIN option, which RDS doesn't give), the login gets
 * `pg_monitor`, which contains it. `pg_use_reserved_connections` exists from PostgreSQL 16 and helps only if the parameter `reserved_connections`
 * is above 0.
 */
export const NIGHTSHIFT_GRANTS = `
CREATE ROLE nightshift LOGIN;
GRANT rds_iam TO nightshift;
GRANT pg_signal_backend TO nightshift;
DO $$ BEGIN
  GRANT pg_read_all_stats TO nightshift;
EXCEPTION WHEN insufficient_privilege THEN
  GRANT pg_monitor TO nightshift;
END $$;
DO $$ BEGIN
  IF to_regrole('pg_use_reserved_connections') IS NOT NULL THEN
    GRANT pg_use_reserved_connections TO nightshift;
  END IF;
END $$;
`;

/**
 * What `vacuum-and-analyze` needs besides, and nothing else does: the role has MAINTAIN on every table, which allows VACUUM and ANALYZE, and REINDEX, CLUSTER and
 * LOCK TABLE too ("Predefined Roles"). It exists from PostgreSQL 17; before, only a table's or the database's owner may vacuum.
 */
export const MAINTENANCE_GRANTS = `
DO $$ BEGIN
  IF to_regrole('pg_maintain') IS NOT NULL THEN
    GRANT pg_maintain TO nightshift;
  END IF;
END $$;
`;

/**
 * Users of RDS itself, as an instance's role list shows them; `rdsproxyadmin` is named by "Quotas and limitations for RDS Proxy" (Amazon RDS User Guide),
 * which warns against touching it.
 */
export const INTERNAL_USERS = ['rdsadmin', 'rdsrepladmin', 'rdsproxyadmin', 'rdstopmgr'];

/** A session's identity together with its pid: UTC, to the microsecond. Over `a`, columns of pg_stat_activity. */
export const BACKEND_START = `to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
/** SQL for whether our login has a predefined role's privileges; false where the role doesn't exist. */
export const may = (role: string): string => `coalesce(pg_has_role(to_regrole('${role}')::oid, 'USAGE'), false)`;

/**
 * Who writes it: a login of its own. Nightshift's other login may use the slots of `reserved_connections`, and whoever stays logged in for most of each minute would
 * keep one of them from the remediation that frees connections.
 */
export const HEARTBEAT_USER = 'nightshift_heartbeat';
/** The time, written every ten seconds where a database has `heartbeat` (write-heartbeat): what a copy has of it, it has of everything. Column `at`, timestamptz. */
export const HEARTBEAT_TABLE = 'nightshift.heartbeat';
/** The newest one that this server has, in epoch milliseconds; null: none. */
export const NEWEST_HEARTBEAT = `SELECT extract(epoch FROM max(at)) * 1000 AS at_ms FROM ${HEARTBEAT_TABLE}`;

/** Whoever has a row in one of these is at work that takes its time: vacuum, analyze, index builds, copies (and so dumps). */
const PROGRESS = ['vacuum', 'analyze', 'create_index', 'cluster', 'copy'].map((what) => `pg_stat_progress_${what}`);
/** SQL for whether a session is at such work. Over `a`, columns of pg_stat_activity. */
export const IS_MAINTENANCE = PROGRESS.map((view) => `EXISTS (SELECT FROM ${view} p WHERE p.pid = a.pid)`).join(' OR ');
