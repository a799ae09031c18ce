/** What `nightshift dlq list|show|redrive --json` print. Version 1; fields are only ever added. */
import { z } from 'zod';
import { placeSchema } from './incidents.ts';

export const dlqDocument = z.object({
  version: z.literal(1),
  place: placeSchema,
  /** About how many messages each failure queue holds. */
  queues: z.array(z.object({ function: z.string(), messages: z.number().int() })),
});
export type DlqDocument = z.infer<typeof dlqDocument>;

export const failuresDocument = z.object({
  version: z.literal(1),
  place: placeSchema,
  function: z.string(),
  failures: z.array(
    z.object({
      id: z.string(),
      at: z.iso.datetime(),
      reason: z.string(),
      /** Whether the message holds what the function was invoked with, or says which entries of the journal: only then it can be redriven. */
      redrivable: z.boolean(),
      /** Only by `redrive`: the function was invoked with it again (of entries of the journal: and took them) and the message deleted. */
      redriven: z.boolean().optional(),
    }),
  ),
});
export type FailuresDocument = z.infer<typeof failuresDocument>;
