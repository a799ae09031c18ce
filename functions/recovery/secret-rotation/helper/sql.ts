/** What `set-logins` asks of a database, and what its login needs for it. */
import pg from 'pg';

/** A name for the login as the default of `databases.<name>.rotation.login`. */
export const ROTATION_LOGIN = 'nightshift_rotation';

/**
 * What a database's owner runs once, as the master user, from PostgreSQL 16 on: a login that may change those two users and no others ("CREATEROLE", PostgreSQL documentation, Role
 * Attributes: only roles on which it has the ADMIN option), without what they may do. Ending their sessions takes `pg_signal_backend`.
 */
export const rotationGrants = (users: readonly string[], login: string = ROTATION_LOGIN): string => `
CREATE ROLE ${login} LOGIN CREATEROLE CONNECTION LIMIT 3;
GRANT rds_iam TO ${login};
GRANT pg_signal_backend TO ${login};
${users.map((user) => `GRANT ${pg.escapeIdentifier(user)} TO ${login} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;`).join('\n')}
`;

/** $1: both users. Sessions are shown to everybody with their user ("The Cumulative Statistics System": other columns are not). */
export const LOOK = `
SELECT r.rolname AS name, r.rolcanlogin AS "canLogin",
       (SELECT count(*)::int FROM pg_stat_activity a WHERE a.usesysid = r.oid) AS sessions,
       pg_has_role(r.oid, 'MEMBER WITH ADMIN OPTION')
         AND (SELECT me.rolcreaterole FROM pg_roles me WHERE me.rolname = current_user) AS "mayAlter",
       pg_has_role('pg_signal_backend', 'USAGE') AS "mayEnd",
       (SELECT count(*)::int
          FROM pg_roles o,
               pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
               unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) p
         WHERE o.rolname = ANY($1) AND o.oid <> r.oid
           AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%'
           AND CASE
                 WHEN NOT has_schema_privilege(o.oid, n.oid, 'USAGE') THEN false
                 WHEN c.relkind IN ('r', 'p', 'v', 'm', 'f')
                   THEN has_table_privilege(o.oid, c.oid, p)
                        AND NOT (has_schema_privilege(r.oid, n.oid, 'USAGE') AND has_table_privilege(r.oid, c.oid, p))
                 WHEN c.relkind = 'S' AND p = 'SELECT'
                   THEN has_sequence_privilege(o.oid, c.oid, 'USAGE') AND NOT has_sequence_privilege(r.oid, c.oid, 'USAGE')
                 ELSE false
               END) AS lacks
  FROM pg_roles r
 WHERE r.rolname = ANY($1)`;

/** Utility statements take no parameters. @param verifier as PostgreSQL keeps the password (scram.ts). */
export const letIn = (user: string, verifier: string): string =>
  `ALTER ROLE ${pg.escapeIdentifier(user)} LOGIN PASSWORD ${pg.escapeLiteral(verifier)}`;
export const admit = (user: string): string => `ALTER ROLE ${pg.escapeIdentifier(user)} LOGIN`;
export const shutOut = (user: string): string => `ALTER ROLE ${pg.escapeIdentifier(user)} NOLOGIN`;

/** $1: the user. @returns how many were told to end. */
export const END_SESSIONS = `
SELECT count(*)::int AS ended FROM (SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1) AS told`;
