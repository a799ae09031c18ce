/**
 * One operation of Amazon S3, PutObject, signed by hand: the whole client would be half of the function's bundle. Credentials, region and endpoint come
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
export async function putNew(object: NewObject, options: S3Options): Promise<boolean> {
  const { pause = sleep } = options;
  for (let tries = 1; ; tries++) {
    try {
      return await tryPut(object, options);
    } catch (error) {
      const classified = classifyAwsError(`write ${object.key} to ${object.bucket}`, error);
      if (!classified.retryable || tries === TRIES) throw classified;
      await pause(Math.random() * BASE_MS * 2 ** tries);
    }
  }
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
  // 409: another write of the same key is under way; the next try finds it ("PutObject", ConditionalRequestConflict).
  const status = reply.status === 409 ? 503 : reply.status;
  const code = /<Code>([\w.]+)<\/Code>/.exec(text)?.[1] ?? `status ${reply.status}`;
  throw Object.assign(new Error(`S3 answered ${code}`), { name: code, $metadata: { httpStatusCode: status } });
}

async function signed({ bucket, key, contentType, body }: NewObject, region: string, environment: NodeJS.ProcessEnv) {
  const url = urlOf(bucket, key, region, environment);
  const headers = await signedHeaders(
    {
      ...{ service: 's3', region, method: 'PUT', url, body },
      headers: {
        'content-type': contentType,
        'if-none-match': '*',
        // "PutObject": a bucket with Object Lock asks for a checksum of the body.
        'x-amz-checksum-sha256': createHash('sha256').update(body).digest('base64'),
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
