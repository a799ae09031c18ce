/** A service in two regions, of which this deployment's is the standby: what `region-failover` needs to know beforehand (docs/recovery.md). */
import { z } from 'zod';
import { MOST_TARGETS } from '../../functions/recovery/plan.ts';
import { asGiven, type Fault, unknownName } from './faults.ts';

const seconds = (minimum: number, maximum: number) => z.int().min(minimum).max(maximum);
const url = z.url({ protocol: /^https?$/ });

/** How it is made sure that the old primary writes nothing any more. */
const fencingSchema = z.discriminatedUnion('by', [
  /** A person's word, with each start of the plan. */
  z.strictObject({ by: z.literal('attested') }),
  /** Its database refuses writes once the lease is over that this region grants (docs/recovery.md, Fencing by itself). */
  z.strictObject({
    by: z.literal('self'),
    /** Name of the deployment in the primary's region, which is this one's `standbyRegion`. */
    deployment: z.string().regex(/^[a-z][a-z0-9-]{0,19}$/, 'the name of a deployment'),
    /** The primary: a key of that deployment's `databases`, with `authority: true` there. */
    database: z
      .string()
      .max(63)
      .regex(/^[a-z][a-z0-9-]*$/, 'the identifier of a database'),
    /** So long does it take writes without hearing of this region; so long, at most, does a failover wait. It is renewed each minute. */
    leaseSeconds: seconds(120, 900).default(180),
    /** The clocks of both regions are never further apart (Amazon Time Sync keeps them within milliseconds; what is seen of it is checked with each renewal). */
    clockMarginSeconds: seconds(1, 60).default(5),
  }),
]);

const identifier = z
  .string()
  .max(50)
  .regex(
    /^[a-z][a-z0-9-]*$/,
    'the identifier of a database, of at most 50 letters: one that is set aside gets 13 more',
  );
const kmsKeyArn = z.string().regex(/^arn:[^:]+:kms:[^:]+:\d{12}:key\/[^*]+$/, 'the ARN of a KMS key');

/** What serves in the first region, this one's `standbyRegion`: what `region-fail-back` needs to know beforehand. */
const failBackSchema = z.strictObject({
  /** Its database, by identifier. */
  database: identifier,
  /** By the key in `tasks`: the service there that does the same. */
  services: z.record(
    z.string(),
    z.strictObject({
      cluster: z.string().min(1).max(255),
      /** Its name there; that of the key when left out. */
      service: z.string().min(1).max(255).optional(),
      /** So many tasks does it need to serve everybody. */
      tasks: z.int().min(1).max(5000),
      balancedBy: z.strictObject({ loadBalancer: z.string().min(1), targetGroup: z.string().min(1) }).optional(),
    }),
  ),
  /** Of that region's site alone; answered well only when everything works, the database too. */
  probeUrl: url,
  /** Keys for the rebuilt databases, of the first region and of this one; needed where they are encrypted. */
  kmsKeyArn: kmsKeyArn.optional(),
  standbyKmsKeyArn: kmsKeyArn.optional(),
});

export const pairSchema = z.strictObject({
  /** Key in `databases`: the read replica in this region, which is promoted. */
  replica: z.string().min(1).max(63),
  /** By key in `services`: the tasks that each needs to serve everybody. */
  tasks: z.record(z.string(), z.int().min(1).max(5000)),
  /** Of the primary's site alone: answered well, there is no outage. */
  primaryProbeUrl: url,
  /** Of this region's site alone, answered well also while the database can only be read. */
  standbyHealthUrl: url,
  /** Of this region's site alone; answered well only when everything works, the database too: it proves the standby before anybody is sent there. */
  standbyProbeUrl: url,
  /** By the name that users know; its path as that of `standbyProbeUrl`. */
  userUrl: url,
  /** Alarms of this region, by name, all of which fire in an outage: at least `nightshift-<deployment>-silent`, if the primary's region is protected. */
  outageAlarms: z
    .array(
      z
        .string()
        .min(1)
        .max(255)
        .regex(/^[^*?]+$/, 'no wildcards'),
    )
    .min(1)
    .max(20),
  /** So long no probe of the primary may have been answered well. */
  unhealthyForSeconds: seconds(10, 600).default(60),
  /** More than this is lost only if somebody says so (runbook 000, line 509: 5 minutes). */
  recoveryPointSeconds: seconds(0, 86_400).default(300),
  /** Of the failover records: so long do resolvers keep sending users to the old site (runbook 003, line 325: 60 s). */
  ttlSeconds: seconds(1, 600).default(60),
  /** How long the standby must have been well before the run is over. */
  settleSeconds: seconds(1, 3600).default(300),
  /** Unattended is a failover with `self` only. */
  fencing: fencingSchema.default({ by: 'attested' }),
  /** The object that sends users here while it is there: in a bucket of this region, read by Route 53's health checkers without signing. */
  switch: z.strictObject({
    bucket: z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'the name of a bucket'),
    key: z
      .string()
      .max(200)
      .regex(/^[A-Za-z0-9._-]+(\/[A-Za-z0-9._-]+)*$/, 'letters, digits, dot, hyphen, underscore and slashes'),
  }),
  /** For the way back by `region-fail-back`. */
  failBack: failBackSchema.optional(),
});

