/** `release-idle-connections` on real PostgreSQL servers: six idle sessions where four are wanted. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type SeededDatabase, seedDatabase } from '../../../local/postgres/seed.ts';
import { openSessions, type Sessions } from '../../../local/postgres/sessions.ts';
import { authorityFile } from '../../../local/stand-ins/rds/certificates.ts';
import { database } from '../../support/fixtures.ts';
import { type Place, REGION } from '../place.ts';
import type { Inspection, MatrixCase, MatrixTarget, OpenCase, RecordedIntent } from '../types.ts';

const SERVERS = 8;
const MAX_CONNECTIONS = 30;
const SESSIONS = 6;
/** 15 % of 30 connections is 4.5, less than the six that are open; 14 % is 4.2, so four may stay. */
const SHARES = { connectionsAboveShare: 0.15, releaseToShare: 0.14 };
const IDLE_FOR_SECONDS = 0.05;
const VERIFIED_AFTER_SECONDS = 1;

export const matrixCase: MatrixCase = {
  remediation: 'release-idle-connections',
  stages: ['firing', 'resolved'],
  targetsAtOnce: SERVERS,
  async open(place) {
    const ca = readFileSync(authorityFile(place.world.dir), 'utf8');
    const servers = await Promise.all(
      Array.from({ length: SERVERS }, (_, at) =>
        seedDatabase(place.gateway.url, REGION, { ca, id: `server-${at}`, maxConnections: MAX_CONNECTIONS }),
      ),
    );
    return new Databases(place, servers);
  },
};

class Databases implements OpenCase {
  readonly #place: Place;
  readonly #servers: readonly { readonly seeded: SeededDatabase; free: Promise<void> }[];

  constructor(place: Place, servers: readonly SeededDatabase[]) {
    this.#place = place;
    this.#servers = servers.map((seeded) => ({ seeded, free: Promise.resolve() }));
  }

  #server(index: number) {
    const server = this.#servers[index % this.#servers.length];
    if (!server) throw new Error('the case has no servers');
    return server;
  }

  /** The same server under a name of its own for each point, so that no point finds another one's journal. */
  configure(token: string, index: number) {
    const { host, port } = this.#server(index).seeded;
    const times = { idleForSeconds: IDLE_FOR_SECONDS, recheckAfterSeconds: VERIFIED_AFTER_SECONDS };
    return { database: { ...database, ...SHARES, ...times, name: token, host, port, allowUsers: [] } };
  }

  changes(): undefined {
    return undefined;
  }

  changesBySql(sql: string): boolean {
    return sql.includes('pg_terminate_backend');
  }

  async target(token: string, index: number): Promise<MatrixTarget> {
    const server = this.#server(index);
    const before = server.free;
    let release = () => {};
    server.free = new Promise((done) => {
      release = done;
    });
    await before;
    const { seeded } = server;
    const sessions = await openSessions(seeded.as('orders_app'), {
      count: SESSIONS,
      application: token,
      state: 'idle',
    });
    const { door } = this.#instance(seeded).database;
    return {
      token,
      key: `rds-instance/${token}`,
      metric: {
        Namespace: 'AWS/RDS',
        MetricName: 'DatabaseConnections',
        Dimensions: [{ Name: 'DBInstanceIdentifier', Value: token }],
      },
      ready: () => sleep(1000 * (IDLE_FOR_SECONDS + VERIFIED_AFTER_SECONDS)),
      watchStatements: (watcher) => door.watch(watcher),
      inspect: async (intents) => inspect(sessions, intents),
      dispose: async () => {
        door.watch(undefined);
        await sessions.close();
        release();
      },
    };
  }

  #instance({ id }: SeededDatabase) {
    const found = this.#place.rds.instance(id, REGION);
    if (!found) throw new Error(`no instance ${id}`);
    return found;
  }
}

/** Only sessions that an intent names may be gone. */
function inspect(sessions: Sessions, intents: readonly RecordedIntent[]): Inspection {
  const planned = new Set(
    intents.flatMap(({ after }) => (after as { victims: { pid: number }[] }).victims.map(({ pid }) => pid)),
  );
  const { opened, endedPids } = sessions.report();
  const state = endedPids.some((pid) => !planned.has(pid)) ? 'beyond' : endedPids.length > 0 ? 'after' : 'before';
  const detail = `${endedPids.length} of ${opened} sessions ended, ${planned.size} were to be`;
  return { state, changes: Math.min(1, endedPids.length), detail };
}
