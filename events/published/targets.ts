/** What `nightshift targets|take-over|release --json` print: protected targets as the journal has them. Version 1; fields are only ever added. */
import { z } from 'zod';
import { placeSchema } from './incidents.ts';

const time = z.iso.datetime();

const holdSchema = z.object({
  remediation: z.string(),
  field: z.string(),
  value: z.number(),
  baseline: z.number(),
  since: time,
  /** Why it wasn't handed back when it was due; absent when it isn't due yet. */
  postponed: z.object({ why: z.string(), until: time }).optional(),
});

export const targetSchema = z.object({
  /** `<kind>/<name...>`. */
  target: z.string(),
  /** A person keeps Nightshift's hands off it. */
  takenOver: z.object({ by: z.string(), since: time, until: time, reason: z.string() }).optional(),
  /** Nightshift keeps its hands off by itself: somebody else changed the target, or its last change didn't help. */
  handsOffUntil: time.optional(),
  /** A change is under way; with `until` in the past, it was left unfinished and is taken up by the reconciler. */
  lease: z.object({ actionId: z.string(), until: time }).optional(),
  /** A temporary change that is still to be handed back: the first of `holds`. */
  hold: holdSchema.optional(),
  /** All temporary changes that are still to be handed back; absent when there are none. */
  holds: z.array(holdSchema).optional(),
  openIncidentId: z.string().optional(),
  runbooks: z.array(
    z.object({
      name: z.string(),
      mode: z.enum(['off', 'observe', 'approve', 'auto']),
      /** No change before this time. */
      cooldownUntil: time.optional(),
      /** Changes of this target within the last hour, and how many more are allowed. */
      changesWithinHour: z.number().int(),
      changesLeft: z.number().int(),
    }),
  ),
});
export type HoldDocument = z.infer<typeof holdSchema>;
export type TargetDocument = z.infer<typeof targetSchema>;

export const targetsDocument = z.object({ version: z.literal(1), place: placeSchema, targets: z.array(targetSchema) });
export type TargetsDocument = z.infer<typeof targetsDocument>;
