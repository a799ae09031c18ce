/** What `nightshift doctor --json` prints. Version 1; fields are only ever added. */
import { z } from 'zod';
import { placeSchema } from './incidents.ts';

export const checkSchema = z.object({
  /** What was looked at: `switch`, `alarms`, `backstop`, `page-topic`, `failure-queue`, `reconciler`, `follow-through`, `concurrency`, `secret`, ... or a remediation's name. */
  check: z.string(),
  /** The resource or target it is about. */
  subject: z.string(),
  /** `unknown`: it can't be seen from where doctor runs. */
  verdict: z.enum(['ok', 'wrong', 'unknown']),
  what: z.string(),
  todo: z.string().optional(),
});
export type Check = z.infer<typeof checkSchema>;

export const doctorDocument = z.object({
  version: z.literal(1),
  place: placeSchema,
  /** No check is `wrong`. */
  healthy: z.boolean(),
  checks: z.array(checkSchema),
});
export type DoctorDocument = z.infer<typeof doctorDocument>;
