/** Secrets of channels and links: read by ARN when first needed, kept in memory for minutes, known so that they can be taken out of texts. */
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { clientDefaults } from '../engine/clients.ts';
import { classifyAwsError, EngineError } from '../engine/errors.ts';

/** A rotated secret is used after this at the latest; sooner when the vendor refuses the old one. */
const FRESH_FOR_MS = 5 * 60_000;
/** Shorter pieces of a URL are words and ids, which are needed to understand an answer. */
const SHORTEST_SECRET = 12;

/** A secret couldn't be used: missing, empty or of another form than is needed. */
export class SecretError extends EngineError {
  readonly retryable = false;
}

export class Secrets {
  readonly #read: (arn: string) => Promise<string>;
  readonly #now: () => number;
  readonly #cache = new Map<string, { readonly value: Promise<string>; readonly until: number }>();
  readonly #known = new Set<string>();

  constructor(read: (arn: string) => Promise<string> = readSecret, now: () => number = Date.now) {
    this.#read = read;
    this.#now = now;
  }

  /** @throws EngineError when it can't be read, SecretError when it is empty. */
  get(arn: string): Promise<string> {
    const cached = this.#cache.get(arn);
    if (cached && cached.until > this.#now()) return cached.value;
    const value = this.#fetch(arn);
    this.#cache.set(arn, { value, until: this.#now() + FRESH_FOR_MS });
    // Whoever asked gets the error; the next one asks again.
    value.catch(() => this.#cache.delete(arn));
    return value;
  }

  /** Asked again next time: the vendor didn't take it. */
  forget(arn: string): void {
    this.#cache.delete(arn);
  }

  /** The text without any secret that was ever read here. */
  scrub(text: string): string {
    return [...this.#known].reduce((rest, secret) => rest.replaceAll(secret, '(secret)'), text);
  }

  async #fetch(arn: string): Promise<string> {
    const value = (await this.#read(arn)).trim();
    if (!value) throw new SecretError(`${arn}: it is empty; store the secret as its whole value`);
    for (const part of partsOf(value)) this.#known.add(part);
    return value;
  }
}

/** A vendor may repeat only a part: a piece of a URL's path, a value of its query, the key behind a prefix. The longest first. */
function partsOf(secret: string): string[] {
  const url = URL.parse(secret);
  const pieces = url ? [`${url.pathname}${url.search}`, ...url.pathname.split('/'), ...url.searchParams.values()] : [];
  const parts = [secret, secret.replace(/^whsec_/, ''), ...pieces].flatMap((part) => [part, encodeURIComponent(part)]);
  return parts.filter((part) => part.length >= SHORTEST_SECRET).sort((a, b) => b.length - a.length);
}

let secretsManager: SecretsManagerClient | undefined;
let ssm: SSMClient | undefined;

/**
 * The value of a secret or SecureString parameter.
 * @throws SecretError for anything else ("GetSecretValue", AWS Secrets Manager API Reference; "GetParameter", AWS Systems Manager API Reference: a
 *   parameter is also named by its ARN), EngineError when AWS refuses.
 */
export async function readSecret(arn: string): Promise<string> {
  const service = arn.split(':')[2];
  try {
    if (service === 'secretsmanager') {
      secretsManager ??= new SecretsManagerClient(clientDefaults());
      return (await secretsManager.send(new GetSecretValueCommand({ SecretId: arn }))).SecretString ?? '';
    }
    ssm ??= new SSMClient(clientDefaults());
    const { Parameter } = await ssm.send(new GetParameterCommand({ Name: arn, WithDecryption: true }));
    if (Parameter?.Type !== 'SecureString')
      throw new SecretError(`${arn}: it is a ${Parameter?.Type}; it must be a SecureString`);
    return Parameter.Value ?? '';
  } catch (error) {
    throw classifyAwsError(`read the secret ${arn}`, error);
  }
}
