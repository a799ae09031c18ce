/** What every remediation of databases says of its targets. Pure. */
import type { DatabaseConfig, RuntimeConfig } from '../engine/config.ts';

/** The configured database of that key, such as `rds-instance/orders-db`. */
export const databaseOf = (key: string, { databases }: RuntimeConfig): DatabaseConfig | undefined =>
  Object.values(databases).find(({ name }) => key === `rds-instance/${name}`);

/** A database depends on no other target. */
export const noUpstreams = (): readonly string[] => [];
