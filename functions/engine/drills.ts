/** What the configuration, the job and the command line call drills: recovery plans on schedule. */

export const DRILL_JOB = 'drill';

/** Plans that may run on schedule, not only be rehearsed: what they do is a chore as much as a rescue, and is taken back when a step fails. */
export const CHORES: readonly string[] = ['secret-rotation'];

const BY_DRILL = 'drill:';

/** Who started a run, where a schedule did. */
export const startedByDrill = (subject: string): string => `${BY_DRILL}${subject}`;
export const isByDrill = (startedBy: string): boolean => startedBy.startsWith(BY_DRILL);

/** A rehearsal of a recovery plan on schedule; or a run of one that is a chore. */
export interface DrillConfig {
  readonly plan: string;
  /** As a person would give it to the plan. */
  readonly input: Readonly<Record<string, string | number | boolean>>;
  /** While something is red, looked at again after so long. */
  readonly recheckAfterSeconds: number;
  /** It is run, not rehearsed: one of `CHORES`. */
  readonly forReal?: true | undefined;
}
