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
  if (looked.kind !== 'held') return notKept(store, pair.name, looked);
  const grant = await writeGrant({ store, now }, pair.name, leaseSeconds * 1000, looked.until);
  if (!grant) return { kind: 'withdrawn' };
  const asked = now();
  const held = await ask(fencing, { ask: 'extend', database, until: grant.authority.until });
  if (held.kind !== 'held') return notKept(store, pair.name, held);
  const confirmed = {
    ...{ at: now(), until: held.until, guardedTables: held.guardedTables, unguarded: held.unguarded },
    clockOffMs: clockOffMs(held.clock, asked, now()),
  };
  // Withdrawn meanwhile, or renewed by another run: an earlier confirmation says enough.
  const { doubt: _ended, ...granted } = grant.authority;
  const next: Authority = { ...granted, confirmed, ...(grant.foreign !== undefined && { doubt: grant.foreign }) };
  await writeAuthority(store, next);
  const weak = whyNotSelfFenced(next, clockMarginSeconds * 1000);
  return { kind: 'kept', until: held.until, ...(weak !== undefined && { weak }) };
}

/** The primary's region answered, and can't hold the database to a lease: what that confirmed before says nothing any more. @throws EngineError */
async function notKept(store: Store, pair: string, answer: Exclude<AuthorityAnswer, { kind: 'held' }>): Promise<Kept> {
  const why = answer.kind === 'refused' ? answer.why : 'set-authority answered something else than what it was asked';
  for (let tries = 1; ; tries++) {
    const present = await readAuthority(store, pair);
    if (!present || present.doubt === why || (await writeAuthority(store, { ...present, doubt: why })))
      return { kind: 'not-kept', why };
    if (tries === TRIES) throw manyWriters(pair);
  }
}

interface Grant {
  readonly authority: Authority;
  /** Who else grants the database time: a failover of this region wouldn't stop that. */
  readonly foreign: string | undefined;
}

/** @param lookedUntil until when the database said that it may write. Undefined: it is withdrawn. @throws EngineError */
async function writeGrant(
  { store, now }: Pick<Keeping, 'store' | 'now'>,
  pair: string,
  leaseMs: number,
  lookedUntil: number,
): Promise<Grant | undefined> {
  for (let tries = 1; tries <= TRIES; tries++) {
    const present = await readAuthority(store, pair);
    const next = granted(present, pair, now(), leaseMs);
    if (!next) return undefined;
    // What is granted here is written before it is told, so the database never knows of more.
    const foreign =
      lookedUntil > Math.max(present?.until ?? 0, now())
        ? `somebody else grants the database time to write, until ${new Date(lookedUntil).toISOString()}`
        : undefined;
    const grant = foreign === undefined ? next : { ...next, doubt: foreign };
    if (await writeAuthority(store, grant)) return { authority: { ...grant, version: grant.version + 1 }, foreign };
  }
  throw manyWriters(pair);
}

const manyWriters = (pair: string) =>
  new RetryableError(`pairs.${pair}: others wrote its authority each of ${TRIES} times`);
