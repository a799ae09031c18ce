/** What `npm run fuzz` prints: how mutated input of every kind was taken. Version 1. */
import { z } from 'zod';

const count = z.number().int().nonnegative();

export const fuzzDocument = z.object({
  version: z.literal(1),
  seed: count,
  runs: count,
  /** Inputs that their schema still let through: only these come further than the door. */
  schemaValid: count,
  /** By kind of input and what became of it. */
  byOutcome: z.record(z.string(), count),
  /** Inputs that ended in an error which nobody made for them. */
  unhandled: count,
});
export type FuzzDocument = z.infer<typeof fuzzDocument>;
