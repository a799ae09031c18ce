/** The part of the configuration that says which reports are written. Without `reports` none is. */
import { z } from 'zod';
import type { ReportsConfig } from '../../functions/engine/config.ts';
import { REPORT_JOB, REPORT_NAMES, REPORTS, type ReportName } from '../../functions/reports/names.ts';
import { asGiven, type Fault, unknownName } from './faults.ts';
import type { DeploymentConfig } from './schema.ts';
import { timeZoneName } from './times.ts';

const reportName = z.enum(REPORT_NAMES as [ReportName, ...ReportName[]]);

export const reportsSchema = z.strictObject({
  /** Which ones; all when left out. */
  include: z
    .array(reportName)
    .min(1)
    .default([...REPORT_NAMES]),
  /** Days, weeks and months are those of this clock, and so are the times at which reports are written. */
  timeZone: timeZoneName.default('UTC'),
  /** Channels that are told of each report, with its figures; none when left out. */
  channels: z.array(z.string()).default([]),
  /** Share of a service's requests that may be server errors (runbook 002, line 1163: 1 %). */
  errorsBelowPercent: z.number().gt(0).lte(100).default(1),
});

/** The reports that are written here, in a steady order. */
export const reportsOf = ({ reports }: Pick<DeploymentConfig, 'reports'>): ReportName[] =>
  REPORT_NAMES.filter((name) => reports?.include.includes(name) ?? false);

/** When a report is written; undefined for what is no report. */
export const reportSchedule = (job: string, subject: string, timeZone: string | undefined) =>
  job === REPORT_JOB && Object.hasOwn(REPORTS, subject)
    ? { ...REPORTS[subject as ReportName], timeZone: timeZone ?? 'UTC' }
    : undefined;

/** What functions are given. Latency's target is that of the service's alarm; its objective, too. */
export function reportsConfigOf({ reports, services }: DeploymentConfig): ReportsConfig | undefined {
  if (!reports) return undefined;
  const { timeZone, errorsBelowPercent } = reports;
  return {
    timeZone,
    services: Object.fromEntries(
      Object.entries(services).map(([name, { requestAlarms }]) => [
        name,
        {
          ...(requestAlarms?.objectivePercent !== undefined && { objectivePercent: requestAlarms.objectivePercent }),
          ...(requestAlarms && { latencySeconds: requestAlarms.latencyAboveSeconds }),
          errorsPercent: errorsBelowPercent,
        },
      ]),
    ),
  };
}

interface LooseReports {
  readonly reports?: { readonly channels: readonly string[] } | undefined;
  readonly channels: Readonly<Record<string, { readonly kind?: string | undefined }>>;
  readonly jobs?:
    | Readonly<
        Record<string, { readonly cron?: unknown; readonly timeZone?: unknown; readonly overdueAfterSeconds?: unknown }>
      >
    | undefined;
}

/** Faults between reports, channels and jobs. */
export function reportFaults({ reports, channels, jobs = {} }: LooseReports): Fault[] {
  const named = (reports?.channels ?? []).flatMap((name, index): Fault[] => {
    const path = `reports.channels[${index}]`;
    if (!Object.hasOwn(channels, name))
      return [{ path, given: asGiven(name), expected: `as a channel: ${unknownName(name, Object.keys(channels))}` }];
    return channels[name]?.kind === 'pagerduty'
      ? [{ path, given: asGiven(name), expected: 'a channel that reads: PagerDuty has no word for a report' }]
      : [];
  });
  const timed = (['cron', 'timeZone', 'overdueAfterSeconds'] as const).flatMap((field): Fault[] => {
    const given = jobs[REPORT_JOB]?.[field];
    return given === undefined
      ? []
      : [
          {
            path: `jobs.${REPORT_JOB}.${field}`,
            given: asGiven(given),
            expected: 'each report has its own times, on the clock of reports.timeZone: leave it out',
          },
        ];
  });
  return [...named, ...timed];
}
