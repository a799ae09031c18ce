/** A small world for tests: gateway, Route 53 stand-in with its DNS server, and sites that answer over HTTP on loopback addresses of their own. */

import { Resolver } from 'node:dns/promises';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Gateway, startGateway } from '../../../local/gateway/index.ts';
import { type Sites, startSites } from '../../../local/services/sites.ts';
import { createRoute53, type Route53 } from '../../../local/stand-ins/route53/route53.ts';
import { type OpenWorld, openWorld } from '../../../local/world/context.ts';
import type { MetricSink } from '../../../local/world/types.ts';

export interface Route53World {
  readonly world: OpenWorld;
  readonly gateway: Gateway;
  readonly route53: Route53;
  readonly metrics: Parameters<MetricSink['put']>[0][];
  /** Asks the stand-in's DNS server. */
  readonly resolver: Resolver;
  sites(): Promise<Sites>;
  close(): Promise<void>;
}

/** The environment is pointed at the gateway, so that production code can be called as it is. */
export async function openRoute53World(): Promise<Route53World> {
  const root = mkdtempSync(join(tmpdir(), 'nightshift-route53-test-'));
  const world = await openWorld({ name: 'route53', timeScale: 1, report: () => {}, root: join(root, 'worlds') });
  const metrics: Route53World['metrics'] = [];
  const gateway = await startGateway(world);
  const route53 = createRoute53(world, { metrics: { put: (metric) => void metrics.push(metric) }, checkEveryMs: 50 });
  gateway.register(route53);
  await route53.start();
  const resolver = new Resolver({ timeout: 2_000, tries: 2 });
  resolver.setServers([`127.0.0.1:${route53.dnsPort}`]);
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: gateway.url,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  });
  return {
    world,
    gateway,
    route53,
    metrics,
    resolver,
    sites: () => startSites(world),
    async close() {
      resolver.cancel();
      await world.stop();
      await rm(root, { recursive: true, force: true });
    },
  };
}
