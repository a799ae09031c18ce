/** What `nightshift pause|freeze|resume|status --json` print: the one lever as it stands afterwards. Version 1. */
import { z } from 'zod';
import { placeSchema } from './incidents.ts';

export const switchDocument = z.object({
  version: z.literal(1),
  place: placeSchema,
  switch: z.object({
    /** `pause`: no new change; `freeze`: also what is under way stops at its next step. */
    state: z.enum(['run', 'pause', 'freeze']),
    by: z.string(),
    reason: z.string(),
    at: z.iso.datetime(),
  }),
});
export type SwitchDocument = z.infer<typeof switchDocument>;
