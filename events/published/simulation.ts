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
  /** Incidents a minute of one core: of the CPU time of all processes that played them. */
  perMinute: count,
  /** Incidents a minute of this call's time on the clock, of all its processes together; 0 when it had nothing left to play. */
  perMinuteInAll: count,
  workers: z.number().int().positive(),
  seed: count,
  runs: count,
  /** `--replay` of one of these repeats what failed. */
  failingSeeds: z.array(count),
  /** With `--ledger`: of the sources that the sum is of, which must not change while it grows. */
  digest: z.string().optional(),
  /** Deliveries by outcome, and what disturbed the runs (`met …`); with `--ledger`, of this call. */
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
