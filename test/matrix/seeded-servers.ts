/** Real PostgreSQL servers, each used by one point at a time: for remediations that speak SQL. */
import { readFileSync } from 'node:fs';
import { type SeededDatabase, type SeedOptions, seedDatabase } from '../../local/postgres/seed.ts';
import { authorityFile } from '../../local/stand-ins/rds/certificates.ts';
import type { RdsInstance } from '../../local/stand-ins/rds/rds.ts';
import { database } from '../support/fixtures.ts';
import { type Place, REGION } from './place.ts';
import type { MatrixTarget, OpenCase } from './types.ts';

type Used = Pick<MatrixTarget, 'ready' | 'inspect'>;

export interface SeededServersOptions {
  /** How many, and what their names begin with: `server-` and something of the case's own. */
  readonly servers: number;
  readonly prefix: `server-${string}`;
  readonly seed?: Partial<SeedOptions>;
  /** Of AWS/RDS, by DBInstanceIdentifier: what the alarm is on. */
  readonly metricName: string;
  readonly configure: Partial<typeof database>;
  /** Whether a statement changes something. */
  changesBySql(sql: string): boolean;
  /** Makes the trouble; `free` ends it and may be called once. */
  prepare(token: string, seeded: SeededDatabase, instance: RdsInstance): Promise<Used & { free(): Promise<void> }>;
}

export async function openSeededServers(place: Place, options: SeededServersOptions): Promise<OpenCase> {
  const ca = readFileSync(authorityFile(place.world.dir), 'utf8');
  const ids = Array.from({ length: options.servers }, (_, at) => `${options.prefix}${at}`);
  const seeded = await Promise.all(
    ids.map((id) => seedDatabase(place.gateway.url, REGION, { ca, id, ...options.seed })),
  );
  return new SeededServers(place, options, seeded);
}

class SeededServers implements OpenCase {
  readonly #place: Place;
  readonly #options: SeededServersOptions;
  readonly #servers: { readonly seeded: SeededDatabase; free: Promise<void> }[];

  constructor(place: Place, options: SeededServersOptions, seeded: readonly SeededDatabase[]) {
    this.#place = place;
    this.#options = options;
    this.#servers = seeded.map((each) => ({ seeded: each, free: Promise.resolve() }));
  }

  #server(index: number) {
    const server = this.#servers[index % this.#servers.length];
    if (!server) throw new Error('the case has no servers');
    return server;
  }

  /** The same server under a name of its own for each point, so that no point finds another one's journal. */
  configure(token: string, index: number) {
    const { host, port } = this.#server(index).seeded;
    return { database: { ...database, ...this.#options.configure, name: token, host, port, allowUsers: [] } };
  }

  /** Nothing is changed through AWS. */
  changes(): undefined {
    return undefined;
  }

  changesBySql(sql: string): boolean {
    return this.#options.changesBySql(sql);
  }

  async target(token: string, index: number): Promise<MatrixTarget> {
    const server = this.#server(index);
    const before = server.free;
    let release = () => {};
    server.free = new Promise((done) => {
      release = done;
    });
    await before;
    const instance = this.#instance(server.seeded);
    const { door } = instance.database;
    const { ready, inspect, free } = await this.#options.prepare(token, server.seeded, instance);
    return {
      token,
      key: `rds-instance/${token}`,
      metric: {
        Namespace: 'AWS/RDS',
        MetricName: this.#options.metricName,
        Dimensions: [{ Name: 'DBInstanceIdentifier', Value: token }],
      },
      ready,
      watchStatements: (watcher) => door.watch(watcher),
      inspect,
      dispose: async () => {
        door.watch(undefined);
        await free();
        release();
      },
    };
  }

  #instance({ id }: SeededDatabase): RdsInstance {
    const found = this.#place.rds.instance(id, REGION);
    if (!found) throw new Error(`no instance ${id}`);
    return found;
  }
}
