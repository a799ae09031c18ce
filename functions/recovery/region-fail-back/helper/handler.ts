/** The Lambda entry of `look-replication`: one look. Only the plan's function may invoke it. */
import { runtimeConfig } from '../../../engine/config.ts';
import { lookReplication } from './look.ts';
import { type ReplicationAnswer, replicationOrder } from './orders.ts';

export const handler = async (event: unknown): Promise<ReplicationAnswer> =>
  lookReplication(replicationOrder.parse(event), runtimeConfig());
