/** What a report says of a run of a recovery plan: its time against the target, and each step against its budget. Pure. */
import type { IncidentWithTimeline } from '../../events/journal.ts';

export interface RecoveryStep {
  readonly name: string;
  readonly status: string;
  readonly budgetMs: number;
  /** From the run's start; absent: it was never begun. */
  readonly fromMs?: number;
  /** Absent: it was never over. */
  readonly tookMs?: number;
  readonly note?: string;
}

export interface Recovery {
  readonly run: string;
  /** How it ended; absent in entries of older versions. */
  readonly verdict?: 'recovered' | 'rehearsed' | 'backed-out' | 'needs-person';
  readonly recoveryTimeMs: number;
  readonly frozenMs: number;
  readonly targetRecoveryTimeMs: number;
  readonly steps: readonly RecoveryStep[];
}

/** The figures that the plan wrote with its last entry; undefined for an incident that is no run of a plan. */
export function recoveryOf({ timeline }: Pick<IncidentWithTimeline, 'timeline'>): Recovery | undefined {
  const told = timeline.findLast(({ data }) => isRecovery(data.recovery));
  return told?.data.recovery as Recovery | undefined;
}

/** Entries of older versions may hold less. */
function isRecovery(value: unknown): value is Recovery {
  if (typeof value !== 'object' || value === null) return false;
  const { run, recoveryTimeMs, targetRecoveryTimeMs, frozenMs, steps } = value as Partial<
    Record<keyof Recovery, unknown>
  >;
  const numbers = [recoveryTimeMs, targetRecoveryTimeMs, frozenMs];
  return typeof run === 'string' && numbers.every((each) => typeof each === 'number') && Array.isArray(steps);
}
