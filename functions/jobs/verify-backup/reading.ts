/** What the function that reads restored instances is asked, and what that answers. Names, counts, times, hashes, and keys that only count rows: never a row of anybody's data. */
import * as z from 'zod/mini';

/** A page of a table where a full read goes on. */
const position = z.object({ table: z.string(), block: z.number() });
export type Position = z.infer<typeof position>;

const ask = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('overview') }),
  /** Counts one of the configured tables. */
  z.object({ kind: z.literal('count'), table: z.string() }),
  /** Runs one of the configured statements. */
  z.object({ kind: z.literal('query'), name: z.string() }),
  /** Reads tables from end to end, from a position on (null: the first table), as far as `mib` and its time allow. */
  z.object({ kind: z.literal('full-read'), from: z.nullable(position), mib: z.number() }),
  /** Checks indexes in the order of their names, from the one after `after` on. */
  z.object({ kind: z.literal('indexes'), after: z.nullable(z.string()) }),
  /** What one of the configured tables has, in `BUCKETS` parts, to compare two copies by. */
  z.object({ kind: z.literal('digest'), table: z.string() }),
  /** The rows of some of these parts, at most `MOST_ROWS`. */
  z.object({ kind: z.literal('rows'), table: z.string(), buckets: z.array(z.number()) }),
]);
export type Ask = z.infer<typeof ask>;

/** The configuration in the reader's own asset says how to log in, and what the names mean. */
export const readOrder = z.object({ subject: z.string(), host: z.string(), port: z.number(), ask });
export type ReadOrder = z.infer<typeof readOrder>;

const overview = z.object({
  kind: z.literal('overview'),
  /** Of the database cluster, made with it, and kept by every copy (PostgreSQL documentation, pg_control_system()). */
  systemId: z.string(),
  /** `server_version_num` / 10000. */
  majorVersion: z.number(),
  /** The next transaction's 64-bit id: it only ever grows, so it tells which of two copies is later. */
  nextXid: z.string(),
  checksums: z.boolean(),
  /** amcheck is installed and may be used. */
  amcheck: z.boolean(),
  /** When the newest heartbeat row was written (epoch milliseconds); null: there is no such table. */
  heartbeatAt: z.nullable(z.number()),
  /** Foreign keys and checks that were never validated, and indexes that are not valid; at most 20 of each. */
  invalidConstraints: z.array(z.string()),
  invalidIndexes: z.array(z.string()),
});
export type Overview = z.infer<typeof overview>;

const count = z.object({
  kind: z.literal('count'),
  table: z.string(),
  /** null: there is no such table. */
  rows: z.nullable(z.number()),
  /** Epoch milliseconds; null: no rows, or not asked for. */
  newestAt: z.nullable(z.number()),
});
export type Count = z.infer<typeof count>;

/** Parts of a table that are compared each for itself: by them rows that differ are found without listing the others. */
export const BUCKETS = 256;
/** Rows that one answer tells of. */
export const MOST_ROWS = 20_000;

const digest = z.object({
  kind: z.literal('digest'),
  table: z.string(),
  /** Columns of the primary key; null: there is no such table. Without one, rows are told apart by all that is in them. */
  key: z.nullable(z.array(z.string())),
  /** Of the parts that have rows: how many, and a hash over all of them in whichever order. */
  buckets: z.array(z.object({ bucket: z.number(), rows: z.number(), hash: z.string() })),
});
export type Digest = z.infer<typeof digest>;

const rowsOf = z.object({
  kind: z.literal('rows'),
  table: z.string(),
  /** `key` is a hash, but for keys that only count rows (UUIDs, and integers that the database gives), which are told as they are: others may be data of somebody. */
  rows: z.array(z.object({ key: z.string(), hash: z.string() })),
});
export type Rows = z.infer<typeof rowsOf>;

const fullRead = z.object({
  kind: z.literal('full-read'),
  /** Where to go on; null: it has read the last page of the last table. */
  next: z.nullable(position),
  mib: z.number(),
  /** The first pages that can't be read, as PostgreSQL says it; null: none. */
  damage: z.nullable(z.object({ table: z.string(), why: z.string() })),
});
export type FullRead = z.infer<typeof fullRead>;

export const answer = z.discriminatedUnion('kind', [
  overview,
  count,
  fullRead,
  digest,
  rowsOf,
  z.object({ kind: z.literal('query'), name: z.string(), good: z.boolean(), why: z.string() }),
  z.object({
    kind: z.literal('indexes'),
    checked: z.number(),
    next: z.nullable(z.string()),
    damage: z.nullable(z.string()),
  }),
  /** The restored instance can't be read at all. `passing`: try again. */
  z.object({ kind: z.literal('no-connection'), passing: z.boolean(), why: z.string() }),
  /** It can be reached, and what was asked couldn't be read; `check` names what that means. */
  z.object({ kind: z.literal('unreadable'), damaged: z.boolean(), why: z.string() }),
]);
export type Answer = z.infer<typeof answer>;
