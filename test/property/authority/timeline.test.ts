/** One database and one failover, on a timeline with late messages, lost ones, wrong clocks and long transactions: no moment at which both sites take writes. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  type Authority,
  granted,
  lapsesIn,
  mayWrite,
  whyNotSelfFenced,
  withdrawn,
} from '../../../functions/authority/rules.ts';

const LEASE_MS = 180_000;
const MARGIN_MS = 10_000;
const HOUR_MS = 3_600_000;

interface Timeline {
  /** When the keeper runs, and how long its message then takes; undefined: it is lost. */
  readonly renewals: readonly { readonly at: number; readonly delayMs: number | undefined }[];
  /** How much faster than true time the clocks run: the keeper's, the plan's, the database's. */
  readonly skewMs: { readonly keeper: number; readonly plan: number; readonly database: number };
  readonly withdrawAt: number;
  /** How long after its wait the plan promotes. */
  readonly dawdleMs: number;
  /** Transactions of the old primary: each writes when it begins, and again when it commits. */
  readonly transactions: readonly { readonly at: number; readonly forMs: number }[];
}

interface Played {
  /** True times at which the old primary committed. */
  readonly commits: readonly number[];
  /** True time from which the standby takes writes; undefined: it was never promoted. */
  readonly promotedAt: number | undefined;
}

function play({ renewals, skewMs, withdrawAt, dawdleMs, transactions }: Timeline, marginMs = MARGIN_MS): Played {
  let authority: Authority | undefined;
  /** What the database has heard, and when. */
  const heard: { readonly at: number; readonly until: number }[] = [];
  const events = [
    ...renewals.map((renewal) => ({ kind: 'renew' as const, ...renewal })),
    { kind: 'withdraw' as const, at: withdrawAt },
  ].sort((one, other) => one.at - other.at);
  let promotedAt: number | undefined;
  for (const event of events) {
    if (event.kind === 'withdraw') {
      // A database that never confirmed anything isn't fenced by waiting: the plan asks a person.
      if (whyNotSelfFenced(authority, marginMs) !== undefined || authority === undefined) continue;
      authority = withdrawn(authority, 'region-failover-1');
      const lapseMs = lapsesIn(authority, marginMs, event.at + skewMs.plan);
      promotedAt = event.at + lapseMs + dawdleMs;
      continue;
    }
    const next = granted(authority, 'checkout', event.at + skewMs.keeper, LEASE_MS);
    if (!next) continue;
    authority = next;
    if (event.delayMs === undefined) continue;
    const at = event.at + event.delayMs;
    heard.push({ at, until: next.until });
    // Its answer is written down as long as the authority isn't withdrawn; a confirmation that comes later doesn't matter here.
    if (at < withdrawAt)
      authority = { ...next, confirmed: { at, until: next.until, clockOffMs: 0, guardedTables: 1, unguarded: [] } };
  }
  /** Undefined: it has no lease yet, and takes writes. */
  const untilAt = (time: number): number | undefined => {
    const known = heard.filter(({ at }) => at <= time).map(({ until }) => until);
    return known.length === 0 ? undefined : Math.max(...known);
  };
  const passes = (time: number): boolean => {
    const until = untilAt(time);
    return until === undefined || mayWrite(until, time + skewMs.database);
  };
  const commits = transactions
    .filter(({ at, forMs }) => passes(at) && passes(at + forMs))
    .map(({ at, forMs }) => at + forMs);
  return { commits, promotedAt };
}

/** Apart from each other by no more than the margin. */
const skew = (most: number) => fc.integer({ min: -most / 2, max: most / 2 });
const timeline = (mostSkewMs: number) =>
  fc.record({
    renewals: fc.array(
      fc.record({
        at: fc.integer({ min: 0, max: HOUR_MS }),
        delayMs: fc.option(fc.oneof(fc.integer({ min: 0, max: 5_000 }), fc.integer({ min: 0, max: HOUR_MS })), {
          nil: undefined,
        }),
      }),
      { minLength: 1, maxLength: 40 },
    ),
    skewMs: fc.record({ keeper: skew(HOUR_MS), plan: skew(mostSkewMs), database: skew(mostSkewMs) }),
    withdrawAt: fc.integer({ min: 0, max: HOUR_MS }),
    dawdleMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: HOUR_MS })),
    transactions: fc.array(
      fc.record({ at: fc.integer({ min: 0, max: 3 * HOUR_MS }), forMs: fc.integer({ min: 0, max: HOUR_MS }) }),
      { maxLength: 20 },
    ),
  });

/** Commits at each moment of the last second before and after the promotion, too: what is looked for is at its edge. */
const atTheEdge = (given: Timeline): Timeline => {
  const { promotedAt = 0 } = play(given);
  const edges = [-1_000, -1, 0, 1, 1_000, LEASE_MS].flatMap((offset) =>
    [0, 60_000].map((forMs) => ({ at: promotedAt + offset - forMs, forMs })),
  );
  return { ...given, transactions: [...given.transactions, ...edges] };
};

describe('authority', () => {
  it('lets no two sites take writes at any moment, whatever is late, lost or wrong by less than the margin', () => {
    let promoted = 0;
    fc.assert(
      fc.property(timeline(MARGIN_MS).map(atTheEdge), (given) => {
        const { commits, promotedAt } = play(given);
        if (promotedAt === undefined) return;
        promoted += 1;
        expect(commits.filter((at) => at >= promotedAt)).toEqual([]);
      }),
      { numRuns: 2_000 },
    );
    // Otherwise it would have said nothing.
    expect(promoted).toBeGreaterThan(200);
  });

  it('would let both write with clocks further apart than the margin, so the margin is what holds', () => {
    const given: Timeline = {
      renewals: [{ at: 0, delayMs: 10 }],
      skewMs: { keeper: 0, plan: 0, database: -5_000 },
      ...{ withdrawAt: 60_000, dawdleMs: 0, transactions: [{ at: LEASE_MS + 4_000, forMs: 0 }] },
    };
    expect(play(given, 0)).toEqual({ commits: [LEASE_MS + 4_000], promotedAt: LEASE_MS });
    expect(play(given).promotedAt).toBe(LEASE_MS + MARGIN_MS);
  });

  it('is never granted again once it is withdrawn, and never shortened', () => {
    fc.assert(
      fc.property(fc.array(fc.option(fc.integer({ min: 0, max: HOUR_MS }), { nil: undefined })), (times) => {
        let authority: Authority | undefined;
        for (const time of times) {
          const before = authority;
          if (time === undefined) authority &&= withdrawn(authority, 'run');
          else authority = granted(authority, 'checkout', time, LEASE_MS) ?? authority;
          if (before) expect(authority?.until).toBeGreaterThanOrEqual(before.until);
          if (before?.state === 'withdrawn') expect(authority).toEqual(withdrawn(before, 'run'));
        }
      }),
    );
  });
});
