/**
 * Amazon API Gateway HTTP APIs: the emulator keeps them, this serves them below `<gateway>/_aws/execute-api/<id>` ("Working with AWS Lambda proxy
 * integrations for HTTP APIs", payload format 2.0; "Throttle requests to your HTTP APIs"). Routes with literal segments and `{parameters}`, Lambda
 * integrations and the stage `$default` only; what is left out is in docs/local-world.md.
 */
import { randomUUID } from 'node:crypto';
import type { Gateway } from '../../gateway/gateway-types.ts';
import type { RawCall } from '../../gateway/parse.ts';
import type { AwsReply, WorldContext } from '../../world/types.ts';
import type { LocalLambda } from '../lambda/index.ts';
import { chooseRoute, type Route } from './route.ts';
import { Throttle } from './throttle.ts';

export const HTTP_API_PREFIX = '/_aws/execute-api/';

interface Api {
  readonly routes: readonly Route[];
  /** ARN of the function behind each integration. */
  readonly functions: ReadonlyMap<string, string>;
  readonly ratePerSecond: number | undefined;
  readonly burst: number | undefined;
}

/** Serves the HTTP APIs of a world. */
export function createHttpApis(world: WorldContext, gateway: Gateway, lambda: LocalLambda): void {
  const throttles = new Map<string, Throttle>();
  gateway.httpApi = async (call) => {
    const [id = '', ...rest] = call.path.slice(HTTP_API_PREFIX.length).split('/');
    const url = new URL(`/${rest.join('/')}`, 'http://api');
    const api = await readApi(gateway, world.region, id.split('?')[0] ?? '');
    const found = api && chooseRoute(api.routes, call.method, url.pathname);
    const functionArn = found && api.functions.get(found.route.integration);
    if (!api || !found || !functionArn) return message(404, 'Not Found');
    const throttle = throttles.get(id) ?? new Throttle(api.ratePerSecond, api.burst);
    throttles.set(id, throttle);
    if (!throttle.admit(performance.now())) return message(429, 'Too Many Requests');
    const result = await lambda.invoke(functionArn, world.region, eventOf(call, id, url, found));
    if (result.kind === 'ok') return replyOf(result.payload);
    world.log('http api', `${found.route.key}: ${result.kind}`);
    // AWS's pages name no status for a throttled function; a failed one is 500.
    return result.kind === 'throttled' ? message(503, 'Service Unavailable') : message(500, 'Internal Server Error');
  };
}

const message = (status: number, text: string): AwsReply => ({
  status,
  headers: { 'content-type': 'application/json', 'apigw-requestid': randomUUID() },
  body: JSON.stringify({ message: text }),
});

/** Undefined when there is no such API. */
async function readApi(gateway: Gateway, region: string, id: string): Promise<Api | undefined> {
  const ask = async (path: string) =>
    gateway
      .askEmulator({ service: 'apigateway', region, method: 'GET', path: `/v2/apis/${id}${path}` })
      .catch(() => undefined);
  const [routes, integrations, stage] = await Promise.all([
    ask('/routes') as Promise<{ items?: readonly { routeKey: string; target: string }[] } | undefined>,
    ask('/integrations') as Promise<
      { items?: readonly { integrationId: string; integrationUri: string }[] } | undefined
    >,
    ask('/stages/$default') as Promise<{ defaultRouteSettings?: Readonly<Record<string, unknown>> } | undefined>,
  ]);
  if (!routes?.items || !integrations?.items) return undefined;
  const settings = Object.fromEntries(
    Object.entries(stage?.defaultRouteSettings ?? {}).map(([name, value]) => [name.toLowerCase(), Number(value)]),
  );
  return {
    routes: routes.items.map(({ routeKey, target }) => ({
      key: routeKey,
      integration: target.split('/').at(-1) ?? '',
    })),
    functions: new Map(integrations.items.map(({ integrationId, integrationUri }) => [integrationId, integrationUri])),
    ratePerSecond: settings.throttlingratelimit,
    burst: settings.throttlingburstlimit,
  };
}

/** Text is passed as it is, everything else (forms, too) as base64. */
const isText = (contentType: string): boolean => /^(text\/|application\/(json|javascript|xml))/i.test(contentType);

function eventOf(
  call: RawCall,
  apiId: string,
  url: URL,
  { route, parameters }: NonNullable<ReturnType<typeof chooseRoute>>,
): object {
  const now = new Date();
  const query = Object.fromEntries(url.searchParams);
  const encoded = !isText(call.headers['content-type'] ?? '');
  return {
    version: '2.0',
    routeKey: route.key,
    rawPath: url.pathname,
    rawQueryString: url.search.slice(1),
    headers: call.headers,
    ...(url.search && { queryStringParameters: query }),
    ...(Object.keys(parameters).length > 0 && { pathParameters: parameters }),
    requestContext: {
      accountId: 'anonymous',
      apiId,
      domainName: call.headers.host ?? '',
      domainPrefix: apiId,
      http: {
        method: call.method,
        path: url.pathname,
        protocol: 'HTTP/1.1',
        sourceIp: '127.0.0.1',
        userAgent: call.headers['user-agent'] ?? '',
      },
      requestId: randomUUID(),
      routeKey: route.key,
      stage: '$default',
      time: now.toISOString(),
      timeEpoch: now.getTime(),
    },
    ...(call.body.length > 0 && { body: call.body.toString(encoded ? 'base64' : 'utf8') }),
    isBase64Encoded: call.body.length > 0 && encoded,
  };
}

interface FunctionReply {
  readonly statusCode?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly isBase64Encoded?: boolean;
}

/** What isn't in the format of a reply is a JSON body ("Lambda function response for format 2.0"). */
function replyOf(payload: string): AwsReply {
  const said = JSON.parse(payload) as FunctionReply | null;
  if (typeof said !== 'object' || said === null || said.statusCode === undefined)
    return { status: 200, headers: { 'content-type': 'application/json' }, body: payload };
  const { statusCode, headers = {}, body = '', isBase64Encoded } = said;
  return { status: statusCode, headers, body: isBase64Encoded ? Buffer.from(body, 'base64') : body };
}
