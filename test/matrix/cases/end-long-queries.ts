/** `end-long-queries` on real PostgreSQL servers: two statements that run for too long. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type SeededDatabase, seedDatabase } from '../../../local/postgres/seed.ts';
import { openSessions, type Sessions } from '../../../local/postgres/sessions.ts';
import { authorityFile } from '../../../local/stand-ins/rds/certificates.ts';
import { database } from '../../support/fixtures.ts';
import { type Place, REGION } from '../place.ts';
import type { Inspection, MatrixCase, MatrixTarget, OpenCase, RecordedIntent } from '../types.ts';

const SERVERS = 4;
const STATEMENTS = 2;
const LIMIT_SECONDS = 0.05;

export const matrixCase: MatrixCase = {
  remediation: 'end-long-queries',
  stages: ['firing', 'resolved'],
  targetsAtOnce: SERVERS,
  async open(place) {
    const ca = readFileSync(authorityFile(place.world.dir), 'utf8');
    const servers = await Promise.all(
      Array.from({ length: SERVERS }, (_, at) => seedDatabase(place.gateway.url, REGION, { ca, id: `server-q${at}` })),
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
    return {
      database: { ...database, name: token, host, port, queryLongerThanSeconds: LIMIT_SECONDS, allowUsers: [] },
    };
  }

  changes(): undefined {
    return undefined;
  }

  changesBySql(sql: string): boolean {
    return /pg_(cancel|terminate)_backend/.test(sql);
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
    const options = { count: STATEMENTS, application: token, state: 'active' as const };
    const sessions = await openSessions(seeded.as('orders_app'), options);
    const { door, query } = this.#instance(seeded).database;
    return {
      token,
      key: `rds-instance/${token}`,
      metric: {
        Namespace: 'AWS/RDS',
        MetricName: 'CPUUtilization',
        Dimensions: [{ Name: 'DBInstanceIdentifier', Value: token }],
      },
      ready: () => sleep(1000 * LIMIT_SECONDS + 50),
      watchStatements: (watcher) => door.watch(watcher),
      inspect: async (intents) => inspect(sessions, intents),
      dispose: async () => {
        door.watch(undefined);
        await sessions.close();
        // A server notices that a client is gone only when it has something to say to it.
        await query('SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = $1', [
          token,
        ]);
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

/** Only statements that an intent names may be over; nobody's session may be gone, since none of them went on. */
function inspect(sessions: Sessions, intents: readonly RecordedIntent[]): Inspection {
  const planned = new Set(
    intents.flatMap(({ after }) => (after as { queries: { pid: number }[] }).queries.map(({ pid }) => pid)),
  );
  const { opened, ended, cancelledPids } = sessions.report();
  const isBeyond = ended > 0 || cancelledPids.some((pid) => !planned.has(pid));
  const state = isBeyond ? 'beyond' : cancelledPids.length > 0 ? 'after' : 'before';
  const detail = `${cancelledPids.length} of ${opened} statements cancelled, ${planned.size} were to be; ${ended} sessions ended`;
  return { state, changes: Math.min(1, cancelledPids.length), detail };
}
