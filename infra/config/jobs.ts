/** When scheduled jobs run, and for what. */
import { z } from 'zod';
import type { JobManifest } from '../../functions/jobs/manifest.ts';
import { type BackupObjective, backupEveryHours, backupsKept, SNAPSHOT_QUOTA } from '../../functions/jobs/schedule.ts';
import { drillSchedule } from './drills.ts';
import { asGiven, type Fault, unknownName } from './faults.ts';
import { reportSchedule, reportsOf } from './reports.ts';
import type { DeploymentConfig } from './schema.ts';

/** What is left out comes from the job's manifest. */
export const jobSchema = z.strictObject({
  /** Off: neither schedule nor function. */
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
  /** Without a run that passed for so long, a person is called: longer than the longest gap between two runs. Needed with `cron`. */
  overdueAfterSeconds: z.int().min(1800).max(34_560_000).optional(),
});

const kmsKeyArn = z.string().regex(/^arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key\/[A-Za-z0-9-]+$/, 'the ARN of a KMS key');

/** Written into SQL as identifiers, quoted; into IAM resources, as part of a login's ARN. */
const sqlName = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/;

/** What has to be found in a table of a restored backup. */
const verifiedTableSchema = z.strictObject({
  name: z
    .string()
    .regex(
      /^[A-Za-z_][A-Za-z0-9_]{0,62}\.[A-Za-z_][A-Za-z0-9_]{0,62}$/,
      'a table with its schema, such as public.orders',
    ),
  minRows: z.int().min(0).default(1),
  /** Of the rows of the backup verified before. */
  shrinksAtMostShare: z.number().min(0).max(1).default(0.1),
  newest: z
    .strictObject({
      column: z.string().regex(sqlName, 'the name of a column'),
      withinSeconds: z.int().min(1).max(31_536_000),
    })
    .optional(),
});

/** Where and how a backup is restored to prove it (docs/backups.md). */
export const verifySchema = z.strictObject({
  /** A DB subnet group for restored instances: best of subnets with no way to anywhere. */
  subnetGroup: z.string().regex(/^[a-z0-9][a-z0-9_.-]{0,254}$/, 'the name of a DB subnet group, in lower case'),
  /** A security group for restored instances alone; it gets one ingress rule, from the function that reads them. */
  securityGroupId: z.string().regex(/^sg-[0-9a-f]+$/, 'an id such as sg-0abc1234'),
  /** Class of the restored instance; that of the source when left out. */
  instanceClass: z
    .string()
    .regex(/^db(\.[a-z0-9-]+)+$/, 'a DB instance class such as db.m7g.large')
    .optional(),
  /** Login with rds_iam and pg_read_all_data (docs/backups.md); best none that Nightshift uses otherwise. */
  user: z
    .string()
    .regex(/^[a-z_][a-z0-9_]{0,62}$/, 'a PostgreSQL role name in lower case')
    .default('nightshift_verify'),
  /** A backup in which no table is looked at has proved little. */
  tables: z.array(verifiedTableSchema).min(1).max(50),
  /** By name: a statement that gives one row with one boolean, true when all is well. */
  queries: z
    .record(z.string().regex(/^[a-z][a-z0-9-]{0,62}$/), z.string().min(1).max(4000))
    .default({})
    .refine((queries) => Object.keys(queries).length <= 50, 'at most 50'),
  /** Each run reads so much of the tables from end to end, and the next one goes on from there: how damaged pages are found. */
  fullReadMib: z.int().min(0).max(1_048_576).default(10_240),
});

/** Exports of snapshots by RDS (docs/backups.md, Exports). */
const exportSchema = z.strictObject({
  /** A key of `region` that what is written is encrypted with. */
  kmsKeyArn,
  /** A role that `export.rds.amazonaws.com` may assume, and that may write to the bucket. */
  roleArn: z
    .string()
    .regex(
      /^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]+$/,
      'the ARN of a role, such as arn:aws:iam::111122223333:role/name',
    ),
  /** Days after which an export is deleted by the bucket's lifecycle. */
  keepDays: z.int().min(1).max(3650).default(30),
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
  /** Each snapshot is copied to `standbyRegion`, and kept there for as long as here; left out, none is. */
  copy: z
    .strictObject({
      /** A key of `standbyRegion`: needed where the database is encrypted. Its policy must let the roles of `back-up-database` and `copy-snapshot` use it (docs/backups.md). */
      kmsKeyArn: kmsKeyArn.optional(),
    })
    .optional(),
  /** How backups are proved by restoring them; left out, nothing is proved, and nothing is ever removed. */
  verify: verifySchema.optional(),
  /** The newest proved backup is written to S3 each week, table by table; left out, none is. Needs `verify`. */
  export: exportSchema.optional(),
});