type Pair = z.output<typeof pairSchema>;
type Loose = { readonly [K in keyof Pair]?: Pair[K] | undefined };

/** Cross-field faults of the pairs, and of the plan that needs one. */
export function pairFaults({
  pairs,
  hasUnreadPairs = false,
  plans = [],
  databases,
  services,
}: {
  readonly pairs: Readonly<Record<string, Loose>>;
  /** What a plan needs may be in one that has a fault of form, told elsewhere. */
  readonly hasUnreadPairs?: boolean;
  readonly plans?: readonly string[] | undefined;
  readonly databases: Readonly<Record<string, unknown>>;
  readonly services: Readonly<Record<string, { readonly maxTasks?: number | undefined }>>;
}): Fault[] {
  const fault = (path: string, given: unknown, expected: string): Fault => ({ path, given: asGiven(given), expected });
  const needs = (plan: string, isMissing: boolean, what: string) =>
    plans.includes(plan) && isMissing && !hasUnreadPairs ? [fault(`plans[${plans.indexOf(plan)}]`, plan, what)] : [];
  const none = [
    ...needs(
      'region-failover',
      Object.keys(pairs).length === 0,
      'needs at least one of `pairs`: what it is to fail over',
    ),
    ...needs(
      'region-fail-back',
      Object.values(pairs).every(({ failBack }) => failBack === undefined),
      'needs at least one of `pairs` with `failBack`: what serves in the first region',
    ),
  ];
  const faults = Object.entries(pairs).flatMap(([key, { replica, tasks, primaryProbeUrl, fencing, ...urls }]) => {
    const path = `pairs.${key}`;
    // What couldn't be read is a fault of form, told elsewhere.
    const unknown =
      replica === undefined || Object.hasOwn(databases, replica)
        ? []
        : [fault(`${path}.replica`, replica, `as a database: ${unknownName(replica, Object.keys(databases))}`)];
    const counts = Object.entries(tasks ?? {}).flatMap(([name, count]) => {
      const service = Object.hasOwn(services, name) ? services[name] : undefined;
      if (!service)
        return [fault(`${path}.tasks.${name}`, count, `as a service: ${unknownName(name, Object.keys(services))}`)];
      const { maxTasks } = service;
      return maxTasks !== undefined && count > maxTasks
        ? [fault(`${path}.tasks.${name}`, count, `allowed is at most services.${name}.maxTasks (${maxTasks})`)]
        : [];
    });
    const empty =
      tasks && Object.keys(tasks).length === 0
        ? [fault(`${path}.tasks`, tasks, 'at least one service: who serves users?')]
        : [];
    const count = Object.keys(tasks ?? {}).length;
    // The replica itself is a target, too: found out in the outage otherwise.
    const many =
      count < MOST_TARGETS
        ? []
        : [
            fault(
              `${path}.tasks`,
              `${count} services`,
              `allowed are at most ${MOST_TARGETS - 1}: a run takes no more in hand`,
            ),
          ];
    const { recoveryPointSeconds } = urls;
    const long =
      fencing?.by === 'self' && recoveryPointSeconds !== undefined && fencing.leaseSeconds > recoveryPointSeconds
        ? [
            fault(
              `${path}.fencing.leaseSeconds`,
              fencing.leaseSeconds,
              `at most recoveryPointSeconds (${recoveryPointSeconds}): what the old primary writes until then is lost`,
            ),
          ]
        : [];
    const hosts = { ...urls, primaryProbeUrl };
    const same = OTHER_HOSTS.flatMap(([field, other]) =>
      hosts[field] !== undefined && hostOf(hosts[field]) === hostOf(hosts[other])
        ? [fault(`${path}.${field}`, hosts[field], `another host than ${other}: each leads to something else`)]
        : [],
    );
    const back = failBackFaults(path, { ...urls, replica, tasks, primaryProbeUrl, fencing }, fault);
    return [...unknown, ...empty, ...many, ...counts, ...long, ...same, ...back];
  });
  return [...none, ...faults, ...shared(pairs, fault)];
}

