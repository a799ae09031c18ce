/** What `nightshift plans`, `recover`, `stop` and `executions` print with `--json`. Version 1; fields are only ever added. */
import { z } from 'zod';
import { placeSchema } from './incidents.ts';

const verdict = z.enum(['recovered', 'rehearsed', 'backed-out', 'needs-person', 'refused']);

/** One run of a recovery plan. */
export const executionSchema = z.object({
  run: z.string(),
  plan: z.string(),
  phase: z.enum(['working', 'backing-out', 'ended']),
  verdict: verdict.optional(),
  summary: z.string().optional(),
  rehearse: z.boolean(),
  startedBy: z.string(),
  startedAt: z.string(),
  endedAt: z.string().optional(),
  incidentId: z.string().optional(),
  targets: z.array(z.string()),
  /** From its start to its end, without the time for which it was frozen; only of a run that has ended. */
  recoveryTimeMs: z.number().optional(),
  targetRecoveryTimeMs: z.number(),
  /** Of a run that has ended, where the plan may lose data; null: unknown. */
  dataLossMs: z.number().nullable().optional(),
  targetDataLossMs: z.number().optional(),
  steps: z.array(
    z.object({
      name: z.string(),
      status: z.enum(['waiting', 'begun', 'done', 'undone', 'undo-failed']),
      budgetMs: z.number(),
      tookMs: z.number().optional(),
      note: z.string().optional(),
    }),
  ),
});
export type Execution = z.infer<typeof executionSchema>;

export const executionsDocument = z.object({
  version: z.literal(1),
  place: placeSchema,
  executions: z.array(executionSchema),
});
export type ExecutionsDocument = z.infer<typeof executionsDocument>;

/** Runs of one kind that came to a good end. */
const ledger = z.object({
  runs: z.number(),
  withinTargets: z.number(),
  lastMs: z.number(),
  /** Median of the five before the newest. */
  usualMs: z.number().optional(),
  /** More than half as long again as usual, and by more than a minute, is slower. */
  trend: z.enum(['first', 'steady', 'slower', 'faster']),
});

/** A rehearsal on schedule. */
const drill = z.object({
  name: z.string(),
  state: z.enum(['never ran', 'passed', 'failed', 'overdue']),
  overdueAt: z.string().optional(),
  lastRunAt: z.string().optional(),
  lastPassedAt: z.string().optional(),
  lastSummary: z.string().optional(),
  openIncidentId: z.string().optional(),
});

export const plansDocument = z.object({
  version: z.literal(1),
  place: placeSchema,
  plans: z.array(
    z.object({
      name: z.string(),
      summary: z.string(),
      deployed: z.boolean(),
      input: z.record(z.string(), z.string()),
      targetRecoveryTimeMs: z.number(),
      targetDataLossMs: z.number(),
      steps: z.array(
        z.object({
          name: z.string(),
          does: z.string(),
          after: z.array(z.string()),
          budgetMs: z.number(),
          undo: z.enum(['compensate', 'nothing', 'point-of-no-return']),
          /** How it is taken back, why nothing has to be, or why nothing can be. */
          takenBack: z.string(),
        }),
      ),
      lastRun: executionSchema.optional(),
      lastDrill: executionSchema.optional(),
      drills: z.array(drill).optional(),
      ledger: z.object({ real: ledger.optional(), rehearsals: ledger.optional() }).optional(),
    }),
  ),
});
export type PlansDocument = z.infer<typeof plansDocument>;