type Scheduled = Pick<JobManifest, 'name' | 'runsFor' | 'schedule' | 'flexibleMinutes'>;

/** What a job has a run for: databases, those with backups, those whose backups are proved, certificates, or `all`; nothing when it is switched off. */
export function jobSubjects(
  { name, runsFor }: Scheduled,
  { databases, certificates, jobs, checks, reports, drills, configurationBackup }: DeploymentConfig,
): string[] {
  if (jobs[name]?.enabled === false) return [];
  const backedUp = Object.entries(databases).filter(([, { backup }]) => backup !== undefined);
  const verified = backedUp.filter(([, { backup }]) => backup?.verify !== undefined);
  const exported = verified.filter(([, { backup }]) => backup?.export !== undefined);
  const keysOf = (entries: typeof backedUp) => entries.map(([key]) => key).sort();
  switch (runsFor) {
    case 'database':
      return keysOf(backedUp);
    case 'verified-database':
      return keysOf(verified);
    case 'exported-database':
      return keysOf(exported);
    case 'certificate':
      return Object.keys(certificates).sort();
    case 'backups':
      return backedUp.length > 0 ? ['all'] : [];
    case 'checks':
      return checks ? ['all'] : [];
    case 'checked-database':
      return checks ? Object.keys(databases).sort() : [];
    case 'standby':
      return checks?.standby ? ['all'] : [];
    case 'reports':
      return reportsOf({ reports });
    case 'drills':
      return Object.keys(drills).sort();
    case 'configuration':
      return configurationBackup ? ['all'] : [];
    case 'deployment':
      return ['all'];
    default:
      return runsFor satisfies never;
  }
}

/**
 * When a job runs for one subject: its own times, overridden by the configuration; a backup without transaction logs as often as its objective
 * asks, because then nothing else bounds what is lost (runbooks 000, 002 and 003 promise more than their schedules keep).
 */
export function scheduleOf(
  { name, schedule, flexibleMinutes }: Scheduled,
  { jobs, databases, reports, drills }: DeploymentConfig,
  subject: string,
): { readonly cron: string; readonly timeZone: string; readonly flexibleMinutes: number } {
  const own = reportSchedule(name, subject, reports?.timeZone) ?? drillSchedule(name, subject, drills);
  if (own) return { cron: own.cron, timeZone: own.timeZone, flexibleMinutes };
  const { cron = schedule.cron, timeZone = schedule.timeZone } = jobs[name] ?? {};
  const everyHours = name === BACKUP_JOB ? backupEveryHours(databases[subject]?.backup) : undefined;
  if (everyHours === undefined) return { cron, timeZone, flexibleMinutes };
  return { cron: `0 0/${everyHours} * * ? *`, timeZone, flexibleMinutes: 0 };
}

/**
 * Without a run that passed for so long a person is called: as the configuration says where it sets the times, a job's own otherwise. Backups whose times follow from the
 * objective: from the end of one run to that of the next, which may take until its deadline.
 */
export function overdueAfterOf(
  { name, overdueAfterSeconds, deadlineSeconds }: Pick<JobManifest, 'name' | 'overdueAfterSeconds' | 'deadlineSeconds'>,
  { jobs, databases, drills }: DeploymentConfig,
  subject: string,
): number {
  const own = reportSchedule(name, subject, undefined) ?? drillSchedule(name, subject, drills);
  if (own) return own.overdueAfterSeconds;
  const everyHours = name === BACKUP_JOB ? backupEveryHours(databases[subject]?.backup) : undefined;
  if (everyHours !== undefined) return everyHours * 3600 + deadlineSeconds;
  return jobs[name]?.overdueAfterSeconds ?? overdueAfterSeconds;
}

/** A sentence where backups will be more than RDS's quota of snapshots, or are never removed. */
export function quotaWarning({ databases }: Pick<DeploymentConfig, 'databases'>): string | undefined {
  const backups = Object.entries(databases).flatMap(([key, { backup }]) => (backup ? [{ key, backup }] : []));
  const kept = backups.reduce((sum, { backup }) => sum + backupsKept(backup), 0);
  if (kept > SNAPSHOT_QUOTA)
    return `backups: about ${kept} snapshots are kept (${backups.map(({ key, backup }) => `${key} ${backupsKept(backup)}`).join(', ')}), and RDS allows ${SNAPSHOT_QUOTA} manual ones an account and region: ask for a higher quota, or keep fewer (keepDays, recoveryPointSeconds)`;
  const never = backups.filter(({ backup }) => !backup.verify).map(({ key }) => key);
  return never.length > 0
    ? `backups of ${never.join(', ')} are never removed, because nothing proves them (backup.verify): the quota of ${SNAPSHOT_QUOTA} manual snapshots will be used up`
    : undefined;
}

