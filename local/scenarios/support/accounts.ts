/** What the plays of the demo's accounts share: a client that writes rows one after the other, and what is in their databases. */
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { UpdateServiceCommand } from '@aws-sdk/client-ecs';
import {
  DeleteDBInstanceCommand,
  DeleteDBSnapshotCommand,
  DescribeDBInstancesCommand,
  DescribeDBSnapshotsCommand,
} from '@aws-sdk/client-rds';
import {
  DescribeSecretCommand,
  GetSecretValueCommand,
  SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager';
import pg from 'pg';
import { askForDatabase } from '../../postgres/troubled.ts';
import { ACCOUNTS } from '../../services/accounts.ts';
import { DEMO } from '../../services/seed.ts';
import { OPERATOR } from '../../world/clients.ts';
import type { World } from '../../world/world.ts';
import { ScenarioFailure, type Stage } from '../types.ts';
import { serviceState, setTasks, untilTasks } from './service.ts';

export const ACCOUNTS_TARGETS = [
  `rds-instance/${ACCOUNTS.database}`,
  `ecs-service/${DEMO.cluster}/${ACCOUNTS.service}`,
];
export const ACCOUNTS_ENVIRONMENT = askForDatabase(ACCOUNTS.database);

/** Somebody who writes a row, waits for the answer, and writes the next one. */
export interface Writer {
  /** Ids of the rows that the service said are written. */
  readonly written: ReadonlySet<number>;
  /** Ids of the rows of which it didn't say so: they may be written all the same. */
  readonly unanswered: ReadonlySet<number>;
  /** From the first failure to the last one; 0 without any. */
  downtimeMs(): number;
  /** Ends when the request under way is answered. */
  stop(): Promise<void>;
}

const WRITE_EVERY_MS = 50;
const ANSWER_WITHIN_MS = 5_000;
/** Rows have ids of their own, whichever play writes them. */
let lastId = 0;

export function writeRows(url: string): Writer {
  const agent = new Agent({ keepAlive: true });
  const written = new Set<number>();
  const unanswered = new Set<number>();
  let [first, last, stopped] = [0, 0, false];
  const writing = (async () => {
    while (!stopped) {
      const id = ++lastId;
      if (await isWritten(agent, url, id)) written.add(id);
      else {
        unanswered.add(id);
        last = Date.now();
        first ||= last;
      }
      await sleep(WRITE_EVERY_MS);
    }
    agent.destroy();
  })();
  return {
    written,
    unanswered,
    downtimeMs: () => last - first,
    stop: () => {
      stopped = true;
      return writing;
    },
  };
}

const ROWS = 20;

/** Waits until the client has written some more rows. */
export async function more(stage: Stage, writer: Writer): Promise<void> {
  const wanted = writer.written.size + ROWS;
  await stage.until(`the client to have written ${wanted} rows`, () => writer.written.size >= wanted || undefined, {
    seen: () => `${writer.written.size} rows`,
  });
}

const isWritten = (agent: Agent, url: string, id: number): Promise<boolean> =>
  new Promise((resolve) => {
    const headers = { 'x-request-id': String(id) };
    const sent = request(url, { method: 'POST', agent, headers, timeout: ANSWER_WITHIN_MS }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode === 200));
      response.on('error', () => resolve(false));
    });
    sent.on('timeout', () => sent.destroy(new Error(`no answer within ${ANSWER_WITHIN_MS} ms`)));
    sent.on('error', () => resolve(false));
    sent.end();
  });

/** The rows of an instance, as its administrator sees them. @param after only those written later (epoch milliseconds). */
export async function rowsIn(world: World, instance: string, after = 0): Promise<Set<number>> {
  const found = await query<{ id: string }>(
    world,
    instance,
    `SELECT id FROM ${ACCOUNTS.table} WHERE date_trunc('milliseconds', written_at) > to_timestamp($1::float8 / 1000)`,
    [after],
  );
  return new Set(found.map(({ id }) => Number(id)));
}

