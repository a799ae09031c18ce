/** What reports are made of: read at the edge (functions/jobs/write-report/gather.ts), judged in `compose.ts`. */
import type { Incident } from '../../events/journal.ts';
import type { Recovery } from '../records/recovery.ts';
import type { RequestHour } from './figures.ts';
import type { Period } from './period.ts';

/** A run of a scheduled job that was due within the period, for all that it is for: a person may have one prove a single old backup. */
export interface JobRun {
  readonly job: string;
  readonly subject: string;
  /** ISO 8601. */
  readonly scheduledAt: string;
  /** Absent: it isn't over. */
  readonly verdict?: 'passed' | 'failed' | undefined;
  readonly summary?: string | undefined;
  /** Of a run that is over. */
  readonly tookMs?: number | undefined;
}

/** How a scheduled job that is deployed stands now. */
export interface JobState {
  readonly job: string;
  readonly subject: string;
  readonly lastKind?: 'passed' | 'failed' | undefined;
  /** Epoch milliseconds. */
  readonly lastPassedAt?: number | undefined;
  readonly overdueAt: number;
  readonly lastSummary?: string | undefined;
  /** When its last run before the period was due that passed (epoch milliseconds); of a job that takes backups only. */
  readonly passedBeforeAt?: number | undefined;
}

/** A service's hours; undefined where its load balancer isn't configured. */
export interface ServiceFacts {
  readonly name: string;
  readonly requests?: readonly RequestHour[] | undefined;
  /** Of the period, averaged over its tasks; undefined where CloudWatch tells nothing. */
  readonly cpu: Use;
  readonly memory: Use;
  readonly objectivePercent?: number | undefined;
  readonly latencySeconds: number;
  readonly errorsPercent: number;
}
export interface DatabaseFacts {
  readonly name: string;
  readonly cpu: Use;
  /** Free storage at the beginning and the end of the period. */
  readonly freeGibFirst?: number | undefined;
  readonly freeGibLast?: number | undefined;
  readonly connections: Use;
  /** Undefined: Nightshift takes no backups of it. */
  readonly backup?:
    | { readonly recoveryPointSeconds: number; readonly pointInTimeRecovery: boolean; readonly isProved: boolean }
    | undefined;
}
export interface Use {
  readonly average?: number | undefined;
  readonly highest?: number | undefined;
}

/** A target that isn't as it is in quiet times. */
export interface TargetFacts {
  readonly target: string;
  /** Temporary changes that are still in force, in words. */
  readonly holds: readonly string[];
  readonly takenOver?: { readonly by: string; readonly until: number; readonly reason: string } | undefined;
}

export interface Drill {
  readonly incidentId: string;
  readonly title: string;
  readonly openedAt: string;
  /** Absent: it isn't over. */
  readonly recovery?: Recovery | undefined;
}

/** What wasn't asked for is absent. */
export interface Facts {
  readonly deployment: string;
  readonly region: string;
  readonly period: Period;
  /** Epoch milliseconds. */
  readonly now: number;
  /** Opened in the period, or open at its beginning; of a handoff also what was opened since and isn't over. */
  readonly incidents: readonly Incident[];
  /** Incidents that were opened before weren't looked for (epoch milliseconds). */
  readonly incidentsSince?: number | undefined;
  /** Sentences on what couldn't be read. */
  readonly unread: readonly string[];
  readonly runs: readonly JobRun[];
  readonly jobs: readonly JobState[];
  readonly services: readonly ServiceFacts[];
  readonly databases: readonly DatabaseFacts[];
  readonly targets: readonly TargetFacts[];
  readonly drills: readonly Drill[];
}
