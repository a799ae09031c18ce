/**
 * What `npm start -- --json` prints as the last line of stdout: the world that was started and how each scenario went. Version 1.
 * All times are milliseconds measured in a local world with compressed waits; they say nothing about AWS.
 */
import { z } from 'zod';

const milliseconds = z.number().nonnegative();

export const scenarioResultSchema = z
  .object({
    name: z.string().min(1),
    status: z.enum(['passed', 'failed', 'skipped']),
    /** Why it failed or was skipped, as a sentence. */
    error: z.string().optional(),
    incidentId: z.string().optional(),
    /** From the time in the alarm's state-change event to the first changing call on the target. */
    alarmToFirstChangeMs: milliseconds.optional(),
    /** From the same event to the journal's `resolved` entry. */
    alarmToResolvedMs: milliseconds.optional(),
  })
  .catchall(z.union([z.number(), z.string(), z.boolean()]));

export const startDocument = z.object({
  version: z.literal(1),
  world: z.object({ name: z.string(), endpoint: z.url(), readyMs: milliseconds }),
  scenarios: z.array(scenarioResultSchema),
});
export type StartDocument = z.infer<typeof startDocument>;
