/** What the demo's two deployments know of the pair: the primary's region has its database, the standby's all that takes over. Nothing where no scenario asks for it. */
import type { ConfigInput, DatabaseInput } from '../../infra/config/schema.ts';
import type { SeededPair } from './pair.ts';

export const PAIR = {
  database: 'checkout-db',
  cluster: 'checkout',
  service: 'checkout',
  recordName: 'checkout.nightshift.test',
  ttlSeconds: 1,
  tasks: { east: 2, west: 1 },
  /** The object that sends everybody to the standby while it is there. */
  bucket: 'checkout-failover',
  key: 'standby-serves',
  table: 'checkouts',
  requestsPerSecond: 10,
} as const;

export const DEMO_PAIR = {
  /** Set to have it. */
  switch: 'NIGHTSHIFT_DEMO_PAIR',
  /** Where both configurations read the facts (JSON). */
  variable: 'NIGHTSHIFT_DEMO_PAIR_FACTS',
  /** Key in `pairs`. */
  name: PAIR.service,
  /** Names of the deployments: in the primary's region, and in the standby's. */
  deployments: { east: 'demo', west: 'west' },
  /** The least that may be configured, so that nobody waits for it longer than has to be. */
  leaseSeconds: 120,
  clockMarginSeconds: 1,
} as const;

interface Facts {
  readonly database: Where;
  readonly replica: Where & { readonly id: string };
  readonly urls: { readonly east: string; readonly west: string; readonly users: string };
}
type Where = { readonly host: string; readonly port: number; readonly resourceId: string };

export function factsOf({ database, replica, sites }: SeededPair): string {
  const { host, port, resourceId } = database;
  const facts: Facts = {
    database: { host, port, resourceId },
    replica,
    urls: { east: sites.east.url, west: sites.west.url, users: `http://${PAIR.recordName}:${sites.port}` },
  };
  return JSON.stringify(facts);
}

type Environment = Readonly<Record<string, string | undefined>>;

function factsIn(environment: Environment): Facts | undefined {
  const text = environment[DEMO_PAIR.variable];
  return text === undefined ? undefined : (JSON.parse(text) as Facts);
}

const DATABASE = {
  ...{ databaseName: 'orders', securityGroupId: 'sg-0123456789abcdef0', maxConnections: 80 },
  createAlarms: false,
} as const satisfies Partial<DatabaseInput>;

/** In the primary's region: its database takes writes by the lease that the other region grants. */
export function pairDatabases(environment: Environment): Record<string, DatabaseInput> {
  const facts = factsIn(environment);
  return facts ? { [PAIR.database]: { ...DATABASE, ...facts.database, authority: true } } : {};
}

/** In the standby's region. @throws Error where the world has no pair. */
export function pairConfig(environment: Environment): Pick<ConfigInput, 'services' | 'databases' | 'pairs' | 'plans'> {
  const facts = factsIn(environment);
  if (!facts) throw new Error(`${DEMO_PAIR.variable} isn't set: this deployment is only made in a world with a pair`);
  const { id, ...replica } = facts.replica;
  const { east, west, users } = facts.urls;
  return {
    services: {
      [PAIR.service]: { cluster: PAIR.cluster, minTasks: 1, maxTasks: 4, createAlarms: false },
    },
    databases: { [id]: { ...DATABASE, ...replica } },
    pairs: {
      [DEMO_PAIR.name]: {
        replica: id,
        tasks: { [PAIR.service]: PAIR.tasks.east },
        primaryProbeUrl: `${east}/health`,
        standbyHealthUrl: `${west}/health`,
        // Each request writes a row.
        standbyProbeUrl: `${west}/`,
        userUrl: `${users}/`,
        outageAlarms: [`nightshift-${DEMO_PAIR.deployments.east}-silent`],
        ...{ unhealthyForSeconds: 10, ttlSeconds: PAIR.ttlSeconds, settleSeconds: 10 },
        fencing: {
          ...{ by: 'self', deployment: DEMO_PAIR.deployments.east, database: PAIR.database },
          ...{ leaseSeconds: DEMO_PAIR.leaseSeconds, clockMarginSeconds: DEMO_PAIR.clockMarginSeconds },
        },
        switch: { bucket: PAIR.bucket, key: PAIR.key },
      },
    },
    plans: ['region-failover'],
  };
}
