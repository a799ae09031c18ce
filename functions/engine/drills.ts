/** What the configuration, the job and the command line call drills. */

export const DRILL_JOB = 'drill';

/** A rehearsal of a recovery plan on schedule. */
export interface DrillConfig {
  readonly plan: string;
  /** As a person would give it to the plan. */
  readonly input: Readonly<Record<string, string | number | boolean>>;
  /** While something is red, looked at again after so long. */
  readonly recheckAfterSeconds: number;
}
