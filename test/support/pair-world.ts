/** A service in two regions for tests: gateway, emulator, and the stand-ins of CloudWatch, ECS, RDS and Route 53, without anything of Nightshift's deployed. */
import { mkdtempSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startMinistack } from '../../local/emulators/index.ts';
import { type Gateway, startGateway } from '../../local/gateway/index.ts';
import { type PairOptions, type SeededPair, seedPair } from '../../local/services/pair.ts';
import { type CloudWatch, createCloudWatch } from '../../local/stand-ins/cloudwatch/cloudwatch.ts';
import { createEcs, type Ecs } from '../../local/stand-ins/ecs/ecs.ts';
import { authorityFile } from '../../local/stand-ins/rds/certificates.ts';
import { createRds, type Rds } from '../../local/stand-ins/rds/rds.ts';
import { createRoute53, type Route53 } from '../../local/stand-ins/route53/route53.ts';
import { type OpenWorld, openWorld } from '../../local/world/context.ts';
import { CACHE_DIR } from '../../local/world/state.ts';

export interface PairWorld {
  readonly world: OpenWorld;
  readonly gateway: Gateway;
  readonly ecs: Ecs;
  readonly rds: Rds;
  readonly route53: Route53;
  /** Metrics of both regions; alarms are judged only when a test says so. */
  readonly cloudwatch: CloudWatch;
  /** PEM of the authority that databases' certificates are of. */
  readonly ca: string;
  readonly pair: SeededPair;
  close(): Promise<void>;
}

export async function openPairWorld(options: PairOptions = {}): Promise<PairWorld> {
  const root = mkdtempSync(join(tmpdir(), 'nightshift-pair-test-'));
  const world = await openWorld({ name: 'pair', timeScale: 1, report: () => {}, root: join(root, 'worlds') });
  const close = async () => {
    await world.stop();
    await rm(root, { recursive: true, force: true });
  };
  try {
    const gateway = await startGateway(world);
    const events = { publish: async () => ({ id: 'event' }) };
    const metrics = createCloudWatch(world, { events });
    const ecs = createEcs(
      world,
      { metrics, events },
      { startDelayMs: 10, drainMs: 10, killAfterMs: 300, healthEveryMs: 100, metricsEveryMs: 60_000 },
    );
    const rds = createRds(world, { metrics, events, cacheDir: CACHE_DIR, transitionMs: 50 });
    const route53 = createRoute53(world, { metrics, checkEveryMs: 50 });
    for (const standIn of [metrics, ecs, rds, route53]) gateway.register(standIn);
    world.onStop('ECS services', () => ecs.stop());
    ecs.start();
    const [ministack] = await Promise.all([
      startMinistack(world, { endpointUrl: gateway.url }),
      rds.start(),
      route53.start(),
    ]);
    gateway.upstreamUrl = ministack.url;
    const ca = readFileSync(authorityFile(world.dir), 'utf8');
    const pair = await seedPair(world, { gateway, ecs, rds, route53, ca }, options);
    return { world, gateway, ecs, rds, route53, cloudwatch: metrics, ca, pair, close };
  } catch (error) {
    await close();
    throw error;
  }
}
