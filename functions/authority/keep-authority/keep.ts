/** Renews the lease of one pair's primary, once. */
import type { PairConfig, SelfFencing } from '../../engine/config.ts';
import { RetryableError } from '../../engine/errors.ts';
import type { Store } from '../../engine/store.ts';
import { readAuthority, writeAuthority } from '../items.ts';
import type { AuthorityAnswer, AuthorityOrder } from '../orders.ts';
import { type Authority, clockOffMs, granted, whyNotSelfFenced } from '../rules.ts';

/** Asks `set-authority` in the primary's region. @throws EngineError when it doesn't answer. */
export type AskHolder = (fencing: SelfFencing, order: AuthorityOrder) => Promise<AuthorityAnswer>;

export interface Keeping {
  readonly store: Store;
  readonly ask: AskHolder;
  readonly now: () => number;
}

export type Kept =
  | { readonly kind: 'kept'; readonly until: number /** Why a failover couldn't rely on it. */; readonly weak?: string }
  /** A failover stopped it. */
  | { readonly kind: 'withdrawn' }
  | { readonly kind: 'not-kept'; readonly why: string };

const TRIES = 3;

/**
 * First it looks whether the database answers: what can't be reached is granted nothing, so that a failover waits for no lease that nobody heard of. Then the grant is written down, and only
 * then told: whatever becomes of the message, the database never has more than the journal says.
 * @throws EngineError when the journal or the primary's region doesn't answer.
 */
export async function keepAuthority(
  { store, ask, now }: Keeping,
  pair: Pick<PairConfig, 'name'>,
  fencing: SelfFencing,
): Promise<Kept> {
  const { database, leaseSeconds, clockMarginSeconds } = fencing;
  if ((await readAuthority(store, pair.name))?.state === 'withdrawn') return { kind: 'withdrawn' };
  const looked = await ask(fencing, { ask: 'look', database });
  if (looked.kind !== 'held') return notKept(looked);
  const grant = await writeGrant({ store, now }, pair.name, leaseSeconds * 1000);
  if (!grant) return { kind: 'withdrawn' };
  const asked = now();
  const held = await ask(fencing, { ask: 'extend', database, until: grant.until });
  if (held.kind !== 'held') return notKept(held);
  const confirmed = {
    ...{ at: now(), until: held.until, guardedTables: held.guardedTables, unguarded: held.unguarded },
    clockOffMs: clockOffMs(held.clock, asked, now()),
  };
  // Withdrawn meanwhile, or renewed by another run: an earlier confirmation says enough.
  const next: Authority = { ...grant, confirmed };
  await writeAuthority(store, next);
  const weak = whyNotSelfFenced(next, clockMarginSeconds * 1000);
  return { kind: 'kept', until: held.until, ...(weak !== undefined && { weak }) };
}

const notKept = (answer: Exclude<AuthorityAnswer, { kind: 'held' }>): Kept => ({
  kind: 'not-kept',
  why: answer.kind === 'refused' ? answer.why : 'set-authority answered something else than what it was asked',
});

/** Undefined: it is withdrawn. @throws EngineError */
async function writeGrant(
  { store, now }: Pick<Keeping, 'store' | 'now'>,
  pair: string,
  leaseMs: number,
): Promise<Authority | undefined> {
  for (let tries = 1; tries <= TRIES; tries++) {
    const next = granted(await readAuthority(store, pair), pair, now(), leaseMs);
    if (!next) return undefined;
    if (await writeAuthority(store, next)) return { ...next, version: next.version + 1 };
  }
  throw new RetryableError(`pairs.${pair}: others wrote its authority each of ${TRIES} times`);
}
