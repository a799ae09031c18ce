/**
 * What is read of a restored PostgreSQL server (14 or later). PostgreSQL documentation: "System Information Functions" (pg_control_system(),
 * pg_current_snapshot()), "Predefined Roles" (pg_read_all_data), "amcheck", "Data Checksums"; a scan of a range of tids needs version 14.
 */
import { HEARTBEAT_TABLE } from '../../databases/sql.ts';

/**
 * What a database's owner runs once on the source, as the master user: a login that reads everything and writes nothing, for restored copies. Nightshift's functions can't
 * reach the source by it: the one that has its permission is in a network with restored instances only.
 */
export const VERIFY_GRANTS = `
CREATE ROLE nightshift_verify LOGIN;
GRANT rds_iam TO nightshift_verify;
GRANT pg_read_all_data TO nightshift_verify;
ALTER ROLE nightshift_verify SET default_transaction_read_only = on;
`;

/** What belongs to the customer: no catalogs, nothing temporary, nothing that a restore empties (unlogged tables). */
const OWN_RELATIONS = `
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relpersistence = 'p'`;

const NAME = `quote_ident(n.nspname) || '.' || quote_ident(c.relname)`;

export const OVERVIEW = `
SELECT (SELECT system_identifier::text FROM pg_control_system()) AS system_id,
       current_setting('server_version_num')::int / 10000 AS major_version,
       pg_snapshot_xmax(pg_current_snapshot())::text AS next_xid,
       current_setting('data_checksums') = 'on' AS checksums,
       to_regclass('${HEARTBEAT_TABLE}') IS NOT NULL AS has_heartbeat,
       EXISTS (SELECT FROM pg_proc WHERE proname = 'bt_index_check' AND has_function_privilege(oid, 'EXECUTE')
                                     AND has_schema_privilege(pronamespace, 'USAGE')) AS amcheck,
       ARRAY(SELECT n.nspname || '.' || c.conname FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace
              WHERE NOT c.convalidated AND n.nspname !~ '^pg_' ORDER BY 1 LIMIT 20) AS invalid_constraints,
       ARRAY(SELECT i.indexrelid::regclass::text FROM pg_index i WHERE NOT i.indisvalid ORDER BY 1 LIMIT 20) AS invalid_indexes`;

/** Tables with pages, in the order in which they are read. `$1`: the first name that is wanted. */
export const TABLES = `
SELECT ${NAME} AS name, pg_relation_size(c.oid) / current_setting('block_size')::int AS blocks ${OWN_RELATIONS}
   AND c.relkind IN ('r', 'm') AND ${NAME} >= $1 ORDER BY 1 LIMIT 500`;

/** B-tree indexes in the order in which they are checked. `$1`: after that name. */
export const INDEXES = `
SELECT ${NAME} AS name, c.oid::int8 AS oid ${OWN_RELATIONS}
   AND c.relkind = 'i' AND c.relam = (SELECT oid FROM pg_am WHERE amname = 'btree') AND ${NAME} > $1 ORDER BY 1 LIMIT 500`;

/**
 * Columns of a table's primary key in their order, and whether all of them only count rows: UUIDs, and integers that the database gives by itself. Any other number may be
 * somebody's (of a phone, a card). `$1`: the table.
 */
export const PRIMARY_KEY = `
SELECT a.attname AS name,
       a.atttypid = 'uuid'::regtype OR a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) AND (a.attidentity <> '' OR a.atthasdef) AS counts
  FROM pg_index i CROSS JOIN unnest(i.indkey) WITH ORDINALITY AS k(attnum, place)
  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
 WHERE i.indrelid = $1::regclass AND i.indisprimary ORDER BY k.place`;

/**
 * Every row with its part, key and hash. hashtextextended() gives the same for the same text on servers of one major version, which copies of one database are; both are read with
 * the settings of one login. @param key quoted columns; none: the whole row is its own key. @param table quoted.
 */
const hashed = (table: string, key: readonly string[], buckets: number): string => {
  const text = key.length > 0 ? `jsonb_build_array(${key.map((column) => `t.${column}`).join(', ')})::text` : 't::text';
  return `SELECT hashtextextended(${text}, 0) & ${buckets - 1} AS bucket, ${text} AS key, hashtextextended(t::text, 1) AS hash FROM ${table} AS t`;
};

/** `hash` is a sum, because two equal rows would be none in an exclusive or. */
export const digestOf = (table: string, key: readonly string[], buckets: number): string => `
SELECT bucket::int AS bucket, count(*) AS rows, sum(hash)::text AS hash FROM (${hashed(table, key, buckets)}) AS each GROUP BY 1 ORDER BY 1`;

/** `$1`: the parts, `$2`: at most so many rows. */
export const rowsOf = (table: string, key: readonly string[], buckets: number, keyCounts: boolean): string => `
SELECT ${keyCounts ? 'key' : 'hashtextextended(key, 2)::text'} AS key, hash::text AS hash FROM (${hashed(table, key, buckets)}) AS each
 WHERE bucket = ANY ($1::int[]) ORDER BY each.key LIMIT $2`;

/** Reads every column of every row whose page is in the range, also what is stored out of line. `table` is a name of TABLES, quoted by the server. */
export const readPages = (table: string): string => `
SELECT count(*), sum(octet_length(t::text)) FROM ${table} AS t WHERE ctid >= $1::tid AND ctid < $2::tid`;
