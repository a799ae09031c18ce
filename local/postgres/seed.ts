/** The demonstration's database, made as a user makes it: by the AWS SDK, then SQL as the master user through the endpoint. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateDBInstanceCommand,
  type CreateDBInstanceCommandInput,
  CreateDBParameterGroupCommand,
  type DBInstance,
  DescribeDBInstancesCommand,
  ModifyDBParameterGroupCommand,
  RDSClient,
} from '@aws-sdk/client-rds';
import pg from 'pg';
import { MAINTENANCE_GRANTS, NIGHTSHIFT_GRANTS } from '../../functions/databases/sql.ts';
import { HEARTBEAT_GRANTS } from '../../functions/heartbeats/write-heartbeat/sql.ts';
import { VERIFY_GRANTS } from '../../functions/jobs/verify-backup/sql.ts';
import { PostgresError } from './errors.ts';
import type { SessionTarget } from './sessions.ts';

export const SEED_USERS = ['orders_app', 'reporting', 'batch_allowed'] as const;
export type SeedUser = (typeof SEED_USERS)[number];

export interface SeedOptions {
  /** PEM of the world's authority. */
  readonly ca: string;
  readonly id?: string;
  readonly maxConnections?: number;
  /** Slots kept for roles with `pg_use_reserved_connections`. */
  readonly reservedConnections?: number;
  /** How it is created otherwise than usual, such as Multi-AZ. */
  readonly create?: Partial<CreateDBInstanceCommandInput> | undefined;
}

export interface SeededDatabase {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  /** `db-...`, as in `rds-db` ARNs. */
  readonly resourceId: string;
  readonly database: 'orders';
  /** Nightshift's login. */
  readonly user: 'nightshift';
  readonly maxConnections: number;
  /** How to open sessions as one of the applications' users, or as the master user `postgres`. */
  as(user: SeedUser | 'postgres'): SessionTarget;
}

const SCHEMA = `
CREATE TABLE customers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, joined_at timestamptz NOT NULL);
CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customers,
                     placed_at timestamptz NOT NULL, total_cents integer NOT NULL, status text NOT NULL);
CREATE INDEX ON orders (customer_id);
INSERT INTO customers (name, joined_at) SELECT 'Customer ' || n, now() - n * interval '1 hour' FROM generate_series(1, 500) n;
INSERT INTO orders (customer_id, placed_at, total_cents, status)
SELECT 1 + n % 500, now() - n * interval '1 minute', 500 + n % 20000, CASE WHEN n % 10 = 0 THEN 'open' ELSE 'shipped' END
  FROM generate_series(1, 5000) n;
GRANT SELECT, INSERT, UPDATE ON customers, orders TO orders_app, batch_allowed;
GRANT SELECT ON customers, orders TO reporting;
`;

/**
 * Creates the instance `orders-db` with the database `orders`, its tables, the applications' users and the login `nightshift`.
 * Passwords are made at random and live in the result only.
 * @throws PostgresError when the instance doesn't become available within 120 s; errors of the SDK and of the server.
 */
export async function seedDatabase(endpointUrl: string, region: string, options: SeedOptions): Promise<SeededDatabase> {
  const { id = 'orders-db', maxConnections = 80, reservedConnections = 3 } = options;
  const client = new RDSClient({
    endpoint: endpointUrl,
    region,
    credentials: { accessKeyId: 'seed', secretAccessKey: 'test' },
  });
  const passwords = new Map(['postgres', ...SEED_USERS].map((user) => [user, randomBytes(18).toString('base64url')]));
  try {
    const instance = await createInstance(
      client,
      id,
      passwords.get('postgres') ?? '',
      {
        max_connections: maxConnections,
        reserved_connections: reservedConnections,
        superuser_reserved_connections: 3,
      },
      options.create,
    );
    const host = instance.Endpoint?.Address ?? '';
    const port = instance.Endpoint?.Port ?? 0;
    const as = (user: SeedUser | 'postgres'): SessionTarget => ({
      host,
      port,
      database: 'orders',
      user,
      password: passwords.get(user) ?? '',
      ca: options.ca,
    });
    await fill(as('postgres'), passwords);
    const resourceId = instance.DbiResourceId ?? '';
    return { id, host, port, resourceId, database: 'orders', user: 'nightshift', maxConnections, as };
  } finally {
    client.destroy();
  }
}

async function createInstance(
  client: RDSClient,
  id: string,
  password: string,
  parameters: Readonly<Record<string, number>>,
  more: SeedOptions['create'],
): Promise<DBInstance> {
  const DBParameterGroupName = id;
  await client.send(
    new CreateDBParameterGroupCommand({
      DBParameterGroupName,
      DBParameterGroupFamily: 'postgres18',
      Description: `Connection limits of ${id}`,
    }),
  );
  await client.send(
    new ModifyDBParameterGroupCommand({
      DBParameterGroupName,
      Parameters: Object.entries(parameters).map(([ParameterName, value]) => ({
        ParameterName,
        ParameterValue: String(value),
        ApplyMethod: 'pending-reboot',
      })),
    }),
  );
  await client.send(
    new CreateDBInstanceCommand({
      DBInstanceIdentifier: id,
      DBParameterGroupName,
      Engine: 'postgres',
      DBInstanceClass: 'db.t4g.micro',
      AllocatedStorage: 20,
      MasterUsername: 'postgres',
      MasterUserPassword: password,
      DBName: 'orders',
      EnableIAMDatabaseAuthentication: true,
      // Without automated backups RDS makes no read replica, and doctor says so.
      BackupRetentionPeriod: 1,
      ...more,
    }),
  );
  return untilAvailable(client, id);
}

/** About a second; eight at a time on a machine that has other things to do took over 30. */
const AVAILABLE_WITHIN_MS = 120_000;

/** The SDK's own waiter asks once a second at most; here an instance takes about as long as that. */
async function untilAvailable(client: RDSClient, id: string): Promise<DBInstance> {
  const until = performance.now() + AVAILABLE_WITHIN_MS;
  for (;;) {
    const { DBInstances } = await client.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: id }));
    const instance = DBInstances?.[0];
    if (instance?.DBInstanceStatus === 'available') return instance;
    if (instance?.DBInstanceStatus === 'failed' || performance.now() > until)
      throw new PostgresError(
        `instance ${id} is ${instance?.DBInstanceStatus ?? 'gone'} after ${AVAILABLE_WITHIN_MS / 1000} s, expected available: see the world's log`,
      );
    await sleep(50);
  }
}

async function fill(target: SessionTarget, passwords: ReadonlyMap<string, string>): Promise<void> {
  const { ca, ...connection } = target;
  const client = new pg.Client({ ...connection, ssl: { ca, servername: target.host } });
  await client.connect();
  try {
    for (const user of SEED_USERS)
      await client.query(`CREATE ROLE ${user} LOGIN PASSWORD ${pg.escapeLiteral(passwords.get(user) ?? '')}`);
    await client.query(SCHEMA);
    await client.query(NIGHTSHIFT_GRANTS);
    await client.query(MAINTENANCE_GRANTS);
    await client.query(VERIFY_GRANTS);
    await client.query(HEARTBEAT_GRANTS);
  } finally {
    await client.end();
  }
}
