/** What `npm run cost` prints: US dollars in us-east-1, without free tiers unless the field says so. Version 1. */
import { z } from 'zod';

const usd = z.number().nonnegative();
const byService = z.record(z.string(), usd);

export const costDocument = z.object({
  version: z.literal(1),
  region: z.string(),
  /** Day on which the prices were looked up. */
  pricedAt: z.string(),
  /** Day on which calls, transitions and milliseconds were measured. */
  measuredAt: z.string(),
  /** Prices that AWS's own page wasn't read for (test/cost/prices.ts). */
  unverifiedPrices: z.array(z.string()),
  /** By the month, whatever happens: of `core` and of each thing protected. */
  standing: z.record(z.string(), z.object({ usdPerMonth: usd, byService })),
  /** Of `core`, if nothing else in the account uses what CloudWatch gives for nothing. */
  coreAfterFreeAllowancesUsdPerMonth: usd,
  /** How many alarms were asked for, each from its firing to the end of its incident. */
  alarms: z.number().int().nonnegative(),
  alarmsUsd: usd,
  byService,
  perThousandAlarmsUsd: usd,
  perMillionAlarmsUsd: usd,
  /** By the scenario that was measured. */
  perAlarmUsd: byService,
  goals: z.array(z.object({ what: z.string(), value: usd, goal: usd, met: z.boolean() })),
});
export type CostDocument = z.infer<typeof costDocument>;
