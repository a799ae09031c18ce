/** The public endpoint of one S3 bucket, `http://<bucket>.s3.<region>.amazonaws.com/<key>`, for whoever asks without signing: Route 53's health checkers. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Gateway } from '../gateway/index.ts';
import { AwsCallError } from '../gateway/upstream.ts';
import type { WorldContext } from '../world/types.ts';

/** @returns its port on 127.0.0.1. Every object of the bucket counts as public; a region that is cut off doesn't answer. */
export async function serveObjects(
  world: Pick<WorldContext, 'onStop'>,
  gateway: Pick<Gateway, 'ask'>,
  { bucket, region }: { readonly bucket: string; readonly region: string },
): Promise<number> {
  const server: Server = createServer(async (request, reply) => {
    try {
      await gateway.ask({ service: 's3', region, method: 'GET', path: `/${bucket}${request.url ?? '/'}` });
      reply.writeHead(200, { connection: 'close' }).end();
    } catch (error) {
      if (error instanceof AwsCallError) reply.writeHead(error.status, { connection: 'close' }).end();
      else request.socket.destroy();
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  world.onStop('objects', async () => {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  });
  return (server.address() as AddressInfo).port;
}
