/** Answers one order about the two users of a database, in a session of its own. */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { ConnectError, connectErrorOf } from '../../../databases/connect.ts';
import { withClient } from '../../../databases/session.ts';
import type { DatabaseConfig, RotationConfig, RuntimeConfig } from '../../../engine/config.ts';
import { ActionFailedError } from '../../../engine/errors.ts';
import type { Receiver } from '../sealed.ts';
import type { LoginAnswer, LoginOrder, User } from './orders.ts';
import { verifierOf } from './scram.ts';
import { admit, END_SESSIONS, LOOK, letIn, shutOut } from './sql.ts';

const CONNECT_MS = 5_000;

/** insufficient_privilege ("PostgreSQL Error Codes"). */
const NOT_ALLOWED = '42501';

/** @throws ActionFailedError for an order that isn't about a user whose password the configuration has rotated. */
export async function answerLogins(order: LoginOrder, config: RuntimeConfig, receiver: Receiver): Promise<LoginAnswer> {
  if (order.ask === 'key') return { kind: 'key', key: receiver.key };
  const { database, rotation } = found(order.database, config);
  if ('user' in order && !rotation.users.includes(order.user))
    throw new ActionFailedError(`${order.user} isn't one of databases.${database.name}.rotation.users`);
  try {
    if (order.ask === 'try') return await tryLogin(order, database, receiver);
    return await withClient({ ...database, user: rotation.login }, config, (client) =>
      take(client, order, rotation, receiver),
    );
  } catch (error) {
    return refusal(error);
  }
}

function found(
  name: string,
  { databases }: RuntimeConfig,
): { readonly database: DatabaseConfig; readonly rotation: RotationConfig } {
  const database = databases[name];
  if (!database?.rotation) throw new ActionFailedError(`databases.${name}.rotation: not in the configuration`);
  return { database, rotation: database.rotation };
}

async function take(
  client: pg.Client,
  order: Exclude<LoginOrder, { ask: 'key' | 'try' }>,
  { users }: RotationConfig,
  receiver: Receiver,
): Promise<LoginAnswer> {
  switch (order.ask) {
    case 'look': {
      const { rows } = await client.query<User>(LOOK, [users]);
      return { kind: 'users', users: rows };
    }
    case 'let-in': {
      const password = receiver.open(order.password);
      if (password === undefined) return { kind: 'other-key', key: receiver.key };
      await client.query(letIn(order.user, verifierOf(password)));
      return { kind: 'done', detail: `${order.user} may log in with the password of the new version` };
    }
    case 'admit':
      await client.query(admit(order.user));
      return { kind: 'done', detail: `${order.user} may log in again` };
    case 'shut-out': {
      await client.query(shutOut(order.user));
      // Afterwards, so that none of them comes back.
      const ended = await endSessions(client, order.user);
      return { kind: 'done', detail: `${order.user} may log in no more; ${ended} sessions were ended` };
    }
  }
}

const LOOKS = 10;
const BETWEEN_LOOKS_MS = 100;

/** Also the session of whoever was being let in meanwhile, which isn't to be seen at once. @returns how many there were. */
async function endSessions(client: pg.Client, user: string): Promise<number> {
  let most = 0;
  for (let looks = 1; looks <= LOOKS; looks++) {
    const { rows } = await client.query<{ ended: number }>(END_SESSIONS, [user]);
    const told = rows[0]?.ended ?? 0;
    if (told === 0) break;
    most = Math.max(most, told);
    await sleep(BETWEEN_LOOKS_MS);
  }
  return most;
}

/** As a service would: by the password, over TLS. */
async function tryLogin(
  { user, password: message }: Extract<LoginOrder, { ask: 'try' }>,
  { host, port, databaseName: database }: DatabaseConfig,
  receiver: Receiver,
): Promise<LoginAnswer> {
  const password = receiver.open(message);
  if (password === undefined) return { kind: 'other-key', key: receiver.key };
  const client = new pg.Client({
    ...{ host, port, user, database, password, application_name: 'nightshift' },
    ssl: { rejectUnauthorized: true, servername: host },
    connectionTimeoutMillis: CONNECT_MS,
  });
  // Without a listener a connection lost between two statements would end the process; the next statement reports it.
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query('SELECT 1');
    return { kind: 'done', detail: `${user} got in` };
  } catch (error) {
    throw connectErrorOf({ host, port, database, user, region: '' }, error);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** What the server says names users and rights, never a password. */
function refusal(error: unknown): LoginAnswer {
  if (error instanceof ConnectError) return { kind: 'refused', passing: error.kind !== 'auth', why: error.message };
  if (error instanceof pg.DatabaseError)
    return { kind: 'refused', passing: error.code !== NOT_ALLOWED, why: `${error.message} (${error.code})` };
  throw error;
}
