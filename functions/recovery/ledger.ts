/** What runs of a plan took and lost, one against the others. Pure. */
import { isSlower, usualMs } from '../jobs/drill/decide.ts';
import type { RunItem } from './items.ts';

/** Of one kind of runs, real ones or rehearsals, that came to a good end. */
export interface Ledger {
  readonly runs: number;
  /** Of them: within the target time, and with no more lost than the plan may lose. Unknown loss isn't within. */
  readonly withinTargets: number;
  /** Of the newest (milliseconds, without the time for which it was frozen). */
  readonly lastMs: number;
  /** Median of the few before it; absent of the first. */
  readonly usualMs?: number | undefined;
  readonly trend: 'first' | 'steady' | 'slower' | 'faster';
}

/** @param runs newest first. @returns undefined when none came to a good end. */
export function ledgerOf(runs: readonly RunItem[], kind: 'real' | 'rehearsals'): Ledger | undefined {
  const verdict = kind === 'real' ? 'recovered' : 'rehearsed';
  const figures = runs.flatMap((run) => (run.verdict === verdict && run.figures ? [run.figures] : []));
  const times = figures.map(({ recoveryTimeMs, frozenMs }) => recoveryTimeMs - frozenMs);
  const [lastMs, ...earlier] = times;
  if (lastMs === undefined) return undefined;
  const usual = usualMs(earlier);
  return {
    runs: figures.length,
    withinTargets: figures.filter(
      ({ targetRecoveryTimeMs, dataLossMs, targetDataLossMs = 0 }, index) =>
        (times[index] ?? 0) <= targetRecoveryTimeMs &&
        (dataLossMs === undefined || (dataLossMs !== null && dataLossMs <= targetDataLossMs)),
    ).length,
    lastMs,
    ...(usual !== undefined && { usualMs: usual }),
    trend: trendOf(lastMs, usual),
  };
}

function trendOf(lastMs: number, usual: number | undefined): Ledger['trend'] {
  if (usual === undefined) return 'first';
  if (isSlower(lastMs, usual)) return 'slower';
  return isSlower(usual, lastMs) ? 'faster' : 'steady';
}
