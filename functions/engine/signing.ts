/**
 * Signing a single request to AWS by hand ("AWS Signature Version 4 for API requests"), for services of which so little is needed that a whole client would be
 * most of a function's bundle. Credentials come from the standard variables ("Defined runtime environment variables", AWS Lambda Developer Guide).
 */
import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import { ActionFailedError } from './errors.ts';

export interface Unsigned {
  /** As in the credential scope: `s3`, `route53`. */
  readonly service: string;
  readonly region: string;
  readonly method: string;
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
}

/**
 * The headers to send, without `host`, which `fetch` sets by itself.
 * @throws ActionFailedError without credentials in the environment.
 */
export async function signedHeaders(
  { service, region, method, url, headers = {}, body }: Unsigned,
  environment: NodeJS.ProcessEnv,
): Promise<Record<string, string>> {
  const credentials = credentialsOf(environment);
  // S3's keys are escaped once, by whoever makes the URL ("Canonical URI").
  const signer = new SignatureV4({ service, region, sha256: Sha256, credentials, uriEscapePath: service !== 's3' });
  const signed = await signer.sign({
    method,
    protocol: url.protocol,
    hostname: url.hostname,
    path: url.pathname,
    query: Object.fromEntries(url.searchParams),
    headers: {
      host: url.host,
      ...headers,
      ...(environment.AWS_SDK_UA_APP_ID && { 'user-agent': `nightshift app/${environment.AWS_SDK_UA_APP_ID}` }),
    },
    ...(body !== undefined && { body }),
  });
  const { host: _host, ...rest } = signed.headers;
  return rest;
}

function credentialsOf({ AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN }: NodeJS.ProcessEnv) {
  if (!AWS_ACCESS_KEY_ID || !AWS_SECRET_ACCESS_KEY)
    throw new ActionFailedError('AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set: Lambda sets them for a role');
  return {
    accessKeyId: AWS_ACCESS_KEY_ID,
    secretAccessKey: AWS_SECRET_ACCESS_KEY,
    ...(AWS_SESSION_TOKEN && { sessionToken: AWS_SESSION_TOKEN }),
  };
}

type Bytes = string | ArrayBuffer | ArrayBufferView;

/** SHA-256, or its HMAC with a secret, as the signer wants it. */
class Sha256 {
  readonly #secret: Bytes | undefined;
  #hash: Hash | Hmac;

  constructor(secret?: Bytes) {
    this.#secret = secret;
    this.#hash = this.#fresh();
  }

  update(data: Bytes): void {
    this.#hash.update(bytesOf(data));
  }

  async digest(): Promise<Uint8Array> {
    return new Uint8Array(this.#hash.digest());
  }

  reset(): void {
    this.#hash = this.#fresh();
  }

  #fresh(): Hash | Hmac {
    return this.#secret === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(this.#secret));
  }
}

function bytesOf(data: Bytes): Uint8Array {
  if (typeof data === 'string') return Buffer.from(data);
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}
