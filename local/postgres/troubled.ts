/**
 * Databases that scenarios bring into trouble, one for each, so that they can be played at the same time. A world has those that its scenarios ask for by
 * their `environment`: seeded with it, configured when it is deployed.
 */
import type { CreateDBInstanceCommandInput } from '@aws-sdk/client-rds';
import type { DatabaseInput } from '../../infra/config/schema.ts';
import type { SeededDatabase } from './seed.ts';

interface Troubled {
  readonly create?: Partial<CreateDBInstanceCommandInput>;
  /** What the demo's configuration says of it besides `BASE`. */
  readonly config: Partial<DatabaseInput>;
}

/** Nothing but connections, CPU and write latency is watched, unless it says so. */
const BASE = {
  databaseName: 'orders',
  securityGroupId: 'sg-0123456789abcdef0',
  maxConnections: 80,
  storageFreeBelowGib: 0,
  memoryFreeBelowMib: 0,
  transactionIdsAbove: 0,
  connectionsForSeconds: 10,
  resourcesForSeconds: 10,
  queryLongerThanSeconds: 5,
  costApprovals: 0,
} as const satisfies Partial<DatabaseInput>;

const TROUBLED = {
  /** Statements hang in it. */
  'stock-db': { config: { loadAbovePerVcpu: 1 } },
  /** It has 20 GiB, and somebody stores more than the hundredth part of that. */
  'media-db': { config: { storageFreeBelowGib: 19.85, maxStorageGib: 100 } },
  /** It has 1 GiB of memory, and sessions of it hold on to a part. */
  'session-db': { config: { memoryFreeBelowMib: 800 } },
  /** The volume under its primary is sick. */
  'payment-db': { create: { MultiAZ: true }, config: {} },
  /** AWS Backup fails to back it up. */
  'ledger-db': { config: {} },
  /** It uses up transaction ids faster than its limit allows. */
  'event-db': { config: { transactionIdsAbove: 20_000 } },
  /** Its rows are damaged, or the credential by which they are written has leaked (`services/accounts.ts`). */
  'accounts-db': { config: {} },
} as const satisfies Readonly<Record<string, Troubled>>;

export type TroubledDatabase = keyof typeof TROUBLED;

/** Environment variable that asks for it. */
const variableOf = (name: string): string => `NIGHTSHIFT_DEMO_DATABASE_${name.replace('-db', '').toUpperCase()}`;
type Environment = Readonly<Record<string, string | undefined>>;

/** What a scenario says so that its world has that database. */
export const askForDatabase = (name: TroubledDatabase): Readonly<Record<string, string>> => ({
  [variableOf(name)]: '1',
});
export const targetOfDatabase = (name: TroubledDatabase): string => `rds-instance/${name}`;

/** Those that are asked for: identifier, and how it is created. */
export const troubledDatabases = (environment: Environment): { id: string; create: Troubled['create'] }[] =>
  Object.entries<Troubled>(TROUBLED)
    .filter(([name]) => environment[variableOf(name)] !== undefined)
    .map(([id, { create }]) => ({ id, create }));

/** Where the world started them, by name: told to the configuration as JSON. */
export const WHERE = 'NIGHTSHIFT_DEMO_DATABASES';
type Where = Pick<SeededDatabase, 'host' | 'port' | 'resourceId'>;

export const whereInEnvironment = (databases: readonly SeededDatabase[]): Record<string, string> => ({
  [WHERE]: JSON.stringify(
    Object.fromEntries(databases.map(({ id, host, port, resourceId }) => [id, { host, port, resourceId }])),
  ),
});

export const troubledDatabaseConfig = (environment: Environment): Record<string, DatabaseInput> =>
  Object.fromEntries(
    Object.entries(JSON.parse(environment[WHERE] ?? '{}') as Record<string, Where>).map(([name, where]) => [
      name,
      { ...BASE, ...TROUBLED[name as TroubledDatabase].config, ...where },
    ]),
  );
