/** A database of a scenario's own (local/postgres/troubled.ts), as its scenario looks at it and uses it. */
import { DescribeDBInstancesCommand } from '@aws-sdk/client-rds';
import pg from 'pg';
import type { SeededDatabase, SeedUser } from '../../postgres/seed.ts';
import { openSessions, type Sessions } from '../../postgres/sessions.ts';
import type { TroubledDatabase } from '../../postgres/troubled.ts';
import type { World } from '../../world/world.ts';
import { ScenarioFailure, type Stage } from '../types.ts';

/** @throws ScenarioFailure where the world has none. */
export function troubled(world: World, name: TroubledDatabase): SeededDatabase {
  const found = world.troubled.find(({ id }) => id === name);
  if (!found) throw new ScenarioFailure(`this world has no database ${name}`);
  return found;
}

/** As RDS describes it. */
export async function describeDatabase(world: World, name: TroubledDatabase) {
  const reply = await world.clients().rds.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: name }));
  return reply.DBInstances?.[0];
}

export async function untilAvailable(world: World, stage: Stage, name: TroubledDatabase): Promise<void> {
  await stage.until(
    `${name} to be available`,
    async () => ((await describeDatabase(world, name))?.DBInstanceStatus === 'available' ? true : undefined),
    { withinMs: 60_000, everyMs: 100 },
  );
}

/** Opens sessions of an application, which are closed with the scenario. */
export async function sessionsOn(
  world: World,
  stage: Stage,
  name: TroubledDatabase,
  user: SeedUser,
  options: Parameters<typeof openSessions>[1],
): Promise<Sessions> {
  const sessions = await openSessions(troubled(world, name).as(user), options);
  stage.restore(`sessions of ${options.application}`, async () => {
    await sessions.close();
  });
  return sessions;
}

/** A connection of the master user's, cut with the scenario; nobody hears of its errors, because the trouble may end it. */
export async function masterOf(world: World, stage: Stage, name: TroubledDatabase): Promise<pg.Client> {
  const { ca, ...connection } = troubled(world, name).as('postgres');
  const client = new pg.Client({ ...connection, ssl: { ca, servername: connection.host } });
  client.on('error', () => {});
  await client.connect();
  stage.restore(`a session on ${name}`, () => {
    const { stream } = (client as unknown as { connection: { stream: { destroy(): void } } }).connection;
    stream.destroy();
  });
  return client;
}