/** As the administrator of an instance. */
export async function query<Row extends pg.QueryResultRow>(
  world: World,
  instance: string,
  sql: string,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  const found = world.rds.instance(instance, world.context.region);
  if (!found) throw new ScenarioFailure(`database ${instance} isn't running`);
  const client = new pg.Client({ ...found.adminClientConfig, database: 'orders', application_name: 'administrator' });
  await client.connect();
  try {
    return (await client.query<Row>(sql, [...values])).rows;
  } finally {
    await client.end();
  }
}

export interface AccountsSecret {
  /** Id of the version with the label AWSCURRENT. */
  current(): Promise<string>;
  /** What a task that starts now reads. */
  read(): Promise<{
    readonly host: string;
    readonly port: number;
    readonly username: string;
    readonly password: string;
  }>;
  makeCurrent(version: string): Promise<void>;
}

export function accountsSecret(world: World, stage: Stage): AccountsSecret {
  const client = new SecretsManagerClient({
    ...{ endpoint: world.endpoint, region: world.context.region, userAgentAppId: OPERATOR },
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  stage.restore('the client of the secret', () => client.destroy());
  const SecretId = `${ACCOUNTS.service}/database`;
  const current = async (): Promise<string> => {
    const { VersionIdsToStages: stages = {} } = await client.send(new DescribeSecretCommand({ SecretId }));
    const found = Object.entries(stages).find(([, labels]) => labels.includes('AWSCURRENT'));
    if (!found) throw new ScenarioFailure(`secret ${SecretId} has no current version`);
    return found[0];
  };
  return {
    current,
    read: async () => JSON.parse((await client.send(new GetSecretValueCommand({ SecretId }))).SecretString ?? ''),
    async makeCurrent(version) {
      const present = await current();
      if (present === version) return;
      await client.send(
        new UpdateSecretVersionStageCommand({
          ...{ SecretId, VersionStage: 'AWSCURRENT', RemoveFromVersionId: present, MoveToVersionId: version },
        }),
      );
    },
  };
}

/** Names of the instances that runs made of the accounts' database, or of a rehearsal of it. */
export async function copiesOf(world: World): Promise<string[]> {
  const { DBInstances = [] } = await world.clients().rds.send(new DescribeDBInstancesCommand({}));
  return DBInstances.map(({ DBInstanceIdentifier: id = '' }) => id).filter(
    (id) => id.startsWith(`${ACCOUNTS.database}-`) || id.startsWith('nightshift-demo-rehearsal-'),
  );
}

/** The service back on the database that the configuration names, and nothing that a run made left: the next play begins as this one did. */
export async function restoreAccounts(
  world: World,
  stage: Stage,
  secret: AccountsSecret,
  version: string,
): Promise<void> {
  if ((await secret.current()) !== version) {
    await secret.makeCurrent(version);
    const service = { cluster: DEMO.cluster, service: ACCOUNTS.service };
    await world.clients().ecs.send(new UpdateServiceCommand({ ...service, forceNewDeployment: true }));
    // The stage's own signal may be over by now; this has a limit of its own.
    await untilTasks(world, stage, ACCOUNTS.tasks, 60_000, ACCOUNTS.service);
  }
  // A run that stopped everybody and failed may have left them so.
  if ((await serviceState(world, ACCOUNTS.service)).desired !== ACCOUNTS.tasks) {
    await setTasks(world, ACCOUNTS.tasks, ACCOUNTS.service);
    await untilTasks(world, stage, ACCOUNTS.tasks, 60_000, ACCOUNTS.service);
  }
  await query(world, ACCOUNTS.database, "UPDATE customers SET name = 'Customer ' || id WHERE name = ''");
  const { rds } = world.clients();
  for (const DBInstanceIdentifier of await copiesOf(world))
    await rds.send(new DeleteDBInstanceCommand({ DBInstanceIdentifier, SkipFinalSnapshot: true }));
  const { DBSnapshots = [] } = await rds.send(
    new DescribeDBSnapshotsCommand({ DBInstanceIdentifier: ACCOUNTS.database }),
  );
  for (const { DBSnapshotIdentifier } of DBSnapshots)
    await rds.send(new DeleteDBSnapshotCommand({ DBSnapshotIdentifier }));
}
