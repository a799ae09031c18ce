/** What `nightshift explain --json` prints. Version 1; fields are only ever added. */
import { z } from 'zod';
import { placeSchema } from './incidents.ts';

export const explainDocument = z.object({
  version: z.literal(1),
  place: placeSchema,
  /** Absent when no deployed remediation is asked for. */
  remediation: z.object({ name: z.string(), mode: z.enum(['off', 'observe', 'approve', 'auto']) }).optional(),
  /** What the event was understood as; absent when it was rejected. */
  signal: z
    .object({
      id: z.string(),
      alarmName: z.string(),
      state: z.enum(['firing', 'resolved']),
      at: z.string(),
      target: z.string(),
    })
    .optional(),
  /** Each guard in the order in which they are asked; the first that stops decides. */
  guards: z.array(z.object({ guard: z.string(), passes: z.boolean(), detail: z.string().optional() })),
  /** The target as the remediation saw it, long lists shortened. */
  observation: z.unknown().optional(),
  /** What the remediation would decide, also where a guard stops it before that. */
  decision: z.object({ kind: z.enum(['act', 'fine', 'hold', 'escalate']), detail: z.string() }).optional(),
  /** What would come of the event. */
  outcome: z.object({ kind: z.string(), detail: z.string() }),
  /** Conditions of the first transaction that would be written, by item. */
  conditions: z.array(z.object({ item: z.string(), condition: z.string() })),
});
export type ExplainDocument = z.infer<typeof explainDocument>;
