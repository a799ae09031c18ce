/** What comes of a report that is written: its run's verdict, and the event that tells of it. Pure. */
import type { ReportEvent } from '../../../events/published/report.ts';
import { objectLink } from '../../records/console-link.ts';
import type { ReportModel } from '../../reports/model.ts';
import type { Verdict } from '../job.ts';

/** Written is passed, whatever it says: what is amiss has its own alarm. @param folder in the bucket. */
export const verdictOf = ({ title, period, headline, unknown }: ReportModel, folder: string): Verdict => ({
  kind: 'passed',
  summary: `${title} of ${period.label} is written`,
  report: { folder, headline: headline.map(({ label, value }) => `${label}: ${value}`), unknown: [...unknown] },
});

const FIGURES_MOST = 20;

/** @param folder in the bucket. @param scheduledAt when the run was due: with the report it is the event's identity. */
export function eventOf(report: ReportModel, folder: string, bucket: string, scheduledAt: string): ReportEvent {
  const { deployment, region, title, period, headline, unknown } = report;
  const key = `${folder}/report.html`;
  const link = objectLink(bucket, key, region);
  return {
    version: 1,
    id: `report-${report.report}-${scheduledAt}`,
    at: report.asOf,
    ...{ deployment, region, report: report.report, title, period },
    headline: headline.slice(0, FIGURES_MOST).map(({ label, value }) => ({ label, value })),
    unknown: unknown.length,
    page: `s3://${bucket}/${key}`,
    ...(link !== undefined && { link }),
  };
}
