/** What `nightshift fault ... --json` prints: the faults a local world offers, and those that are injected now. Version 1. */
import { z } from 'zod';

export const faultsDocument = z.object({
  version: z.literal(1),
  world: z.string(),
  known: z.array(z.object({ name: z.string(), summary: z.string() })),
  active: z.array(z.object({ name: z.string(), kind: z.string() })),
});
export type FaultsDocument = z.infer<typeof faultsDocument>;
