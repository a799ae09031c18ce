/** What `npm run mutation` prints: how many small changes to the code that decides make a test fail. Version 1. */
import { z } from 'zod';

const count = z.number().int().nonnegative();

const mutationScore = z.object({
  /** Changes that some test noticed, by failing or by not coming to an end. */
  detected: count,
  /** Changes that were tried. */
  mutants: count,
  /** Of the changes, percent; 100 when there was nothing to change. */
  score: z.number().min(0).max(100),
});
export type MutationScore = z.infer<typeof mutationScore>;

export const mutationDocument = mutationScore.extend({
  version: z.literal(1),
  /** Percent that `score` must reach. */
  threshold: z.number(),
  files: z.record(z.string(), mutationScore),
  /** Files that no unit or property test reaches: they are proved in the emulators only, and nothing of them was changed. */
  untested: z.array(z.string()),
});
export type MutationDocument = z.infer<typeof mutationDocument>;
