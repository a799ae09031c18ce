/**
 * Two sites of one web service, each on a loopback address of its own and both on one port, as two load balancers would be: a client that resolves the service's name
 * reaches the one that DNS names. Linux answers on all of 127.0.0.0/8; elsewhere the second address must be added to the loopback interface.
 */
import { once } from 'node:events';
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
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
  /** Ends every connection without an answer, as a region that can't be reached, or again not. */
  cutOff(isCutOff: boolean): void;
}

export interface Sites {
  readonly port: number;
  readonly east: Site;
  readonly west: Site;
}

/** URLs of what stands behind each site; a site without one answers with its name. */
export type Behind = Readonly<Partial<Record<SiteName, string>>>;

/** @throws Error when no port is free on both addresses. */
export async function startSites(world: Pick<WorldContext, 'onStop'>, behind: Behind = {}): Promise<Sites> {
  for (let tries = 1; ; tries++) {
    const east = await startSite('east', 0, behind.east);
    const { port } = east.server.address() as AddressInfo;
    try {
      const west = await startSite('west', port, behind.west);
      world.onStop('the sites', () => Promise.all([close(east.server), close(west.server)]).then(() => {}));
      return { port, east: east.site, west: west.site };
    } catch (error) {
      await close(east.server);
      const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      if (!isTaken || tries === TRIES) throw error;
    }
  }
}

async function startSite(
  name: SiteName,
  port: number,
  behind: string | undefined,
): Promise<{ site: Site; server: Server }> {
  let served = 0;
  let isSick = false;
  let isCutOff = false;
  const server = createServer((request, reply) => {
    if (isCutOff) {
      request.socket.destroy();
      return;
    }
    if (request.url !== '/health') served += 1;
    if (behind !== undefined && !isSick) passOn(request, reply, behind);
    else reply.writeHead(isSick ? 503 : 200, { 'content-type': 'text/plain', connection: 'close' }).end(name);
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
    cutOff: (value) => {
      isCutOff = value;
      if (value) server.closeAllConnections();
    },
  };
  return { site, server };
}

/** As a load balancer does that keeps no connections. */
function passOn(request: IncomingMessage, reply: ServerResponse, behind: string): void {
  const { method, headers, url = '/' } = request;
  const onward = httpRequest(new URL(url, behind), { method, headers, agent: false }, (answer) => {
    reply.writeHead(answer.statusCode ?? 502, { ...answer.headers, connection: 'close' });
    answer.pipe(reply);
  });
  onward.on('error', () => {
    if (reply.headersSent) reply.destroy();
    else reply.writeHead(502, { connection: 'close' }).end();
  });
  request.pipe(onward);
}

const close = (server: Server): Promise<void> =>
  new Promise((done) => {
    server.close(() => done());
    server.closeAllConnections();
  });
