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
    }),
  ),
});
export type PlansDocument = z.infer<typeof plansDocument>;
