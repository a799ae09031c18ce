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
  /** How far what is protected may be used up, by the trend of the last 30 days. */
  capacity: z
    .strictObject({
      /** What runs out sooner is named (runbook 002, lines 864 to 866: a look each month). */
      withinDays: z.int().min(1).max(365).default(30),
      /** Share of a database's storage. */
      storagePercent: z.number().gt(0).lte(100).default(90),
      /** CPU of a database; services have `cpuAbovePercent` and `memoryAbovePercent`, connections `connectionsAboveShare`. */
      cpuPercent: z.number().gt(0).lte(100).default(80),
      /** Classes of 1 to 4 GiB: a twentieth of their memory, if that is less. */
      memoryFreeMib: z.number().min(0).max(4_194_304).default(256),
    })
    .prefault({}),
  /** A look into each database. */
  database: z
    .strictObject({
      /** Statements and open transactions (runbook 004, lines 124 to 127: 5 minutes). */
      statementsLongerThanSeconds: z.number().gt(0).max(604_800).default(300),
      /** The mean of a statement that ran at least 100 times (runbook 004, lines 629 to 631: 100 ms). */
      statementsSlowerThanSeconds: z.number().gt(0).max(86_400).default(0.1),
      /** Age of the oldest transaction id; the server stops at two billion. */
      transactionIdsAbove: z.int().min(1).max(2_000_000_000).default(500_000_000),
      /** Of each standby or read replica behind its source (runbook 004, lines 1185 to 1194: 60 s). */
      replicaLagAboveSeconds: z.number().gt(0).max(86_400).default(60),
      /** Transaction logs kept for a replication slot that nobody reads: they fill the disk. */
      retainedLogsAboveMib: z.int().min(1).max(67_108_864).default(1024),
      /** All indexes together that every run of 30 days has seen unused (the 200 largest). */
      unusedIndexesAboveMib: z.int().min(1).max(67_108_864).default(1024),
    })
    .prefault({}),
});
