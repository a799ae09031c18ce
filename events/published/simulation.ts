/** What `npm run simulate` prints: incidents simulated on virtual time; and with `--bugs`, which known bugs were found. Version 1. */
import { z } from 'zod';

const count = z.number().int().nonnegative();

export const simulationDocument = z.object({
  version: z.literal(1),
  /** Incidents that were opened. */
  incidents: count,
  /** Lines of their timelines, on average. */
  entriesPerIncident: z.number().nonnegative(),
  violations: count,
  /** Incidents a minute of this process's CPU time. */
  perMinute: count,
  seed: count,
  runs: count,
  /** `--replay` of one of these repeats what failed. */
  failingSeeds: z.array(count),
  /** Deliveries by outcome, and what disturbed the runs (`met …`). */
  mix: z.record(z.string(), count),
});
export type SimulationDocument = z.infer<typeof simulationDocument>;

export const bugsDocument = z.object({
  version: z.literal(1),
  seededBugs: count,
  seededBugsFound: count,
  /** Names of those that weren't found. */
  missed: z.array(z.string()),
});
export type BugsDocument = z.infer<typeof bugsDocument>;
