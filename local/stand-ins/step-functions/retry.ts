/** Which retrier or catcher deals with an error, and after how long ("Handling errors in Step Functions workflows"). Pure. */
import { matches, type StatesError } from './errors.ts';
import type { Catcher, Retrier } from './types.ts';

const DEFAULTS = { intervalSeconds: 1, maxAttempts: 3, backoffRate: 2 };

/** How often each retrier of one visit to a state was used, by its index. */
export type RetryCounts = Readonly<Record<number, number>>;

/**
 * The first retrier that matches decides, also when it is used up: later ones aren't asked then.
 * @param random from 0 to 1, for `JitterStrategy: FULL`.
 * @returns the wait before the next attempt, and the counts after it; nothing when there is to be no further attempt.
 */
export function nextRetry(
  retriers: readonly Retrier[],
  counts: RetryCounts,
  error: StatesError,
  random: number,
): { readonly delaySeconds: number; readonly counts: RetryCounts } | undefined {
  const index = retriers.findIndex(({ ErrorEquals }) => ErrorEquals.some((name) => matches(name, error)));
  const retrier = retriers[index];
  if (!retrier) return undefined;
  const used = counts[index] ?? 0;
  if (used >= (retrier.MaxAttempts ?? DEFAULTS.maxAttempts)) return undefined;
  const interval = retrier.IntervalSeconds ?? DEFAULTS.intervalSeconds;
  const grown = interval * (retrier.BackoffRate ?? DEFAULTS.backoffRate) ** used;
  const delay = Math.min(grown, retrier.MaxDelaySeconds ?? Number.POSITIVE_INFINITY);
  const delaySeconds = retrier.JitterStrategy === 'FULL' ? delay * random : delay;
  return { delaySeconds, counts: { ...counts, [index]: used + 1 } };
}

/** The first catcher that means the error, with its place in the list. */
export function catcherOf(
  catchers: readonly Catcher[],
  error: StatesError,
): { readonly catcher: Catcher; readonly index: number } | undefined {
  const index = catchers.findIndex(({ ErrorEquals }) => ErrorEquals.some((name) => matches(name, error)));
  const catcher = catchers[index];
  return catcher && { catcher, index };
}
