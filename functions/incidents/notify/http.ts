/** Posting to a vendor with Node's own fetch: a time limit, few tries, and no secret in any error. */
import { DeliveryError } from './errors.ts';

export interface HttpRequest {
  readonly url: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface HttpOptions {
  readonly fetch: typeof globalThis.fetch;
  readonly pause: (milliseconds: number) => Promise<unknown>;
  readonly random: () => number;
  readonly now: () => number;
  /** Milliseconds that are left for all tries. */
  readonly remaining: () => number;
  /** Takes secrets out of what a vendor answered. */
  readonly scrub: (text: string) => string;
}

const TRIES = 3;
const TIMEOUT_MS = 5_000;
const BASE_MS = 300;
/** What is waited at most inside the function; a longer `Retry-After` is left to Lambda's retry a minute later. */
const LONGEST_WAIT_MS = 5_000;
const ANSWER_CHARACTERS = 200;

/**
 * Posts JSON and resolves when the vendor took it (2xx).
 * 429, 5xx and lost connections are tried again with full jitter, `Retry-After` respected (RFC 9110, 10.2.3). A redirect isn't followed: it would
 * carry the message to somewhere nobody configured.
 * @throws DeliveryError; retryable when trying later makes sense.
 */
export async function post(channel: string, request: HttpRequest, options: HttpOptions): Promise<void> {
  const url = checkedUrl(channel, request.url);
  for (let tries = 1; ; tries++) {
    const outcome = await tryOnce(channel, url, request, options);
    if (outcome === undefined) return;
    const { error, retryAfterMs } = outcome;
    const waitMs = retryAfterMs ?? options.random() * BASE_MS * 2 ** tries;
    const isWorthwhile = error.retryable && tries < TRIES && waitMs <= LONGEST_WAIT_MS;
    if (!isWorthwhile || waitMs + TIMEOUT_MS > options.remaining()) throw error;
    await options.pause(waitMs);
  }
}

/** https only; plain http reaches nothing but this machine itself. @throws DeliveryError that doesn't show the URL. */
function checkedUrl(channel: string, text: string): URL {
  const url = URL.parse(text.trim());
  const isLoopback = url?.protocol === 'http:' && ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname);
  if (url && (url.protocol === 'https:' || isLoopback)) return url;
  throw new DeliveryError(`${channel}: its secret isn't an https URL; store the whole URL as the secret's value`, {
    retryable: false,
  });
}

interface Failure {
  readonly error: DeliveryError;
  readonly retryAfterMs?: number | undefined;
}

async function tryOnce(
  channel: string,
  url: URL,
  { body, headers }: HttpRequest,
  { fetch, now, scrub }: HttpOptions,
): Promise<Failure | undefined> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json', 'user-agent': 'nightshift', ...headers },
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const answer = scrub(await beginningOf(response));
    if (response.ok) return undefined;
    const { status } = response;
    const retryable = status === 429 || status >= 500;
    return {
      error: new DeliveryError(`${channel}: answered ${status}${answer ? `: ${answer}` : ''}`, { retryable, status }),
      retryAfterMs: retryAfterMs(response.headers.get('retry-after'), now()),
    };
  } catch (error) {
    return { error: new DeliveryError(`${channel}: no answer: ${reasonOf(error)}`, { retryable: true }) };
  }
}

/** Enough of the answer to say why; a vendor's long page is neither read nor kept. */
async function beginningOf(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  if (!reader) return '';
  const { value } = await reader.read();
  await reader.cancel();
  return new TextDecoder()
    .decode(value?.subarray(0, 4 * ANSWER_CHARACTERS))
    .slice(0, ANSWER_CHARACTERS)
    .trim();
}

/** Error codes only: the messages of fetch can repeat the URL. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error';
  const { cause } = error;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : undefined;
  return code ?? error.name;
}

function retryAfterMs(header: string | null, now: number): number | undefined {
  if (!header) return undefined;
  if (/^\d+$/.test(header.trim())) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}
