/** The reports that exist: data only. */
import type { PeriodKind } from './period.ts';

export interface ReportKind {
  readonly title: string;
  readonly period: PeriodKind;
  /** Fields of a cron expression of EventBridge Scheduler, on the clock of `reports.timeZone`. */
  readonly cron: string;
  /** Without one for so long, a person is called: longer than the longest gap between two. */
  readonly overdueAfterSeconds: number;
}

const HOUR = 3600;
const DAY = 24 * HOUR;

/** Source runbooks: 000, lines 142 to 180 and 807 to 819; 002, lines 823 to 883, 1143 to 1165 and 1256 to 1277. */
export const REPORTS = {
  'daily-operations': {
    title: 'Daily operations',
    period: 'day',
    cron: '30 7 * * ? *',
    overdueAfterSeconds: 30 * HOUR,
  },
  'on-call-handoff': {
    title: 'On-call handoff',
    period: 'last-24-hours',
    cron: '0 9 * * ? *',
    overdueAfterSeconds: 30 * HOUR,
  },
  'weekly-maintenance': {
    title: 'Weekly maintenance',
    period: 'week',
    cron: '0 8 ? * MON *',
    overdueAfterSeconds: 8 * DAY,
  },
  'service-levels': {
    title: 'Service levels',
    period: 'month',
    cron: '0 8 1 * ? *',
    overdueAfterSeconds: 33 * DAY,
  },
  'response-times': {
    title: 'Times to acknowledge and resolve',
    period: 'month',
    cron: '15 8 1 * ? *',
    overdueAfterSeconds: 33 * DAY,
  },
  'backups-and-drills': {
    title: 'Backups and drills',
    period: 'month',
    cron: '30 8 1 * ? *',
    overdueAfterSeconds: 33 * DAY,
  },
} as const satisfies Readonly<Record<string, ReportKind>>;

export type ReportName = keyof typeof REPORTS;
export const REPORT_NAMES = Object.keys(REPORTS) as readonly ReportName[];
export const isReportName = (name: string): name is ReportName => Object.hasOwn(REPORTS, name);
/** The job that takes backups, and the one that proves them. */
export const BACKUP_JOB = 'back-up-database';
export const PROOF_JOB = 'verify-backup';
/** The job that writes them: its runs' subjects are reports' names. */
export const REPORT_JOB = 'write-report';
