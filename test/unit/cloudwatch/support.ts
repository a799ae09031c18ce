/** A world for tests of stand-ins: no network, no processes; SDK clients call a stand-in directly. */
import type { AwsCall, AwsEvent, EventSink, StandIn, WorldContext } from '../../../local/world/types.ts';

export const REGION = 'eu-west-1';

/** A world whose log is kept; it can't start children. */
export function quietWorld(): WorldContext & { readonly lines: string[] } {
  const lines: string[] = [];
  return {
    name: 'test',
    dir: '/nowhere',
    accountId: '000000000000',
    region: REGION,
    standbyRegion: 'eu-central-1',
    timeScale: 1,
    lines,
    spawn() {
      throw new Error('this world starts no children');
    },
    onStop() {
      throw new Error('this world is never stopped');
    },
    log: (part, line) => void lines.push(`${part}: ${line}`),
  };
}

/** A bus that keeps what it was given. */
export function keptEvents(): EventSink & { readonly events: AwsEvent[] } {
  const events: AwsEvent[] = [];
  return {
    events,
    publish: async (event) => {
      events.push(event);
      return { id: String(events.length) };
    },
  };
}

interface SdkRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body?: unknown;
}

/** The awsJson call in an SDK client's request, as the gateway would understand it. */
export function callOf(request: SdkRequest, service: string, region: string): AwsCall {
  const sent = request.body ?? '';
  const body = ArrayBuffer.isView(sent)
    ? Buffer.from(sent.buffer, sent.byteOffset, sent.byteLength)
    : Buffer.from(sent as string);
  const headers = Object.fromEntries(Object.entries(request.headers).map(([k, v]) => [k.toLowerCase(), v]));
  return {
    id: 1,
    service,
    region,
    operation: headers['x-amz-target']?.split('.')[1] ?? '',
    caller: 'test',
    accessKeyId: 'test',
    method: request.method,
    path: request.path,
    headers,
    body,
    params: JSON.parse(body.toString() || '{}') as Record<string, unknown>,
    protocol: 'json',
    at: new Date(),
  };
}

/** Configuration for an SDK client that talks to a stand-in without a network. */
export function clientConfig(standIn: StandIn, region = REGION) {
  return {
    region,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    maxAttempts: 1,
    requestHandler: {
      metadata: { handlerProtocol: 'http/1.1' },
      async handle(request: SdkRequest) {
        const reply = await standIn.handle(callOf(request, standIn.services[0] ?? '', region));
        if (!reply) throw new Error('the stand-in passed the call on');
        const body = new Blob([reply.body as string]).stream();
        return { response: { statusCode: reply.status, headers: { ...reply.headers }, body } };
      },
    },
  };
}
