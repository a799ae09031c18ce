/** What the function `look-replication` is asked, and what it answers. */
import * as z from 'zod/mini';

export const replicationOrder = z.strictObject({ database: z.string().check(z.maxLength(63)) });
export type ReplicationOrder = z.infer<typeof replicationOrder>;

export const follower = z.object({
  /** Name of the replication slot by which it follows. */
  slot: z.string(),
  /** Of its sender: `streaming` once it has caught up (pg_stat_replication). */
  state: z.string(),
  /** Of the log that is written: so much it has not got, in bytes. */
  behindBytes: z.number(),
});
export type Follower = z.infer<typeof follower>;

export const replicationAnswer = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('read'),
    /** It is a read replica itself. */
    isReplica: z.boolean(),
    /** Transactions of others that have written and aren't over, prepared ones too. */
    writing: z.number(),
    followers: z.array(follower),
  }),
  /** `passing`: it may be otherwise in a moment. */
  z.object({ kind: z.literal('refused'), passing: z.boolean(), why: z.string() }),
]);
export type ReplicationAnswer = z.infer<typeof replicationAnswer>;
export type Replication = Extract<ReplicationAnswer, { kind: 'read' }>;
