/** What `nightshift runbooks --json` prints. Version 1; fields are only ever added. */
import { z } from 'zod';
import { placeSchema } from './incidents.ts';

const count = z.number().int().nonnegative();

export const runbooksDocument = z.object({
  version: z.literal(1),
  place: placeSchema,
  /** Changes of all runbooks together within the last hour. */
  fleet: z.object({ usedThisHour: count, perHour: count }),
  /** Of what takes capacity away, hand-backs among them, within the last hour. */
  removals: z.object({ usedThisHour: count, perHour: count }),
  runbooks: z.array(
    z.object({
      name: z.string(),
      mode: z.enum(['off', 'observe', 'approve', 'auto']),
      cooldownSeconds: z.number(),
      perTargetPerHour: count,
      perRunbookPerHour: count,
      usedThisHour: count,
      /**
       * From the incidents of this and the last calendar month in which it said what it would do: in how many of them, how many of those were
       * quiet again by themselves within the verify time, in how many somebody else made the very same change, and how many a person had to be called
       * to.
       */
      score: z.object({ wouldHaveActed: count, clearedAlone: count, sameByPerson: count, escalated: count }),
      /** Offered on that evidence, never made by itself: the next mode, and the line of the configuration that sets it. */
      promotion: z.object({ to: z.enum(['approve']), line: z.string() }).optional(),
    }),
  ),
});
export type RunbooksDocument = z.infer<typeof runbooksDocument>;
