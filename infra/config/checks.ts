/** The regular checks of the account. Without `checks` none is deployed. */
import { z } from 'zod';
import { asGiven, type Fault, unknownName } from './faults.ts';

/** Names as AWS gives them; the keys are those of `services` and `databases`. */
const standbySchema = z.strictObject({
  services: z
    .record(
      z.string(),
      z.strictObject({
        cluster: z.string().min(1).max(255),
        /** By default of the same name as the protected one. */
        service: z.string().min(1).max(255).optional(),
        /** So many tasks run there all the time; none where it is started by a failover. */
        minTasks: z.int().min(0).max(5000).default(0),
      }),
    )
    .default({}),
  databases: z
    .record(
      z.string(),
      z.strictObject({
        /** Identifier of its read replica there. */
        replica: z.string().regex(/^[a-z][a-z0-9-]{0,62}$/, 'a DB instance identifier in lower case'),
        /** Its class, where it is meant to be another than its source's. */
        instanceClass: z
          .string()
          .regex(/^db(\.[a-z0-9-]+)+$/, 'a DB instance class such as db.m7g.large')
          .optional(),
      }),
    )
    .default({}),
  /** Runbook 004, lines 1185 to 1194. */
  replicaLagAboveSeconds: z.number().gt(0).max(86_400).default(60),
});

export const checksSchema = z.strictObject({
  /** What is ready in the standby region to take over; not looked at when left out. */
  standby: standbySchema.optional(),
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

interface LooseChecks {
  readonly checks?:
    | {
        readonly standby?:
          | {
              readonly services?: Readonly<Record<string, unknown>> | undefined;
              readonly databases?: Readonly<Record<string, unknown>> | undefined;
            }
          | undefined;
      }
    | undefined;
  readonly services: Readonly<Record<string, unknown>>;
  readonly databases: Readonly<Record<string, unknown>>;
}

/** What stands ready is named by what it stands ready for. */
export function standbyFaults({ checks, services, databases }: LooseChecks): Fault[] {
  const kinds = [
    ['services', checks?.standby?.services, services],
    ['databases', checks?.standby?.databases, databases],
  ] as const;
  return kinds.flatMap(([kind, given, known]) =>
    Object.keys(given ?? {})
      .filter((name) => !Object.hasOwn(known, name))
      .map((name) => ({
        path: `checks.standby.${kind}.${name}`,
        given: asGiven(name),
        expected: `as one of ${kind}: ${unknownName(name, Object.keys(known))}`,
      })),
  );
}
