/** Speaking to the emulator: passing calls on, and asking it things on behalf of stand-ins. */
import { Agent, request } from 'node:http';
import type { AwsReply } from '../world/types.ts';

const agent = new Agent({ keepAlive: true, maxSockets: 256, maxFreeSockets: 64 });

/** Headers that belong to one connection (RFC 9110, 7.6.1), or that the agent sets itself. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'transfer-encoding',
  'te',
  'trailer',
  'upgrade',
  'expect',
  'content-length',
]);

export interface WireRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | string;
}

/** Nobody answered: what the emulator would have said is unknown. */
export class UpstreamUnreachable extends Error {
  override readonly name = 'UpstreamUnreachable';
}

/**
 * Sends one request to `baseUrl` and collects the reply.
 * @throws UpstreamUnreachable when the connection fails before the reply is complete.
 */
export function send(baseUrl: string, wire: WireRequest): Promise<AwsReply & { readonly body: Buffer }> {
  const { hostname, port } = new URL(baseUrl);
  const kept = Object.entries(wire.headers).filter(([name]) => !HOP_BY_HOP.has(name));
  const body = typeof wire.body === 'string' ? Buffer.from(wire.body) : wire.body;
  const headers = { ...Object.fromEntries(kept), 'content-length': String(body.length) };
  return new Promise((resolve, reject) => {
    const fail = (error: Error) =>
      reject(new UpstreamUnreachable(`${wire.method} ${wire.path}: ${error.message}`, { cause: error }));
    const outgoing = request({ hostname, port, method: wire.method, path: wire.path, headers, agent }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', fail);
      incoming.on('end', () =>
        resolve({
          status: incoming.statusCode ?? 502,
          headers: flatHeaders(incoming.headersDistinct),
          body: Buffer.concat(chunks),
        }),
      );
    });
    outgoing.on('error', fail);
    outgoing.end(body);
  });
}

/** Several values of one header joined as HTTP has it. */
export function flatHeaders(distinct: NodeJS.Dict<string[]>): Record<string, string> {
  return Object.fromEntries(Object.entries(distinct).map(([name, values]) => [name, (values ?? []).join(', ')]));
}

/** An error that an AWS API answered with, when a stand-in called it. */
export class AwsCallError extends Error {
  override readonly name = 'AwsCallError';
  readonly code: string;
  readonly status: number;
  constructor(code: string, status: number, message: string) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/** What a stand-in asks: a JSON-protocol operation, or any REST request. */
export interface AwsRequest {
  readonly service: string;
  readonly region: string;
  readonly method?: string;
  readonly path?: string;
  /** `X-Amz-Target`, such as `AmazonSQS.SendMessage`. */
  readonly target?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is sent as JSON, URLSearchParams as a form. */
  readonly body?: unknown;
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  events: 'application/x-amz-json-1.1',
};

/** The request on the wire, marked with a credential scope (unsigned: neither the gateway nor the emulator checks signatures). */
export function toWire(asked: AwsRequest): WireRequest {
  const isForm = asked.body instanceof URLSearchParams;
  const type = isForm
    ? 'application/x-www-form-urlencoded'
    : asked.target
      ? (CONTENT_TYPES[asked.service] ?? 'application/x-amz-json-1.0')
      : 'application/json';
  const text = isForm ? String(asked.body) : asked.body === undefined ? '' : JSON.stringify(asked.body);
  return {
    method: asked.method ?? 'POST',
    path: asked.path ?? '/',
    headers: {
      host: 'localhost',
      authorization: `AWS4-HMAC-SHA256 Credential=test/20260101/${asked.region}/${asked.service}/aws4_request, SignedHeaders=host, Signature=0`,
      'content-type': type,
      'user-agent': 'nightshift-local app/aws-service',
      ...(asked.target ? { 'x-amz-target': asked.target } : {}),
      ...asked.headers,
    },
    body: text,
  };
}

/** The body of a good reply as JSON (text when it isn't). @throws AwsCallError when the service answered with an error. */
export function understandReply(reply: AwsReply): unknown {
  const text = reply.body.toString();
  if (reply.status < 300) {
    try {
      return text === '' ? {} : JSON.parse(text);
    } catch {
      return text; // XML: the caller asked for it.
    }
  }
  const code =
    reply.headers['x-amzn-errortype']?.split(':')[0] ??
    /"__type"\s*:\s*"(?:[^"#]*#)?([^"]+)"/.exec(text)?.[1] ??
    /<Code>([^<]+)<\/Code>/.exec(text)?.[1] ??
    'Unknown';
  const message =
    /"[mM]essage"\s*:\s*"([^"]*)"/.exec(text)?.[1] ?? /<Message>([^<]*)<\/Message>/.exec(text)?.[1] ?? text;
  throw new AwsCallError(code, reply.status, message);
}
