/** What `npm run bench` prints. Version 1. */
import { z } from 'zod';

const figure = z.number().nonnegative();

export const benchResult = z.object({
  name: z.string(),
  /** The median of `runs`; null: it could not be measured here, and `note` says why. */
  value: figure.nullable(),
  unit: z.string(),
  /** The least and the greatest of the runs. */
  range: z.tuple([figure, figure]).optional(),
  runs: z.number().int().positive().optional(),
  /** Against a bare handler with the same SDK clients, bundled and loaded in the same way in the same run. */
  ratioToFloor: figure.optional(),
  /** Against Cloud Custodian on the same work in the same run. */
  ratioToPeer: figure.optional(),
  /** As the design has it. */
  goal: z.string(),
  /** Null where nothing was measured. */
  met: z.boolean().nullable(),
  note: z.string().optional(),
});
export type BenchResult = z.infer<typeof benchResult>;

export const benchDocument = z.object({
  version: z.literal(1),
  machine: z.object({
    cores: z.number().int().positive(),
    cpu: z.string(),
    memoryGiB: figure,
    node: z.string(),
    /** Processes that wanted a core in the minute before the first and after the last measurement: figures of time mean little above the number of cores. */
    loadBefore: figure,
    loadAfter: figure,
  }),
  /** By result: the floor's median in the result's unit. */
  floor: z.record(z.string(), figure),
  results: z.array(benchResult),
});
export type BenchDocument = z.infer<typeof benchDocument>;
