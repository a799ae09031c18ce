/** How often a database is backed up, as its recovery point objective asks. Pure. */
const DAY_SECONDS = 86_400;

/** A backup and its copy are there so long after their time, or have failed. */
export const BACKUP_WITHIN_SECONDS = 6 * 3600;

export interface BackupObjective {
  readonly pointInTimeRecovery: boolean;
  readonly recoveryPointSeconds: number;
}

/** The longest even division of the day that meets the objective; undefined when the job's own daily run does. */
export function backupEveryHours(backup: BackupObjective | undefined): number | undefined {
  if (!backup || backup.pointInTimeRecovery || backup.recoveryPointSeconds >= DAY_SECONDS) return undefined;
  return [12, 8, 6, 4, 3, 2, 1].find((hours) => hours * 3600 <= backup.recoveryPointSeconds) ?? 1;
}

/** RDS allows so many manual snapshots an account and region ("Quotas and constraints for Amazon RDS"); more can be asked for. */
export const SNAPSHOT_QUOTA = 100;

/** Of one database at most, once old ones are removed. */
export const backupsKept = (
  backup: BackupObjective & { readonly keepDays: number; readonly keepWeeks: number; readonly keepMonths: number },
): number =>
  Math.ceil((backup.keepDays * DAY_SECONDS) / backupEverySeconds(backup)) + backup.keepWeeks + backup.keepMonths;

/** Time between two backups. */
export const backupEverySeconds = (backup: BackupObjective): number => (backupEveryHours(backup) ?? 24) * 3600;
