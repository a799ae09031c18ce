/**
 * A load balancer for one service: a loopback port, round robin over its tasks that are RUNNING and healthy; 503 when there is none.
 * Stands for an Application Load Balancer with one target group (AWS page "Target groups for your Application Load Balancers").
 */
import { Agent, createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Balancer {
  readonly url: string;
  close(): Promise<void>;
}

const TARGET_TIMEOUT_MS = 30_000;

/** Opens the port. `targets` gives the ports of the tasks that may be sent to at this moment. */
export async function createBalancer(targets: () => readonly number[]): Promise<Balancer> {
  const agent = new Agent({ keepAlive: true });
  let turn = 0;

  function forward(incoming: IncomingMessage, outgoing: ServerResponse, tried: ReadonlySet<number>): void {
    const ports = targets().filter((port) => !tried.has(port));
    const port = ports[turn++ % Math.max(1, ports.length)];
    if (port === undefined) {
      answer(outgoing, tried.size === 0 ? 503 : 502);
      return;
    }
    const { method, url: path, headers } = incoming;
    const upstream = httpRequest(
      { host: '127.0.0.1', port, method, path, headers, agent, timeout: TARGET_TIMEOUT_MS },
      (response) => {
        outgoing.writeHead(response.statusCode ?? 502, response.headers);
        response.pipe(outgoing);
      },
    );
    upstream.on('timeout', () => {
      answer(outgoing, 504);
      upstream.destroy();
    });
    upstream.on('error', (error: NodeJS.ErrnoException) => {
      if (outgoing.headersSent) outgoing.destroy();
      // Nothing reached the task when the connection was refused, so another one can take the request.
      else if (error.code === 'ECONNREFUSED') forward(incoming, outgoing, new Set([...tried, port]));
      else answer(outgoing, 502);
    });
    incoming.pipe(upstream);
  }

  const server = createServer((incoming, outgoing) => forward(incoming, outgoing, new Set()));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () =>
      new Promise((resolve) => {
        agent.destroy();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer(outgoing: ServerResponse, status: number): void {
  if (!outgoing.headersSent) outgoing.writeHead(status, { 'content-type': 'text/plain' }).end(`${status}\n`);
}
