/** The regular checks of the account. Without `checks` none is deployed. */
import { z } from 'zod';

export const checksSchema = z.strictObject({
  /** Secrets of Secrets Manager and secure parameters of Systems Manager: dates are looked at, never values. */
  secrets: z
    .strictObject({
      /** A value may be so old (runbook 002, line 840: 90 days). */
      olderThanDays: z.int().min(1).max(3650).default(90),
      /** One that ends is told of so long before (runbook 004, line 84: 7 days). */
      expiringWithinDays: z.int().min(1).max(365).default(7),
      /** Names that aren't looked at; what ends with `*` is the beginning of names. */
      ignore: z.array(z.string().min(1).max(512)).default([]),
    })
    .prefault({}),
  /** The morning round of what is protected. */
  health: z
    .strictObject({
      /** Share of a database's storage in use (runbook 004, line 68: 80 %). */
      storageAbovePercent: z.number().gt(0).lte(100).default(80),
      /** Share of a service's requests of the last 24 hours that were server errors (runbook 004, line 77: 0.01). */
      errorsAbovePercent: z.number().gt(0).lte(100).default(1),
      /** Alarms that have been firing for longer are named. */
      firingForHours: z.number().gt(0).max(720).default(4),
    })
    .prefault({}),
});
