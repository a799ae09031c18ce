/** The demo's shop: one name, two sites. Deployed only where a scenario asks for it. */
import type { EndpointInput } from '../../infra/config/endpoints.ts';
import type { Route53 } from '../stand-ins/route53/route53.ts';
import type { WorldContext } from '../world/types.ts';
import { SITE_NAMES, type Sites, startSites } from './sites.ts';

export const ENDPOINT = {
  /** Set to have it. */
  switch: 'NIGHTSHIFT_DEMO_SITES',
  /** Where the demo's configuration reads the facts (JSON). */
  variable: 'NIGHTSHIFT_DEMO_ENDPOINT',
  name: 'shop',
  recordName: 'shop.nightshift.test',
  target: 'dns-endpoint/shop',
  ttlSeconds: 1,
} as const;

type Facts = Pick<EndpointInput, 'zoneId' | 'healthCheckId' | 'sites' | 'resolvers'>;

export interface SeededEndpoint {
  readonly facts: Facts;
  readonly sites: Sites;
}

/** Sites, zone, record and health checks, as the company would have made them. */
export async function seedEndpoint(world: WorldContext, route53: Route53): Promise<SeededEndpoint> {
  const sites = await startSites(world);
  const { port } = sites;
  const zoneId = route53.createZone('nightshift.test', [
    { name: `${ENDPOINT.recordName}.`, type: 'A', ttlSeconds: ENDPOINT.ttlSeconds, values: [sites.east.address] },
  ]);
  const check = { port, resourcePath: '/health', failureThreshold: 3 };
  const facts: Facts = {
    zoneId,
    healthCheckId: route53.createHealthCheck({ ...check, domainName: ENDPOINT.recordName }),
    resolvers: [`127.0.0.1:${route53.dnsPort}`],
    sites: SITE_NAMES.map((name) => ({
      name,
      target: sites[name].address,
      healthCheckId: route53.createHealthCheck({ ...check, ipAddress: sites[name].address }),
      probeUrl: `${sites[name].url}/health`,
    })),
  };
  return { facts, sites };
}

/** What the demo protects of it: nothing where the world has none. */
export function demoEndpoints(environment: NodeJS.ProcessEnv): Record<string, EndpointInput> {
  const text = environment[ENDPOINT.variable];
  if (text === undefined) return {};
  const { recordName, ttlSeconds } = ENDPOINT;
  const facts = JSON.parse(text) as Facts;
  return {
    [ENDPOINT.name]: { ...facts, recordName, ttlSeconds, unhealthyForSeconds: 10, dwellSeconds: 5, failBack: 'auto' },
  };
}
