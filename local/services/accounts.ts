/**
 * The demo's accounts: a service whose tasks find their database by a secret, and write a row for each request. Only where a scenario asks for it: recovery plans
 * restore its database.
 */
import { join } from 'node:path';
import { CreateServiceCommand, ECSClient, RegisterTaskDefinitionCommand } from '@aws-sdk/client-ecs';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import pg from 'pg';
import { rotationGrants } from '../../functions/recovery/secret-rotation/helper/sql.ts';
import type { DatabaseInput, ServiceInput } from '../../infra/config/schema.ts';
import type { SeededDatabase } from '../postgres/seed.ts';
import { troubledDatabaseConfig } from '../postgres/troubled.ts';
import { balancerOf } from '../stand-ins/ecs/balancer-metrics.ts';
import type { WorldContext } from '../world/types.ts';
import { DEMO, EXECUTION_ROLE, imageOf } from './seed.ts';

export const ACCOUNTS = {
  service: 'accounts',
  database: 'accounts-db',
  tasks: 2,
  /** Of the application in the database; the other one takes its place by `secret-rotation`. */
  user: 'orders_app',
  otherUser: 'orders_app_b',
  /** The rows that requests write, by the id that a request has in its header `x-request-id`. */
  table: 'public.entries',
} as const;

/** The plans that are played on them. */
export const ACCOUNTS_PLANS = ['database-restore', 'data-corruption', 'secret-rotation'] as const;

/** Where the demo's configuration reads the secret's ARN. */
const SECRET_VARIABLE = 'NIGHTSHIFT_DEMO_ACCOUNTS_SECRET';

export const secretInEnvironment = (arn: string): Record<string, string> => ({ [SECRET_VARIABLE]: arn });

export interface Accounts {
  readonly services: Record<string, ServiceInput>;
  readonly databases: Record<string, DatabaseInput>;
  readonly plans: readonly string[];
}

/** What the demo protects of it: nothing where the world has none. */
export function demoAccounts(environment: Readonly<Record<string, string | undefined>>): Accounts {
  const connectionSecretArn = environment[SECRET_VARIABLE];
  const database = troubledDatabaseConfig(environment)[ACCOUNTS.database];
  if (connectionSecretArn === undefined || !database) return { services: {}, databases: {}, plans: [] };
  return {
    services: {
      [ACCOUNTS.service]: {
        ...{ cluster: DEMO.cluster, minTasks: 1, maxTasks: 4, createAlarms: false },
        ...{ dependsOn: [ACCOUNTS.database], connectionsPerTask: 5, balancedBy: balancerOf(ACCOUNTS.service) },
      },
    },
    databases: {
      [ACCOUNTS.database]: {
        ...database,
        createAlarms: false,
        restore: { connectionSecretArn },
        rotation: { secretArn: connectionSecretArn, users: [ACCOUNTS.user, ACCOUNTS.otherUser] },
        backup: {
          // The local RDS keeps no transaction logs.
          pointInTimeRecovery: false,
          verify: {
            subnetGroup: 'restored-backups',
            securityGroupId: 'sg-0fedcba9876543210',
            tables: [
              { name: ACCOUNTS.table, newest: { column: 'written_at', withinSeconds: 3600 } },
              { name: 'public.customers', minRows: 500 },
            ],
            queries: {
              'every-customer-has-a-name': "SELECT NOT EXISTS (SELECT FROM customers WHERE name = '')",
            },
          },
        },
      },
    },
    plans: ACCOUNTS_PLANS,
  };
}

/**
 * Makes the table, the secret and the service. The cluster is there.
 * @returns the secret's ARN.
 */
export async function seedAccounts(
  endpointUrl: string,
  world: Pick<WorldContext, 'dir' | 'region'>,
  database: SeededDatabase,
): Promise<string> {
  const settings = {
    ...{ endpoint: endpointUrl, region: world.region },
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  };
  const [ecs, secrets] = [new ECSClient(settings), new SecretsManagerClient(settings)];
  try {
    await makeTable(database);
    const { host, port, password } = database.as(ACCOUNTS.user);
    const credential = { engine: 'postgres', host, port, dbname: database.database, username: ACCOUNTS.user, password };
    const { ARN = '' } = await secrets.send(
      new CreateSecretCommand({ Name: `${ACCOUNTS.service}/database`, SecretString: JSON.stringify(credential) }),
    );
    await makeService(ecs, ARN, join(world.dir, 'ca.pem'));
    return ARN;
  } finally {
    ecs.destroy();
    secrets.destroy();
  }
}

async function makeTable(database: SeededDatabase): Promise<void> {
  const { ca, ...connection } = database.as('postgres');
  const client = new pg.Client({ ...connection, ssl: { ca, servername: connection.host } });
  await client.connect();
  try {
    await client.query(
      `CREATE TABLE ${ACCOUNTS.table} (id bigint PRIMARY KEY, written_at timestamptz NOT NULL DEFAULT clock_timestamp());
       GRANT SELECT, INSERT ON ${ACCOUNTS.table} TO ${ACCOUNTS.user};
       CREATE ROLE ${ACCOUNTS.otherUser} NOLOGIN IN ROLE ${ACCOUNTS.user};
       ${rotationGrants([ACCOUNTS.user, ACCOUNTS.otherUser])}`,
    );
  } finally {
    await client.end();
  }
}

async function makeService(ecs: ECSClient, secret: string, caFile: string): Promise<void> {
  const environment = {
    SERVICE_COST_MS: '5',
    SERVICE_DATABASE_QUERY: `INSERT INTO ${ACCOUNTS.table} (id) VALUES ($1)`,
    SERVICE_DATABASE_CONNECTIONS: '2',
    // An image would have the authorities of RDS in it.
    NODE_EXTRA_CA_CERTS: caFile,
  };
  const { taskDefinition } = await ecs.send(
    new RegisterTaskDefinitionCommand({
      ...{ family: ACCOUNTS.service, cpu: '256', memory: '512', networkMode: 'awsvpc' },
      requiresCompatibilities: ['FARGATE'],
      executionRoleArn: EXECUTION_ROLE,
      containerDefinitions: [
        {
          ...{ name: ACCOUNTS.service, image: imageOf('1', ACCOUNTS.service), essential: true },
          environment: Object.entries(environment).map(([name, value]) => ({ name, value })),
          secrets: [{ name: 'SERVICE_DATABASE_SECRET', valueFrom: secret }],
        },
      ],
    }),
  );
  await ecs.send(
    new CreateServiceCommand({
      ...{ cluster: DEMO.cluster, serviceName: ACCOUNTS.service, desiredCount: ACCOUNTS.tasks, launchType: 'FARGATE' },
      taskDefinition: taskDefinition?.taskDefinitionArn,
    }),
  );
}
