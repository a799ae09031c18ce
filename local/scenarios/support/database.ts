/** The demo's database as scenarios look at it: as its administrator, on the server's own socket, where no slot is needed from applications. */
import pg from 'pg';
import { openSessions, type Sessions } from '../../postgres/sessions.ts';
import type { World } from '../../world/world.ts';
import { ScenarioFailure, type Stage } from '../types.ts';

export const DATABASE = 'orders-db';
export const DATABASE_TARGET = `rds-instance/${DATABASE}`;

/** An administrator's session: a superuser's, so Nightshift may never end it, however long it is idle. Closed with the scenario. */
export async function openAdmin(world: World, stage: Stage): Promise<Admin> {
  const instance = world.rds.instance(DATABASE, world.context.region);
  if (!instance) throw new ScenarioFailure(`database ${DATABASE} isn't running`);
  const client = new pg.Client({ ...instance.adminClientConfig, application_name: 'administrator' });
  const admin = new Admin(client);
  await client.connect();
  stage.restore("the administrator's session", () => client.end());
  return admin;
}

export class Admin {
  readonly #client: pg.Client;
  /** Set when the server ended the session. */
  ended = false;

  constructor(client: pg.Client) {
    this.#client = client;
    client.on('error', () => {
      this.ended = true;
    });
  }

  /** Sessions that use up `max_connections`, this one among them; counted by the server. */
  async sessions(): Promise<number> {
    const { rows } = await this.#client.query<{ count: number }>(
      "SELECT count(*)::int AS count FROM pg_stat_activity WHERE backend_type = 'client backend'",
    );
    return rows[0]?.count ?? 0;
  }

  async query(sql: string): Promise<void> {
    await this.#client.query(sql);
  }

  /** How many rows a statement gives. */
  async rows(sql: string): Promise<number> {
    return (await this.#client.query(sql)).rowCount ?? 0;
  }
}

/** Longer than the demo's limit of 3 s, so that sessions left alone for this long count as idle. */
const IDLE_MS = 4_000;

/** Waits until sessions that were opened before have been idle for longer than the configured limit. */
export async function untilIdle(stage: Stage): Promise<void> {
  const since = Date.now();
  await stage.until(
    'sessions to be idle for longer than the limit',
    () => (Date.now() - since > IDLE_MS ? true : undefined),
    {
      everyMs: 100,
    },
  );
}

/** Opens sessions that are closed with the scenario. */
export async function hold(
  world: World,
  stage: Stage,
  user: 'orders_app' | 'reporting' | 'batch_allowed',
  options: Parameters<typeof openSessions>[1],
): Promise<Sessions> {
  const sessions = await openSessions(world.database.as(user), options);
  stage.restore(`${options.count} sessions of ${options.application}`, async () => {
    await sessions.close();
  });
  return sessions;
}

/** When the first of these sessions was ended by the server, looked at every few milliseconds (epoch milliseconds). */
export async function firstEnded(stage: Stage, sessions: Sessions, withinMs: number): Promise<number> {
  return stage.until(
    'Nightshift to end an idle session',
    () => (sessions.report().ended > 0 ? Date.now() : undefined),
    { withinMs, everyMs: 5 },
  );
}
