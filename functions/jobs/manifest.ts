/** What a scheduled job declares about itself: data only, like a remediation's manifest. */
import type { Severity } from '../../events/journal.ts';
import type { Permission } from '../engine/manifest.ts';

export interface JobManifest {
  /** Equal to the folder's name. */
  readonly name: string;
  readonly summary: string;
  readonly permissions: readonly Permission[];
  /**
   * `database`: a run of its own for each database that has backups; `verified-database`: for each whose backups are proved by restoring them;
   * `exported-database`: for each whose backups are exported to S3.
   * `deployment`: one run for all; `backups`: one, where a database has backups. `certificate`: one for each certificate. `checks`: one run for all, where `checks` is configured;
   * `checked-database`: one for each database then. `standby`: one, where `checks.standby` is configured. `reports`: one for each report that is configured, at that report's own times;
   * `drills`: one for each drill, at its own times; `configuration`: one run for all, where `configurationBackup` is.
   */
  readonly runsFor:
    | 'database'
    | 'verified-database'
    | 'exported-database'
    | 'certificate'
    | 'deployment'
    | 'backups'
    | 'checks'
    | 'checked-database'
    | 'standby'
    | 'reports'
    | 'drills'
    | 'configuration';
  /** Where it runs when it speaks SQL: beside the databases, where of AWS only DynamoDB is reached. */
  readonly network?: 'database-vpc';
  /** It reads what earlier runs found, its own and other jobs'. */
  readonly readsRuns?: boolean;
  /** It starts recovery plans, and asks runs of them to be backed out. */
  readonly stopsPlans?: boolean;
  /** It writes to the archive's bucket, or reads there, what its permissions name. */
  readonly usesArchive?: boolean;
  /** It is told the name of the bucket that exports are written to. */
  readonly usesExports?: boolean;
  /** It reads incidents, and adds to the archive's bucket and to Nightshift's bus what its permissions name. */
  readonly readsIncidents?: boolean;
  /**
   * A second function, in `reader/handler.ts`, that speaks SQL to restored instances: it runs beside them and reaches nothing else, so that the job's own can ask
   * AWS's API, which can't be reached from there. It touches neither the journal nor AWS.
   */
  readonly reader?: {
    readonly name: string;
    readonly summary: string;
    readonly permissions: readonly Permission[];
    readonly timeoutSeconds: number;
    readonly memoryMegabytes: number;
  };
  /** When it runs unless the configuration says otherwise: fields of a cron expression of EventBridge Scheduler, and the time zone. */
  readonly schedule: { readonly cron: string; readonly timeZone: string };
  /** It starts within so many minutes after its time, so that not everything starts at once (EventBridge Scheduler, flexible time windows). */
  readonly flexibleMinutes: number;
  /** A run that isn't over by then has failed. */
  readonly deadlineSeconds: number;
  /** Without a run that passed for so long, a person is called. */
  readonly overdueAfterSeconds: number;
  /** `adds`: goes on while Nightshift is paused, because it only makes what can be thrown away. `removes`: waits then. */
  readonly effect: 'reads' | 'adds' | 'removes';
  /** Of the incident that a failed run opens. */
  readonly severity: Severity;
  /** The function's hard timeout: one step, not the whole run. */
  readonly timeoutSeconds: number;
  readonly memoryMegabytes: number;
}

/** Identity, so that a manifest is checked where it is written. */
export const defineJob = <const M extends JobManifest>(manifest: M): M => manifest;
