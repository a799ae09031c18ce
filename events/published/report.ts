/**
 * Reports: `report.json` in the archive's bucket, what `nightshift report <name> --json` prints, and the event that tells of one. Version 1; fields are only ever
 * added within a version.
 */
import * as z from 'zod/mini';
import { NOTIFICATION_SOURCE } from './notification.ts';

/** The event's detail-type on Nightshift's bus. */
export const REPORT_DETAIL_TYPE = 'Report Written';

const figure = z.object({ label: z.string(), value: z.string() });
const period = z.object({ from: z.string(), to: z.string(), timeZone: z.string(), label: z.string() });

export const reportDocument = z.object({
  version: z.literal(1),
  report: z.string(),
  title: z.string(),
  deployment: z.string(),
  region: z.string(),
  /** `from` belongs to it, `to` doesn't. */
  period,
  /** As of when its facts were read. */
  asOf: z.string(),
  headline: z.array(figure),
  /** What could not be found out, and why. */
  unknown: z.array(z.string()),
  sections: z.array(
    z.object({
      title: z.string(),
      says: z.optional(z.array(z.string())),
      table: z.optional(z.object({ columns: z.array(z.string()), rows: z.array(z.array(z.string())) })),
      charts: z.optional(
        z.array(
          z.object({
            label: z.string(),
            unit: z.string(),
            /** null: not known. */
            points: z.array(z.object({ at: z.string(), value: z.nullable(z.number()) })),
            limit: z.optional(z.number()),
          }),
        ),
      ),
    }),
  ),
});
export type ReportDocument = z.infer<typeof reportDocument>;

/** A report was written. Who takes it must expect it twice, and recognises it by `id`. */
export const reportEvent = z.object({
  version: z.literal(1),
  /** The same whenever the same run tells it. */
  id: z.string(),
  at: z.string(),
  deployment: z.string(),
  region: z.string(),
  report: z.string(),
  title: z.string(),
  period,
  /** At most 20. */
  headline: z.array(figure),
  /** How many things could not be found out. */
  unknown: z.number(),
  /** `s3://` of the page. */
  page: z.string(),
  /** The page in the console of S3, for who is signed in there; absent where the console has another address. */
  link: z.optional(z.string()),
});
export type ReportEvent = z.infer<typeof reportEvent>;

/** The event as EventBridge delivers it. */
export const deliveredReport = z.object({
  id: z.string(),
  source: z.literal(NOTIFICATION_SOURCE),
  'detail-type': z.literal(REPORT_DETAIL_TYPE),
  detail: reportEvent,
});
