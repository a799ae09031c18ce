/** A small world for tests: gateway, RDS stand-in and, if wanted, the seeded demonstration database. */
import { mkdtempSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RDSClient } from '@aws-sdk/client-rds';
import { type Gateway, startGateway } from '../../../local/gateway/index.ts';
import { type SeededDatabase, type SeedOptions, seedDatabase } from '../../../local/postgres/seed.ts';
import { authorityFile } from '../../../local/stand-ins/rds/certificates.ts';
import { objectSink } from '../../../local/stand-ins/rds/exports.ts';
import { createRds, type Rds, type RdsInstance, type RdsOptions } from '../../../local/stand-ins/rds/rds.ts';
import { type OpenWorld, openWorld } from '../../../local/world/context.ts';
import { CACHE_DIR } from '../../../local/world/state.ts';
import type { AwsEvent, MetricSink } from '../../../local/world/types.ts';

export const REGION = 'us-east-1';

export interface TestWorld {
  readonly world: OpenWorld;
  readonly gateway: Gateway;
  readonly rds: Rds;
  readonly client: RDSClient;
  readonly ca: string;
  readonly events: AwsEvent[];
  readonly metrics: Parameters<MetricSink['put']>[0][];
  instance(id: string): RdsInstance;
  seed(options?: Partial<SeedOptions>): Promise<SeededDatabase>;
  close(): Promise<void>;
}

export async function openTestWorld(options: Partial<RdsOptions> = {}): Promise<TestWorld> {
  const root = mkdtempSync(join(tmpdir(), 'nightshift-rds-test-'));
  const world = await openWorld({ name: 'rds', timeScale: 1, report: () => {}, root: join(root, 'worlds') });
  const events: AwsEvent[] = [];
  const metrics: TestWorld['metrics'] = [];
  const gateway = await startGateway(world);
  const rds = createRds(world, {
    events: { publish: async (event) => ({ id: String(events.push(event)) }) },
    metrics: { put: (metric) => void metrics.push(metric) },
    objects: objectSink(gateway),
    cacheDir: CACHE_DIR,
    transitionMs: 50,
    ...options,
  });
  await rds.start();
  gateway.register(rds);
  const client = new RDSClient({
    endpoint: gateway.url,
    region: REGION,
    credentials: { accessKeyId: 'tester', secretAccessKey: 'test' },
    maxAttempts: 1,
  });
  const ca = readFileSync(authorityFile(world.dir), 'utf8');
  return {
    world,
    gateway,
    rds,
    client,
    ca,
    events,
    metrics,
    instance(id) {
      const found = rds.instance(id, REGION);
      if (!found) throw new Error(`no instance ${id}`);
      return found;
    },
    seed: (seedOptions) => seedDatabase(gateway.url, REGION, { ca, ...seedOptions }),
    async close() {
      client.destroy();
      await world.stop();
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** On a machine that does much else, servers take their time. */
const WITHIN_MS = 60_000;

/** Asks until `ready` says so. @throws Error after a minute, with what was seen last. */
export async function eventually<T>(what: string, look: () => Promise<T> | T, ready: (seen: T) => boolean): Promise<T> {
  const until = Date.now() + WITHIN_MS;
  for (;;) {
    const seen = await look();
    if (ready(seen)) return seen;
    if (Date.now() > until)
      throw new Error(`${what}: not within ${WITHIN_MS / 1000} s; last seen ${JSON.stringify(seen)}`);
    await new Promise((next) => setTimeout(next, 25));
  }
}
