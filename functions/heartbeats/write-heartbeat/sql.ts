/** The table that a heartbeat is written into, and the statement that does it. */
import { HEARTBEAT_TABLE, HEARTBEAT_USER } from '../../databases/sql.ts';

/**
 * What a database's owner runs once, as the master user: a login that writes heartbeats and can do nothing else, not even get in when all ordinary slots are taken. Two
 * connections: a run ends up to half a minute after the next began. Deleting by a column takes SELECT on it ("DELETE", PostgreSQL documentation).
 */
export const HEARTBEAT_GRANTS = `
CREATE ROLE ${HEARTBEAT_USER} LOGIN CONNECTION LIMIT 2;
GRANT rds_iam TO ${HEARTBEAT_USER};
CREATE SCHEMA nightshift;
CREATE TABLE ${HEARTBEAT_TABLE} (at timestamptz NOT NULL);
GRANT USAGE ON SCHEMA nightshift TO ${HEARTBEAT_USER};
GRANT SELECT, INSERT, DELETE ON ${HEARTBEAT_TABLE} TO ${HEARTBEAT_USER};
`;

/** The newest ten minutes are kept: gaps in them can be seen, and the table stays one page. By the server's clock, as are its transactions. */
export const BEAT = `
WITH old AS (DELETE FROM ${HEARTBEAT_TABLE} WHERE at < clock_timestamp() - interval '10 minutes')
INSERT INTO ${HEARTBEAT_TABLE} (at) VALUES (clock_timestamp())`;
