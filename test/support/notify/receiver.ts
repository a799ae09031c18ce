/** The vendors' side: an HTTP server on this machine that refuses what the vendor would refuse, and remembers what it took. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Webhook } from 'standardwebhooks';
import { webhookBody } from '../../../events/published/notification-webhook.ts';
import { pagerDutyRules, slackRules, teamsRules } from './vendor-rules.ts';

export const SLACK_PATH = '/services/T00000000/B00000000/XyZsecretSlackTokenXyZ12';
export const TEAMS_PATH = '/workflows/abc/triggers/manual/paths/invoke?sig=SecretTeamsSignature0123';
export const ROUTING_KEY = 'R0123456789SecretRoutingKey01234';
export const SIGNING_SECRET = `whsec_${Buffer.from('a-planted-key-of-32-bytes-exact!').toString('base64')}`;

export interface Taken {
  readonly vendor: 'slack' | 'teams' | 'pagerduty' | 'webhook';
  readonly id?: string | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into the bodies of four vendors
  readonly body: any;
}

export interface Receiver {
  readonly url: string;
  readonly taken: Taken[];
  /** Requests that were refused by the vendor's rules, with the reason. */
  readonly refused: string[];
  /** Answers given instead, in turn, before the rules are looked at; `hang up` breaks the connection. */
  readonly answers: (
    | { status: number; headers?: Record<string, string>; body?: string }
    | 'hang up'
    | 'hang up after'
  )[];
  /** Called when a request was taken, before it is answered. */
  onTaken: ((taken: Taken) => Promise<void> | void) | undefined;
  close(): Promise<void>;
}

export async function startReceiver(): Promise<Receiver> {
  const receiver: Omit<Receiver, 'url' | 'close'> = { taken: [], refused: [], answers: [], onTaken: undefined };
  const server = createServer((request, response) => {
    answer(receiver, request, response).catch((error: unknown) => {
      receiver.refused.push(String(error));
      response.writeHead(500).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return Object.assign(receiver, {
    url: `http://127.0.0.1:${address.port}`,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  });
}

async function answer(receiver: Omit<Receiver, 'url' | 'close'>, request: IncomingMessage, response: ServerResponse) {
  const text = await textOf(request);
  const instead = receiver.answers.shift();
  if (instead === 'hang up') return request.socket.destroy();
  if (instead && instead !== 'hang up after')
    return response.writeHead(instead.status, instead.headers).end(instead.body ?? '');
  let taken: Taken;
  try {
    taken = check(request, text);
  } catch (error) {
    receiver.refused.push(String(error));
    return response.writeHead(400).end('invalid_payload');
  }
  receiver.taken.push(taken);
  await receiver.onTaken?.(taken);
  if (instead === 'hang up after') return request.socket.destroy();
  return response.writeHead(taken.vendor === 'slack' ? 200 : 202).end(taken.vendor === 'slack' ? 'ok' : '');
}

function check(request: IncomingMessage, text: string): Taken {
  if (request.headers['content-type'] !== 'application/json') throw new Error('not application/json');
  const body: unknown = JSON.parse(text);
  switch (request.url) {
    case SLACK_PATH:
      return { vendor: 'slack', body: slackRules.parse(body) };
    case TEAMS_PATH:
      return { vendor: 'teams', body: teamsRules.parse(body) };
    case '/v2/enqueue': {
      const event = pagerDutyRules.parse(body);
      if (event.routing_key !== ROUTING_KEY) throw new Error('routing key unknown');
      return { vendor: 'pagerduty', body: event };
    }
    case '/hook': {
      const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
      new Webhook(SIGNING_SECRET).verify(text, headers);
      return { vendor: 'webhook', id: headers['webhook-id'], body: webhookBody.parse(body) };
    }
    default:
      throw new Error(`nobody listens at ${request.url}`);
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
