/** What Lambda does with an asynchronous event after an attempt ("How Lambda handles errors and retries with asynchronous invocation"). */
import type { Condition } from './destinations.ts';
import type { AsyncSettings, RunResult } from './types.ts';

export type NextStep =
  | { readonly kind: 'done'; readonly condition: Condition }
  | { readonly kind: 'again'; readonly inMs: number };

export interface Attempts {
  /** Runs that ended with a function error. */
  readonly failed: number;
  /** Attempts in a row that were throttled, or met by an error of Lambda's own. */
  readonly deferred: number;
  readonly ageMs: number;
}

/** One minute before the second attempt, two before the third. */
const AFTER_ERROR_MS = [60_000, 120_000];
/** Throttled: from one second, doubling, to five minutes. */
const FIRST_DEFERRAL_MS = 1_000;
const LONGEST_DEFERRAL_MS = 300_000;

/**
 * The step after `result`; pure.
 * @param attempts including the one that just ended.
 * @param timeScale AWS's own waits are multiplied by this; the configured age isn't.
 */
export function nextStep(result: RunResult, attempts: Attempts, settings: AsyncSettings, timeScale: number): NextStep {
  if (result.kind === 'ok') return { kind: 'done', condition: 'Success' };
  if (result.kind === 'function-error' && attempts.failed > settings.maximumRetryAttempts)
    return { kind: 'done', condition: 'RetriesExhausted' };
  const wait =
    result.kind === 'function-error'
      ? (AFTER_ERROR_MS[attempts.failed - 1] ?? 120_000)
      : Math.min(LONGEST_DEFERRAL_MS, FIRST_DEFERRAL_MS * 2 ** (attempts.deferred - 1));
  const inMs = wait * timeScale;
  if (attempts.ageMs + inMs > settings.maximumEventAgeSeconds * 1_000)
    return { kind: 'done', condition: 'EventAgeExceeded' };
  return { kind: 'again', inMs };
}
