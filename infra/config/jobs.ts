/** When scheduled jobs run, and for what. */
import { z } from 'zod';
import type { JobManifest } from '../../functions/jobs/manifest.ts';
import { asGiven, type Fault, unknownName } from './faults.ts';
import type { DeploymentConfig } from './schema.ts';

/** What is left out comes from the job's manifest. */
export const jobSchema = z.strictObject({
  /** Off: no schedule; by hand it still runs. */
  enabled: z.boolean().default(true),
  /** Minutes, hours, day of month, month, day of week, year, as EventBridge Scheduler reads them. */
  cron: z
    .string()
    .regex(
      /^\S+ \S+ \S+ \S+ \S+ \S+$/,
      'six fields: minutes hours day-of-month month day-of-week year, such as 0 2 * * ? *',
    )
    .optional(),
  /** IANA name, such as Europe/Paris. */
  timeZone: z.string().min(1).optional(),
});

/** Backups of one database, and the objectives that they have to meet. */
export const backupSchema = z.strictObject({
  /** At most so much may be lost (runbook 001, line 661: 24 h). Less than an hour needs point-in-time recovery. */
  recoveryPointSeconds: z.int().min(300).max(604_800).default(86_400),
  /** Whether the instance has automated backups with transaction logs; checked on every run. */
  pointInTimeRecovery: z.boolean().default(true),
  /** Days for which every backup is kept (runbooks 000 and 001: 30). */
  keepDays: z.int().min(1).max(365).default(30),
  keepWeeks: z.int().min(0).max(104).default(8),
  keepMonths: z.int().min(0).max(60).default(12),
  /** The newest ones stay, however old. */
  keepAtLeast: z.int().min(1).max(30).default(3),
});

type Scheduled = Pick<JobManifest, 'name' | 'runsFor' | 'schedule' | 'flexibleMinutes'>;

/** What a job has a run for: databases with backups, or `all`; nothing when it is switched off. */
export function jobSubjects({ name, runsFor }: Scheduled, { databases, jobs, checks }: DeploymentConfig): string[] {
  if (jobs[name]?.enabled === false) return [];
  const backedUp = Object.entries(databases).flatMap(([key, { backup }]) => (backup ? [key] : []));
  if (runsFor === 'database') return backedUp.sort();
  return runsFor === 'checks' && !checks ? [] : ['all'];
}

/**
 * When a job runs for one subject: its own times, overridden by the configuration; a backup without transaction logs as often as its objective
 * asks, because then nothing else bounds what is lost (runbooks 000, 002 and 003 promise more than their schedules keep).
 */
export function scheduleOf(
  { name, schedule, flexibleMinutes }: Scheduled,
  { jobs, databases }: DeploymentConfig,
  subject: string,
): { readonly cron: string; readonly timeZone: string; readonly flexibleMinutes: number } {
  const { cron = schedule.cron, timeZone = schedule.timeZone } = jobs[name] ?? {};
  const everyHours = name === BACKUP_JOB ? backupEveryHours(databases[subject]?.backup) : undefined;
  if (everyHours === undefined) return { cron, timeZone, flexibleMinutes };
  return { cron: `0 0/${everyHours} * * ? *`, timeZone, flexibleMinutes: 0 };
}

export const BACKUP_JOB = 'back-up-database';
const DAY_SECONDS = 86_400;

interface Objective {
  readonly pointInTimeRecovery: boolean;
  readonly recoveryPointSeconds: number;
}

/** The longest even division of the day that meets the objective; undefined when the job's own daily run does. */
export function backupEveryHours(backup: Objective | undefined): number | undefined {
  if (!backup || backup.pointInTimeRecovery || backup.recoveryPointSeconds >= DAY_SECONDS) return undefined;
  return [12, 8, 6, 4, 3, 2, 1].find((hours) => hours * 3600 <= backup.recoveryPointSeconds) ?? 1;
}

interface LooseJobs {
  readonly jobs?:
    | Readonly<Record<string, { readonly cron?: string | undefined; readonly timeZone?: string | undefined }>>
    | undefined;
  readonly databases: Readonly<Record<string, { readonly backup?: Objective | undefined }>>;
}

/** Faults of the jobs' configuration. `known`: the jobs that exist. */
export function jobFaults({ jobs = {}, databases }: LooseJobs, known: readonly string[]): Fault[] {
  const unknown = Object.keys(jobs)
    .filter((name) => !known.includes(name))
    .map((name) => ({ path: `jobs.${name}`, given: asGiven(jobs[name]), expected: unknownName(name, known) }));
  const objectives = Object.entries(databases).flatMap(([key, { backup }]) => {
    const at = `databases.${key}.backup`;
    if (!backup || backup.pointInTimeRecovery) return [];
    if (backup.recoveryPointSeconds < 3600)
      return [
        {
          path: `${at}.recoveryPointSeconds`,
          given: asGiven(backup.recoveryPointSeconds),
          expected: 'snapshots alone are taken hourly at most: allowed is at least 3600, or pointInTimeRecovery: true',
        },
      ];
    const cron = jobs[BACKUP_JOB]?.cron;
    return cron === undefined || backupEveryHours(backup) === undefined
      ? []
      : [
          {
            path: `jobs.${BACKUP_JOB}.cron`,
            given: asGiven(cron),
            expected: `${at} asks for a backup every ${backupEveryHours(backup)} h: leave it out, the times follow from the objective`,
          },
        ];
  });
  return [...unknown, ...objectives];
}
