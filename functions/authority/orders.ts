/** What `set-authority` is asked, and what it answers. */
import * as z from 'zod/mini';

const name = z.string().check(z.maxLength(63));

export const authorityOrder = z.discriminatedUnion('ask', [
  /** How the database is; it may be any that takes writes by a lease. */
  z.strictObject({ ask: z.literal('look'), database: name }),
  /** It may write until then (epoch milliseconds), or longer when it was told so before. */
  z.strictObject({ ask: z.literal('extend'), database: name, until: z.int().check(z.positive()) }),
  /** The promoted replica of a pair of this deployment's writes without a lease from now on. */
  z.strictObject({ ask: z.literal('release'), pair: name }),
]);
export type AuthorityOrder = z.infer<typeof authorityOrder>;

export const authorityAnswer = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('held'),
    /** The database's clock, and until when it takes writes (0: without a lease), in epoch milliseconds. */
    clock: z.number(),
    until: z.number(),
    guardedTables: z.number(),
    unguarded: z.array(z.string()),
  }),
  z.object({ kind: z.literal('released') }),
  /** `isNotSetUp`: the login isn't let in, or the guard isn't there: that takes a person. */
  z.object({ kind: z.literal('refused'), isNotSetUp: z.boolean(), why: z.string() }),
]);
export type AuthorityAnswer = z.infer<typeof authorityAnswer>;

export const SET_AUTHORITY = 'set-authority';
/** Of `set-authority`; whoever asks waits longer. */
export const SET_AUTHORITY_SECONDS = 20;
