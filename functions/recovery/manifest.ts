/** What a recovery plan declares about itself: data only, like a remediation's manifest. */
import type { Severity } from '../../events/journal.ts';
import type { Permission, TargetKind } from '../engine/manifest.ts';
import type { Plan } from './plan.ts';

export interface PlanManifest extends Plan {
  readonly permissions: readonly Permission[];
  /** What it needs as input, for people: name and meaning. */
  readonly input: Readonly<Record<string, string>>;
  /** Kinds of the targets that it takes in hand. */
  readonly targetKinds: readonly TargetKind[];
  /** It reads what scheduled jobs found. */
  readonly readsRuns?: true;
  /** It reads in the archive's bucket what its permissions name. */
  readonly usesArchive?: true;
  /** It withdraws from databases what lets them write, and gives it back (functions/authority). */
  readonly keepsAuthority?: true;
  /** It asks people within a run (`agreement.ts`). */
  readonly asksPeople?: true;
  /** Where there are backups of the configuration, it looks into them: into their job's runs and the archive's bucket. */
  readonly usesConfigurationBackups?: true;
  /**
   * How a rung of a ladder starts it (functions/plan-rungs). `approved`: a person approves each start, in mode `auto` too; `by-mode`: as any change of high risk, unattended where the configuration says so
   * on a line of its own. Absent: no alarm starts it.
   */
  readonly byAlarm?: 'approved' | 'by-mode';
  /** Of the incident that each run is told in. */
  readonly severity: Severity;
  /**
   * A second function, in `helper/handler.ts`, that speaks SQL: it runs in the databases' network and reaches nothing else, so that the plan's own can ask AWS's API, which
   * can't be reached from there. It touches neither the journal nor AWS.
   */
  readonly helper?: Pick<PlanManifest, 'summary' | 'permissions' | 'timeoutSeconds' | 'memoryMegabytes'> & {
    readonly name: string;
  };
  /** The function's hard timeout: one turn of one step, not the whole run. */
  readonly timeoutSeconds: number;
  readonly memoryMegabytes: number;
}

/** Identity, so that a manifest is checked where it is written. */
export const definePlanManifest = <const M extends PlanManifest>(manifest: M): M => manifest;
