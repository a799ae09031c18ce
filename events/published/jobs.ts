/** What `nightshift jobs --json` prints. Version 1; fields are only ever added. */
import { z } from 'zod';
import { placeSchema } from './incidents.ts';

const verdict = z.enum(['passed', 'failed']);

export const jobsDocument = z.object({
  version: z.literal(1),
  place: placeSchema,
  jobs: z.array(
    z.object({
      job: z.string(),
      /** A database's name, or `all`. */
      subject: z.string(),
      state: z.enum(['never ran', 'passed', 'failed', 'overdue']),
      lastRunAt: z.string().optional(),
      lastPassedAt: z.string().optional(),
      lastSummary: z.string().optional(),
      /** Without a run that passes before, the reconciler calls a person. */
      overdueAt: z.string(),
      openIncidentId: z.string().optional(),
      /** Newest first; only when one job was asked for. */
      runs: z
        .array(
          z.object({
            scheduledAt: z.string(),
            phase: z.enum(['working', 'cleaning', 'ended']),
            startedAt: z.string(),
            endedAt: z.string().optional(),
            verdict: verdict.optional(),
            check: z.string().optional(),
            summary: z.string().optional(),
            waitsFor: z.string().optional(),
            report: z.record(z.string(), z.unknown()).optional(),
          }),
        )
        .optional(),
    }),
  ),
});
export type JobsDocument = z.infer<typeof jobsDocument>;
