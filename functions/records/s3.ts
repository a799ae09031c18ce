/**
 * Four operations of Amazon S3, PutObject, GetObject, DeleteObject and ListObjectsV2, signed by hand: the whole client would be half of the function's bundle. Credentials, region and endpoint come
 * from the standard environment variables ("Defined runtime environment variables", AWS Lambda Developer Guide; "Service-specific endpoints", AWS
 * SDKs and Tools Reference Guide).
 */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { classifyAwsError } from '../engine/errors.ts';
import { signedHeaders } from '../engine/signing.ts';

const TRIES = 3;
const TIMEOUT_MS = 5_000;
const BASE_MS = 100;

export interface NewObject {
  readonly bucket: string;
  readonly key: string;
  readonly contentType: string;
  readonly body: string;
  /** Nobody deletes it until then ("PutObject", x-amz-object-lock-mode; needs s3:PutObjectRetention); undefined: the bucket's own retention, if it has one. */
  readonly lockedUntil?: Date | undefined;
}

export interface S3Options {
  readonly region: string;
  readonly environment?: NodeJS.ProcessEnv;
  readonly fetch?: typeof globalThis.fetch;
  readonly pause?: (milliseconds: number) => Promise<unknown>;
}

/**
 * Writes an object unless one of that key is there ("Adding preconditions to S3 operations with conditional requests": `If-None-Match: *`, answered
 * with 412 when it exists). So a repetition changes nothing, and needs no permission to read.
 * @returns whether it was written; `false` when it was there.
 * @throws EngineError when S3 refuses or can't be reached in three tries.
 */
export const putNew = (object: NewObject, options: S3Options): Promise<boolean> =>
  repeated(`write ${object.key} to ${object.bucket}`, options, () => tryPut(object, options));

/**
 * Reads an object's text. One that isn't there is refused as forbidden, to who may not list the bucket ("GetObject", Permissions).
 * @throws EngineError when S3 refuses or can't be reached in three tries.
 */
export const readObject = (bucket: string, key: string, options: S3Options): Promise<string> =>
  repeated(`read ${key} of ${bucket}`, options, () => askFor('GET', bucket, key, options));

/**
 * Deletes an object; one that isn't there is no error ("DeleteObject").
 * @throws EngineError when S3 refuses or can't be reached in three tries.
 */
export const deleteObject = (bucket: string, key: string, options: S3Options): Promise<string> =>
  repeated(`delete ${key} of ${bucket}`, options, () => askFor('DELETE', bucket, key, options));

async function askFor(method: 'GET' | 'DELETE', bucket: string, key: string, options: S3Options): Promise<string> {
  const { environment = process.env, fetch = globalThis.fetch, region } = options;
  const url = urlOf(bucket, key, region, environment);
  const headers = await signedHeaders({ service: 's3', region, method, url }, environment);
  const reply = await fetch(url, { method, headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
  const text = await reply.text();
  if (reply.ok) return text;
  throw refusedBy(text, reply.status);
}

/**
 * Keys that begin so, in the order of their bytes; the first `limit` of them.
 * @throws EngineError when S3 refuses or can't be reached in three tries.
 */
export async function listKeys(bucket: string, prefix: string, limit: number, options: S3Options): Promise<string[]> {
  const keys: string[] = [];
  for (let more: string | undefined = ''; more !== undefined && keys.length < limit; ) {
    const page = await listPage(bucket, prefix, Math.min(1000, limit - keys.length), more, options);
    keys.push(...page.keys);
    more = page.next;
  }
  return keys;
}

/** "ListObjectsV2": up to 1,000 keys, escaped as `encoding-type=url` says, so that they are read from XML as they are. @param from token of the page; empty: the first. */
const listPage = (bucket: string, prefix: string, most: number, from: string, options: S3Options) =>
  repeated(`list ${prefix} of ${bucket}`, options, async () => {
    const { environment = process.env, fetch = globalThis.fetch, region } = options;
    const url = urlOf(bucket, '', region, environment);
    const query = { 'list-type': '2', prefix, 'max-keys': String(most), 'encoding-type': 'url' };
    // Spaces as %20: in a query "+" is signed as it is.
    url.search = Object.entries({ ...query, ...(from && { 'continuation-token': from }) })
      .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
      .join('&');
    const headers = await signedHeaders({ service: 's3', region, method: 'GET', url }, environment);
    const reply = await fetch(url, { headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
    const text = await reply.text();
    if (!reply.ok) throw refusedBy(text, reply.status);
    const next = /<NextContinuationToken>([^<]+)<\/NextContinuationToken>/.exec(text)?.[1];
    const found = [...text.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key = '']) =>
      decodeURIComponent(key.replaceAll('+', ' ')),
    );
    return { keys: found, next };
  });

async function repeated<T>(what: string, { pause = sleep }: S3Options, ask: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await ask();
    } catch (error) {
      const classified = classifyAwsError(what, error);
      if (!classified.retryable || tries === TRIES) throw classified;
      await pause(Math.random() * BASE_MS * 2 ** tries);
    }
  }
}

function refusedBy(text: string, status: number): Error {
  const code = /<Code>([\w.]+)<\/Code>/.exec(text)?.[1] ?? `status ${status}`;
  // 409: another write of the same key is under way; the next try finds it ("PutObject", ConditionalRequestConflict).
  const $metadata = { httpStatusCode: status === 409 ? 503 : status };
  return Object.assign(new Error(`S3 answered ${code}`), { name: code, $metadata });
}

async function tryPut(
  object: NewObject,
  { environment = process.env, fetch = globalThis.fetch, region }: S3Options,
): Promise<boolean> {
  const { url, headers } = await signed(object, region, environment);
  const reply = await fetch(url, {
    method: 'PUT',
    headers,
    body: object.body,
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const text = await reply.text();
  if (reply.ok) return true;
  if (reply.status === 412) return false;
  throw refusedBy(text, reply.status);
}

async function signed(object: NewObject, region: string, environment: NodeJS.ProcessEnv) {
  const { bucket, key, contentType, body, lockedUntil } = object;
  const url = urlOf(bucket, key, region, environment);
  const headers = await signedHeaders(
    {
      ...{ service: 's3', region, method: 'PUT', url, body },
      headers: {
        'content-type': contentType,
        'if-none-match': '*',
        // "PutObject": a bucket with Object Lock asks for a checksum of the body.
        'x-amz-checksum-sha256': createHash('sha256').update(body).digest('base64'),
        ...(lockedUntil && {
          'x-amz-object-lock-mode': 'GOVERNANCE',
          'x-amz-object-lock-retain-until-date': lockedUntil.toISOString(),
        }),
      },
    },
    environment,
  );
  return { url, headers };
}

/** Virtual-hosted, except at an address that has no subdomains ("Virtual hosting of general purpose buckets"). */
function urlOf(bucket: string, key: string, region: string, environment: NodeJS.ProcessEnv): URL {
  const path = key.split('/').map(encodeURIComponent).join('/');
  const own = environment.AWS_ENDPOINT_URL_S3 ?? environment.AWS_ENDPOINT_URL;
  if (own) return new URL(`${own.replace(/\/$/, '')}/${bucket}/${path}`);
  const suffix = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  return new URL(`https://${bucket}.s3.${region}.${suffix}/${path}`);
}
