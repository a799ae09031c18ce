/** Reads how far the replicas of a database are. Changes nothing. */
import type pg from 'pg';
import { readIn } from '../../../databases/session.ts';
import type { RuntimeConfig } from '../../../engine/config.ts';
import type { Follower, ReplicationAnswer, ReplicationOrder } from './orders.ts';

/**
 * "Monitoring", pg_stat_replication, PostgreSQL documentation: `flush_lsn` is what the replica has on its disk; a promotion replays all of that first ("Log-Shipping Standby Servers"). Others' senders are shown to
 * whoever has pg_read_all_stats; without it the columns are empty, and no replica is told of.
 */
const LOOK = `
SELECT pg_is_in_recovery() AS "isReplica",
       (SELECT count(*)::int FROM pg_stat_activity
         WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid() AND backend_type = 'client backend')
       + (SELECT count(*)::int FROM pg_prepared_xacts) AS writing,
       CASE WHEN pg_is_in_recovery() THEN '[]'::json ELSE
         (SELECT coalesce(json_agg(json_build_object('slot', s.slot_name, 'state', r.state,
                   'behindBytes', greatest(0, pg_wal_lsn_diff(pg_current_wal_insert_lsn(), r.flush_lsn)))), '[]'::json)
            FROM pg_stat_replication r JOIN pg_replication_slots s ON s.active_pid = r.pid
           WHERE r.flush_lsn IS NOT NULL AND r.state IS NOT NULL) END AS followers`;

interface Row extends pg.QueryResultRow {
  readonly isReplica: boolean;
  readonly writing: number;
  readonly followers: readonly Follower[];
}

/** @throws RetryableError or ActionFailedError when it was let in and couldn't read. */
export async function lookReplication(
  { database }: ReplicationOrder,
  config: RuntimeConfig,
): Promise<ReplicationAnswer> {
  const target = config.databases[database];
  const isPairs = Object.values(config.pairs ?? {}).some(({ replica }) => replica === database);
  if (!target || !isPairs)
    return { kind: 'refused', passing: false, why: `databases.${database}: no pair of this configuration has it` };
  const found = await readIn(target, config, `the replication of ${database}`, async (client) => {
    const { rows } = await client.query<Row>(LOOK);
    return rows[0];
  });
  if (found && 'failure' in found)
    return { kind: 'refused', passing: found.failure !== 'auth', why: `${database}: ${found.why}` };
  if (!found) return { kind: 'refused', passing: true, why: `${database} answered nothing` };
  const { isReplica, writing, followers } = found;
  return { kind: 'read', isReplica, writing, followers: [...followers] };
}
