/**
 * Who of a pair may write, and until when: a lease that the standby's region grants the primary's database, again and again (docs/decisions/0250). A failover stops granting and waits until
 * the last grant is over: from then on the old primary refuses writes by itself, whether or not anybody can reach it. Pure; all times are epoch milliseconds.
 */

/** Kept in the journal of the standby's region. Nobody else writes it: it holds whatever becomes of the primary's region. */
export interface Authority {
  readonly pair: string;
  readonly state: 'granting' | 'withdrawn';
  readonly version: number;
  /** The latest moment that was ever granted, whether or not the database has heard of it. Never becomes earlier. */
  readonly until: number;
  /** What the database answered last; undefined: it never did, so nothing is known to hold it to its lease. */
  readonly confirmed?: Confirmation | undefined;
  /** Why what it confirmed says nothing any more; undefined: it does. The next confirmation ends it. */
  readonly doubt?: string | undefined;
  /** The run of a plan that withdrew it. */
  readonly withdrawnBy?: string | undefined;
}

export interface Confirmation {
  readonly at: number;
  readonly until: number;
  /** How far the database's clock was from the keeper's at least, in milliseconds; negative: behind. */
  readonly clockOffMs: number;
  readonly guardedTables: number;
  /** Tables of guarded schemas that take writes without a lease; a few of them, by name. */
  readonly unguarded: readonly string[];
}

/**
 * One more lease, to be written down before the database hears of it: what it hears late, or twice, is never later than `until` here.
 * @returns undefined when it is withdrawn.
 */
export function granted(
  present: Authority | undefined,
  pair: string,
  now: number,
  leaseMs: number,
): Authority | undefined {
  if (present === undefined) return { pair, state: 'granting', version: 0, until: now + leaseMs };
  if (present.state === 'withdrawn') return undefined;
  return { ...present, until: Math.max(present.until, now + leaseMs) };
}

/**
 * Nothing more is granted. What was granted holds until it is over. Where another run had withdrawn it before, nobody has renewed it since: the database may have been freed of its lease by hand, or
 * be another one by now.
 */
export const withdrawn = (present: Authority, run: string): Authority => ({
  ...present,
  state: 'withdrawn',
  withdrawnBy: run,
  ...(present.state === 'withdrawn' &&
    present.withdrawnBy !== run && {
      doubt: `${present.withdrawnBy} withdrew it before, and nothing was granted since`,
    }),
});

/** Grants may be made again. @returns undefined when it isn't this run that withdrew it: that one relies on it. */
export function restored(present: Authority, run: string): Authority | undefined {
  if (present.state !== 'withdrawn' || present.withdrawnBy !== run) return undefined;
  const { withdrawnBy: _by, ...kept } = present;
  return { ...kept, state: 'granting' };
}

/**
 * After the way back to the first region grants begin anew, of a database of which nothing is known yet: what was confirmed was another one's.
 * @returns undefined when nothing is withdrawn.
 */
export const handedOver = ({ pair, state, version, until }: Authority): Authority | undefined =>
  state === 'withdrawn' ? { pair, state: 'granting', version, until } : undefined;

/** How long until the last grant is over by every clock within the margin; 0: it is. */
export const lapsesIn = ({ until }: Pick<Authority, 'until'>, clockMarginMs: number, now: number): number =>
  Math.max(0, until + clockMarginMs - now);

/** What the database decides by its own clock, at each statement that writes and again at the end of its transaction (`nightshift.check_authority`). */
export const mayWrite = (until: number, databaseClock: number): boolean => databaseClock < until;

/** How far a clock that was read between two moments of ours is from ours, at least; 0: no difference was seen. */
export const clockOffMs = (read: number, asked: number, answered: number): number =>
  read < asked ? read - asked : Math.max(0, read - answered);

/** Why waiting wouldn't stop the database; undefined: it holds itself to its lease, as far as it last said. */
export function whyNotSelfFenced(authority: Authority | undefined, clockMarginMs: number): string | undefined {
  if (authority === undefined) return 'no lease was ever granted';
  const { confirmed, doubt } = authority;
  if (confirmed === undefined) return 'the database never confirmed a lease';
  if (doubt !== undefined) return doubt;
  if (Math.abs(confirmed.clockOffMs) > clockMarginMs)
    return `the database's clock is ${Math.round(Math.abs(confirmed.clockOffMs) / 1000)} s off`;
  if (confirmed.guardedTables === 0) return 'the database guards no table';
  if (confirmed.unguarded.length > 0)
    return `the database doesn't guard ${confirmed.unguarded.join(', ')}, which it takes writes to without a lease`;
  return undefined;
}

/** Confirmed within this long before an outage it is believed: alarms of an outage fire later than it begins. */
const LONGEST_UNHEARD_MS = 30 * 60_000;

/** Why nobody knows how the database is by the time of an outage; undefined: it was heard of until then. @param outageAt epoch milliseconds. */
export function whyUnheard({ confirmed }: Pick<Authority, 'confirmed'>, outageAt: number): string | undefined {
  const unheardMs = confirmed === undefined ? 0 : outageAt - confirmed.at;
  return unheardMs > LONGEST_UNHEARD_MS
    ? `the database last confirmed its lease ${Math.round(unheardMs / 60_000)} min before the outage`
    : undefined;
}
