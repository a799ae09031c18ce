/** Whether a site is proved healthy, or sick: never by one probe, and never from one place. Pure. */

import type { CheckerVotes } from './checkers.ts';
import type { Probes } from './probe.ts';

export interface SiteHealth {
  /** Our own, just now. */
  readonly probes: Probes;
  /** Of Route 53's checkers around the world; `unknown`: why they can't be had. */
  readonly votes: CheckerVotes | { readonly unknown: string };
}

export type Verdict = 'healthy' | 'sick' | 'unclear';

/** Fewer checkers are no quorum; AWS has a health check made by about fifteen. */
const LEAST_CHECKERS = 3;

/**
 * Healthy: every probe of ours was answered well, and most checkers agree. Sick: no probe was, and most checkers agree. When the two disagree, or checkers are too
 * few, it is neither: then nothing may be concluded in either direction. Route 53 itself is content with 18 % of the checkers, which is too little to move everybody.
 */
export function verdictOf({ probes, votes }: SiteHealth): Verdict {
  if ('unknown' in votes || votes.all < LEAST_CHECKERS || probes.all === 0) return 'unclear';
  const most = votes.healthy > votes.all / 2;
  if (probes.healthy === probes.all && most) return 'healthy';
  return probes.healthy === 0 && !most ? 'sick' : 'unclear';
}

/** "0 of 3 probes good (status 503), 1 of 15 checkers see it healthy". */
export function tellHealth({ probes, votes }: SiteHealth): string {
  const why = probes.lastFailure === undefined ? '' : ` (${probes.lastFailure})`;
  const checkers =
    'unknown' in votes
      ? `checkers unknown: ${votes.unknown}`
      : `${votes.healthy} of ${votes.all} checkers see it healthy`;
  return `${probes.healthy} of ${probes.all} probes good${why}, ${checkers}`;
}
