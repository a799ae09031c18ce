/**
 * The demo team's end of the webhook channel: it checks signatures with the standard's own library, as a team's own service would, and keeps what it
 * was told. Its URL and signing secret lie in the world's parameter store, where the notifier reads them.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { Webhook } from 'standardwebhooks';
import { type WebhookBody, webhookBody } from '../../events/published/notification-webhook.ts';
import type { WorldContext } from '../world/types.ts';

/** Names in the parameter store; local/demo.config.ts has their ARNs. */
export const TEAM_URL_PARAMETER = '/nightshift/demo/team-url';
export const TEAM_SECRET_PARAMETER = '/nightshift/demo/team-signing-secret';
/** Signs the links that the team is sent. */
export const LINK_KEY_PARAMETER = '/nightshift/demo/link-key';

/** Signs archived incidents. */
export const ARCHIVE_KEY_PARAMETER = '/nightshift/demo/archive-key';

export interface TeamWebhook {
  /** What it was told, each thing once, in the order in which it came. */
  readonly told: readonly WebhookBody[];
  /** Why requests were refused. */
  readonly refused: readonly string[];
}

const MOST_BYTES = 1_000_000;

/** Starts it on a free port of 127.0.0.1 and writes its parameters; the world's stop ends it. */
export async function startTeamWebhook(world: WorldContext, endpointUrl: string): Promise<TeamWebhook> {
  const secret = `whsec_${randomBytes(32).toString('base64')}`;
  const seen = new Set<string>();
  const told: WebhookBody[] = [];
  const refused: string[] = [];
  const server = createServer((request, response) => {
    take(request, secret, seen).then(
      (body) => {
        if (body) told.push(body);
        response.writeHead(204).end();
      },
      (error: unknown) => {
        const why = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
        refused.push(why);
        world.log('team webhook', `refused: ${why}`);
        response.writeHead(400).end(why.slice(0, 200));
      },
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  world.onStop('the team webhook', () => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the team webhook has no port');
  await putParameters(world, endpointUrl, {
    [TEAM_URL_PARAMETER]: `http://127.0.0.1:${address.port}/nightshift`,
    [TEAM_SECRET_PARAMETER]: secret,
    [LINK_KEY_PARAMETER]: randomBytes(32).toString('base64'),
    [ARCHIVE_KEY_PARAMETER]: randomBytes(32).toString('base64'),
  });
  return { told, refused };
}

/** The body; undefined when its id was seen before. @throws WebhookVerificationError, ZodError or Error for what must not be believed. */
async function take(request: IncomingMessage, secret: string, seen: Set<string>): Promise<WebhookBody | undefined> {
  if (request.method !== 'POST') throw new Error(`${request.method}: only POST is taken`);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MOST_BYTES) throw new Error(`more than ${MOST_BYTES} bytes`);
    chunks.push(chunk);
  }
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
  const body = webhookBody.parse(new Webhook(secret).verify(Buffer.concat(chunks).toString('utf8'), headers));
  const id = headers['webhook-id'] ?? '';
  if (seen.has(id)) return undefined;
  seen.add(id);
  return body;
}

async function putParameters(
  world: WorldContext,
  endpoint: string,
  values: Readonly<Record<string, string>>,
): Promise<void> {
  const ssm = new SSMClient({
    endpoint,
    region: world.region,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  try {
    for (const [Name, Value] of Object.entries(values))
      await ssm.send(new PutParameterCommand({ Name, Value, Type: 'SecureString', Overwrite: true }));
  } finally {
    ssm.destroy();
  }
}