/** Each service that users are moved with has to be there on the other side, too. */
function failBackFaults(
  path: string,
  { failBack, replica, tasks = {}, fencing, ...urls }: Loose,
  fault: (path: string, given: unknown, expected: string) => Fault,
): Fault[] {
  if (failBack === undefined) return [];
  const { services, database, probeUrl } = failBack;
  const missing = Object.keys(tasks).flatMap((key) =>
    Object.hasOwn(services, key)
      ? []
      : [fault(`${path}.failBack.services.${key}`, undefined, `the first region's service: ${path}.tasks has it`)],
  );
  const unknown = Object.keys(services).flatMap((key) =>
    Object.hasOwn(tasks, key)
      ? []
      : [
          fault(
            `${path}.failBack.services.${key}`,
            key,
            `one of ${path}.tasks: ${unknownName(key, Object.keys(tasks))}`,
          ),
        ],
  );
  const long =
    replica !== undefined && replica.length > 50
      ? [fault(`${path}.replica`, replica, 'at most 50 letters: one that is set aside gets 13 more')]
      : [];
  const other =
    fencing?.by === 'self' && fencing.database !== database
      ? [fault(`${path}.failBack.database`, database, `that of fencing.database (${fencing.database})`)]
      : [];
  const elsewhere = (['standbyHealthUrl', 'standbyProbeUrl', 'userUrl'] as const).flatMap((field) =>
    urls[field] !== undefined && hostOf(probeUrl) === hostOf(urls[field])
      ? [fault(`${path}.failBack.probeUrl`, probeUrl, `another host than ${field}: it has to lead to the first region`)]
      : [],
  );
  return [...missing, ...unknown, ...long, ...other, ...elsewhere];
}

/** The names lead to one site each; a site's own can't be proved, nor users' moving be seen, by a name that is the other's. */
const OTHER_HOSTS = [
  ['standbyHealthUrl', 'primaryProbeUrl'],
  ['standbyProbeUrl', 'primaryProbeUrl'],
  ['userUrl', 'primaryProbeUrl'],
  ['standbyHealthUrl', 'userUrl'],
  ['standbyProbeUrl', 'userUrl'],
] as const;

const hostOf = (given: string | undefined): string | undefined =>
  given === undefined ? undefined : new URL(given).hostname;

/**
 * Pairs that share a switch or a replica can't be failed over one by one: the users of the other one would be sent to a standby that nobody proved, or its replica would be gone. Nor can those
 * that share a primary with a lease: the other pair would go on granting it time to write.
 */
function shared(
  pairs: Readonly<Record<string, Loose>>,
  fault: (path: string, given: unknown, expected: string) => Fault,
): Fault[] {
  const switchOf = ({ switch: object }: Loose) => object && `${object.bucket}/${object.key}`;
  const primaryOf = ({ fencing }: Loose) =>
    fencing?.by === 'self' ? `${fencing.deployment}/${fencing.database}` : undefined;
  const all = Object.entries(pairs);
  return all.flatMap(([key, pair], index) =>
    all.slice(0, index).flatMap(([earlier, other]) => {
      const than = `another than that of pairs.${earlier}: only one of them could be failed over`;
      return [
        ...(pair.switch && switchOf(pair) === switchOf(other)
          ? [fault(`pairs.${key}.switch`, switchOf(pair), than)]
          : []),
        ...(pair.replica !== undefined && pair.replica === other.replica
          ? [fault(`pairs.${key}.replica`, pair.replica, than)]
          : []),
        ...(primaryOf(pair) !== undefined && primaryOf(pair) === primaryOf(other)
          ? [fault(`pairs.${key}.fencing.database`, primaryOf(pair), than)]
          : []),
      ];
    }),
  );
}
