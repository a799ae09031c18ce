/** What the function `set-logins` is asked, and what it answers. No secret is in either, but sealed. */
import * as z from 'zod/mini';
import { sealed } from '../sealed.ts';

const about = { database: z.string().check(z.maxLength(63)), user: z.string().check(z.maxLength(63)) };

export const loginOrder = z.discriminatedUnion('ask', [
  /** The key to seal to. */
  z.strictObject({ ask: z.literal('key') }),
  /** How both users are. */
  z.strictObject({ ask: z.literal('look'), database: about.database }),
  /** The user may log in, with this password. */
  z.strictObject({ ask: z.literal('let-in'), ...about, password: sealed }),
  /** Whether the user gets in with this password. */
  z.strictObject({ ask: z.literal('try'), ...about, password: sealed }),
  /** The user may log in again, with the password that it has. */
  z.strictObject({ ask: z.literal('admit'), ...about }),
  /** The user may log in no more, and its sessions are ended. */
  z.strictObject({ ask: z.literal('shut-out'), ...about }),
]);
export type LoginOrder = z.infer<typeof loginOrder>;

export const user = z.object({
  name: z.string(),
  canLogin: z.boolean(),
  sessions: z.number(),
  /** Whether the function's login may change it. */
  mayAlter: z.boolean(),
  /** Whether it may end its sessions. */
  mayEnd: z.boolean(),
  /** Rights to tables, sequences and schemas that the other one has and it hasn't. */
  lacks: z.number(),
});
export type User = z.infer<typeof user>;

export const loginAnswer = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('key'), key: z.string() }),
  z.object({ kind: z.literal('users'), users: z.array(user) }),
  z.object({ kind: z.literal('done'), detail: z.string() }),
  /** What was sealed, was sealed to the key of another copy of this function. */
  z.object({ kind: z.literal('other-key'), key: z.string() }),
  /** `passing`: it may be otherwise in a moment. */
  z.object({ kind: z.literal('refused'), passing: z.boolean(), why: z.string() }),
]);
export type LoginAnswer = z.infer<typeof loginAnswer>;
