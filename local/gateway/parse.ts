/**
 * Understanding an AWS API call from what is on the wire: service, region and key from the signature ("AWS Signature Version 4", credential
 * scope), the operation from the protocol (Smithy: awsJson, awsQuery, restJson, restXml, rpcv2Cbor), the caller from the user agent.
 */
import type { AwsCall } from '../world/types.ts';
import { matchRoute } from './rest-routes.ts';

export interface RawCall {
  readonly id: number;
  readonly method: string;
  /** Path with query string. */
  readonly path: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly at: Date;
}

export interface Scope {
  readonly accessKeyId: string;
  readonly region: string;
  readonly service: string;
}

/** Credential scope of the signature in the header or, presigned, in the query; nothing for an unsigned call. */
export function credentialScope(headers: Readonly<Record<string, string>>, url: URL): Scope | undefined {
  const credential =
    /Credential=([^,\s]+)/.exec(headers.authorization ?? '')?.[1] ?? url.searchParams.get('X-Amz-Credential');
  const parts = credential?.split('/') ?? [];
  // SigV4a leaves the region out and names a set of regions in a header.
  if (parts.length === 4)
    return {
      accessKeyId: parts[0] ?? '',
      region: headers['x-amz-region-set']?.split(',')[0] ?? '',
      service: parts[2] ?? '',
    };
  if (parts.length !== 5) return undefined;
  return { accessKeyId: parts[0] ?? '', region: parts[2] ?? '', service: parts[3] ?? '' };
}

/** Services that some call without signing, recognised by target or path. */
function guessService(headers: Readonly<Record<string, string>>, url: URL): string {
  const target = headers['x-amz-target'] ?? '';
  if (target.startsWith('DynamoDB')) return 'dynamodb';
  if (target.startsWith('AmazonSQS')) return 'sqs';
  if (/^\/\d{4}-\d\d-\d\d\/functions/.test(url.pathname)) return 'lambda';
  return 's3';
}

/** `app/<id>` of the user agent (SDK reference guide, "Application ID"), or `''`. */
export function callerOf(headers: Readonly<Record<string, string>>): string {
  const agents = `${headers['x-amz-user-agent'] ?? ''} ${headers['user-agent'] ?? ''}`;
  return /(?:^|\s)app\/([^\s]+)/.exec(agents)?.[1] ?? '';
}

function jsonObject(body: Buffer): Record<string, unknown> {
  if (body.length === 0 || body[0] !== 0x7b) return {};
  try {
    return JSON.parse(body.toString('utf8')) as Record<string, unknown>;
  } catch {
    return {}; // Malformed: the service answers that, not the gateway.
  }
}

/** Of a batch of Route 53's (restXml): what IAM's conditions look at. Names and types hold no markup. */
function recordChanges(body: Buffer): Record<string, unknown> {
  if (!body.includes('<ChangeResourceRecordSetsRequest')) return {};
  const changes = [...body.toString('utf8').matchAll(/<Change>([\s\S]*?)<\/Change>/g)].map(([, change = '']) => {
    const first = (name: string) => new RegExp(`<${name}>([^<]*)</${name}>`).exec(change)?.[1] ?? '';
    return { Action: first('Action'), Name: first('Name'), Type: first('Type') };
  });
  return { Changes: changes };
}

const fromForm = (text: string): Record<string, unknown> => Object.fromEntries(new URLSearchParams(text));

interface Understood {
  readonly operation: string;
  readonly params: Readonly<Record<string, unknown>>;
  readonly protocol: AwsCall['protocol'];
}

function understand(raw: RawCall, url: URL, service: string): Understood {
  const target = raw.headers['x-amz-target'];
  if (target) {
    const operation = target.slice(target.lastIndexOf('.') + 1);
    return { operation, params: jsonObject(raw.body), protocol: 'json' };
  }
  const rpc = /^\/service\/[^/]+\/operation\/([^/]+)$/.exec(url.pathname)?.[1];
  if (rpc) return { operation: rpc, params: {}, protocol: 'json' };
  const isForm = raw.headers['content-type']?.startsWith('application/x-www-form-urlencoded') ?? false;
  if (isForm || url.searchParams.has('Action')) {
    const params = { ...fromForm(url.search), ...(isForm ? fromForm(raw.body.toString('utf8')) : {}) };
    if (typeof params.Action === 'string') return { operation: params.Action, params, protocol: 'query' };
  }
  const found = matchRoute(service, raw.method, url);
  const operation = found?.operation ?? `${raw.method} ${url.pathname}`;
  // A function's payload and an object's content aren't parameters.
  const lockMode = raw.headers['x-amz-object-lock-mode'];
  const inHeaders = service === 's3' && lockMode !== undefined ? { ObjectLockMode: lockMode } : {};
  const inBody =
    service === 's3' || operation === 'Invoke' ? inHeaders : { ...jsonObject(raw.body), ...recordChanges(raw.body) };
  return {
    operation,
    params: { ...inBody, ...Object.fromEntries(url.searchParams), ...found?.params },
    protocol: 'rest',
  };
}

/**
 * @param defaultRegion used for a call that isn't signed.
 * @param callerOfKey name of the function that an access key was given to: all functions of a deployment share one application id.
 */
export function parseCall(
  raw: RawCall,
  defaultRegion: string,
  callerOfKey: (accessKeyId: string) => string | undefined,
): AwsCall {
  const url = new URL(raw.path, 'http://gateway');
  const scope = credentialScope(raw.headers, url);
  const service = scope?.service || guessService(raw.headers, url);
  const accessKeyId = scope?.accessKeyId ?? '';
  return {
    ...raw,
    service,
    region: scope?.region || defaultRegion,
    accessKeyId,
    caller: callerOfKey(accessKeyId) ?? callerOf(raw.headers),
    ...understand(raw, url, service),
  };
}
