/**
 * Two sites of one web service, each on a loopback address of its own and both on one port, as two load balancers would be: a client that resolves the service's name
 * reaches the one that DNS names. Linux answers on all of 127.0.0.0/8; elsewhere the second address must be added to the loopback interface.
 */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { WorldContext } from '../world/types.ts';

export const SITE_NAMES = ['east', 'west'] as const;
export type SiteName = (typeof SITE_NAMES)[number];
const ADDRESSES: Readonly<Record<SiteName, string>> = { east: '127.0.0.2', west: '127.0.0.3' };
const TRIES = 20;

export interface Site {
  readonly name: SiteName;
  readonly address: string;
  readonly url: string;
  /** Requests that it was asked for by clients, without those of health checks and probes (`/health`). */
  readonly served: () => number;
  /** Answers 503 to everything, or again as it should. */
  sick(isSick: boolean): void;
}

export interface Sites {
  readonly port: number;
  readonly east: Site;
  readonly west: Site;
}

/** @throws Error when no port is free on both addresses. */
export async function startSites(world: Pick<WorldContext, 'onStop'>): Promise<Sites> {
  for (let tries = 1; ; tries++) {
    const east = await startSite('east', 0);
    const { port } = east.server.address() as AddressInfo;
    try {
      const west = await startSite('west', port);
      world.onStop('the sites', () => Promise.all([close(east.server), close(west.server)]).then(() => {}));
      return { port, east: east.site, west: west.site };
    } catch (error) {
      await close(east.server);
      const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      if (!isTaken || tries === TRIES) throw error;
    }
  }
}

async function startSite(name: SiteName, port: number): Promise<{ site: Site; server: Server }> {
  let served = 0;
  let isSick = false;
  const server = createServer((request, reply) => {
    if (request.url !== '/health') served += 1;
    reply.writeHead(isSick ? 503 : 200, { 'content-type': 'text/plain', connection: 'close' }).end(name);
  });
  const address = ADDRESSES[name];
  server.listen(port, address);
  await once(server, 'listening');
  const { port: bound } = server.address() as AddressInfo;
  const site: Site = {
    ...{ name, address, url: `http://${address}:${bound}` },
    served: () => served,
    sick: (value) => {
      isSick = value;
    },
  };
  return { site, server };
}

const close = (server: Server): Promise<void> =>
  new Promise((done) => {
    server.close(() => done());
    server.closeAllConnections();
  });