/** Removes copies of the customer's data that a run left behind: it goes on as long as there may be one. */
const SWEEPER = 'sweep-scratch';

export const BACKUP_JOB = 'back-up-database';
interface LooseJobs {
  readonly region?: string | undefined;
  readonly standbyRegion?: string | undefined;
  readonly jobs?:
    | Readonly<
        Record<
          string,
          {
            readonly enabled?: boolean | undefined;
            readonly cron?: string | undefined;
            readonly timeZone?: string | undefined;
            readonly overdueAfterSeconds?: number | undefined;
          }
        >
      >
    | undefined;
  readonly databases: Readonly<
    Record<
      string,
      {
        readonly securityGroupId?: string | undefined;
        readonly host?: string | undefined;
        readonly backup?:
          | (BackupObjective & {
              readonly verify?: { readonly securityGroupId: string } | undefined;
              readonly copy?: { readonly kmsKeyArn?: string | undefined } | undefined;
              readonly export?: { readonly kmsKeyArn: string } | undefined;
            })
          | undefined;
      }
    >
  >;
}

/** Restored copies stand apart: who may reach the database must not reach them by the same rule, nor the function that reads them the database. */
function verifyFaults(databases: LooseJobs['databases']): Fault[] {
  const groups = new Map(Object.entries(databases).map(([key, { securityGroupId }]) => [securityGroupId, key]));
  return Object.entries(databases).flatMap(([key, { backup }]) => {
    const given = backup?.verify?.securityGroupId;
    const used = given === undefined ? undefined : groups.get(given);
    if (used === undefined) return [];
    return [
      {
        path: `databases.${key}.backup.verify.securityGroupId`,
        given: asGiven(given),
        expected: `the security group of databases.${used}: allowed is one for restored backups alone`,
      },
    ];
  });
}

/** A key of another region can't encrypt there, and that would be found out by the first copy. */
const keyFaults = (databases: LooseJobs['databases'], standbyRegion: string | undefined): Fault[] =>
  Object.entries(databases).flatMap(([key, { backup }]) => {
    const arn = backup?.copy?.kmsKeyArn;
    if (arn === undefined || standbyRegion === undefined || arn.split(':')[3] === standbyRegion) return [];
    return [
      {
        path: `databases.${key}.backup.copy.kmsKeyArn`,
        given: asGiven(arn),
        expected: `allowed is a key of standbyRegion (${standbyRegion}): a key doesn't leave its region`,
      },
    ];
  });

/** RDS exports within a region ("Exporting DB snapshot data to Amazon S3"); what of an export is missing is told by what was counted when its backup was proved. */
const exportFaults = (databases: LooseJobs['databases'], region: string | undefined): Fault[] =>
  Object.entries(databases).flatMap(([key, { backup }]) => {
    if (!backup?.export) return [];
    const at = `databases.${key}.backup.export`;
    const arn = backup.export.kmsKeyArn;
    return [
      ...(backup.verify
        ? []
        : [{ path: at, given: 'set', expected: 'needs backup.verify: a backup that nobody proved is not exported' }]),
      ...(region === undefined || arn.split(':')[3] === region
        ? []
        : [{ path: `${at}.kmsKeyArn`, given: asGiven(arn), expected: `allowed is a key of region (${region})` }]),
    ];
  });

function scheduleFaults(jobs: NonNullable<LooseJobs['jobs']>): Fault[] {
  const missing = Object.entries(jobs)
    .filter(([, { cron, overdueAfterSeconds }]) => cron !== undefined && overdueAfterSeconds === undefined)
    .map(([name]) => ({
      path: `jobs.${name}.overdueAfterSeconds`,
      given: undefined,
      expected: 'with cron it is needed: longer than the longest gap between two runs (over a weekend, say)',
    }));
  if (jobs[SWEEPER]?.enabled !== false) return missing;
  const expected =
    'copies of your data that a run left behind would stay: it goes with the last backup.verify and backup';
  return [...missing, { path: `jobs.${SWEEPER}.enabled`, given: asGiven(false), expected }];
}

/** Faults of the jobs' configuration. `known`: the jobs that exist. */
export function jobFaults(
  { jobs = {}, databases, region, standbyRegion }: LooseJobs,
  known: readonly string[],
): Fault[] {
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
  return [
    ...unknown,
    ...scheduleFaults(jobs),
    ...objectives,
    ...verifyFaults(databases),
    ...keyFaults(databases, standbyRegion),
    ...exportFaults(databases, region),
  ];
}
