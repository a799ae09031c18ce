/**
 * The roles of a fresh DB instance, so that what a user may grant is tried as on RDS: the master user is no superuser, and the server's own
 * superuser can't be reached. Follows "Understanding the rds_superuser role" and "Creating a database account using IAM authentication"
 * (Amazon RDS User Guide). AWS publishes no complete list of what rds_superuser may pass on; this one is what a published `pg_dumpall --roles-only` of an
 * RDS for PostgreSQL 17 instance shows. `pg_read_all_stats` by itself is not on it: it comes with `pg_monitor`.
 * On RDS the master user passes `rds_iam` and `rds_superuser` on by a change to PostgreSQL; here it has them with the ADMIN option.
 */
import pg from 'pg';

/** Roles that rds_superuser has and may pass on. */
export const GRANTABLE = [
  'pg_checkpoint',
  'pg_create_subscription',
  'pg_maintain',
  'pg_monitor',
  'pg_read_all_data',
  'pg_signal_backend',
  'pg_use_reserved_connections',
  'pg_write_all_data',
  'rds_password',
  'rds_replication',
] as const;

export interface Master {
  readonly user: string;
  readonly password: string;
  /** Database to create, owned by the master user. */
  readonly database: string | undefined;
}

/**
 * Creates roles, master user and database on a fresh server. `run` executes one statement as the server's superuser in the database `postgres`.
 * The password is passed on as a literal because CREATE ROLE takes no parameters; the statement is not logged (log_statement is off).
 */
export async function bootstrap(run: (sql: string) => Promise<unknown>, master: Master): Promise<void> {
  for (const role of ['rds_superuser', 'rds_iam', 'rds_replication', 'rds_password']) await run(`CREATE ROLE ${role}`);
  for (const role of GRANTABLE) await run(`GRANT ${role} TO rds_superuser WITH ADMIN OPTION`);
  const name = pg.escapeIdentifier(master.user);
  await run(`CREATE ROLE ${name} LOGIN CREATEDB CREATEROLE PASSWORD ${pg.escapeLiteral(master.password)}`);
  await run(`GRANT rds_superuser TO ${name} WITH ADMIN OPTION`);
  // To pass a role on, stock PostgreSQL makes the master user a member of it; `accessRules` keeps that from turning its own login into an IAM login.
  await run(`GRANT rds_iam TO ${name} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE`);
  if (master.database && master.database !== 'postgres')
    await run(`CREATE DATABASE ${pg.escapeIdentifier(master.database)} OWNER ${name}`);
}

/**
 * Lines of pg_hba.conf for an instance: IAM logins have shown their token at the front door, all others show their password to the server.
 * The server decides by the same rule as the front door (`isIamLoginSql`): members of rds_iam, the master user left out.
 */
export function accessRules(masterUser: string): readonly string[] {
  const master = `"${masterUser.replaceAll('"', '""')}"`;
  return [
    `local all ${master} scram-sha-256`,
    'local all +rds_iam trust',
    'local all all scram-sha-256',
    'local replication all scram-sha-256',
  ];
}

/** `$1` login, `$2` master user: one row with `iam` when the login exists and must show a token. */
export const isIamLoginSql = `
  SELECT pg_has_role(oid, 'rds_iam', 'MEMBER') AND NOT rolsuper AND rolname <> $2 AS iam FROM pg_roles WHERE rolname = $1`;
