/**
 * Verifies an RDS IAM authentication token: a SigV4-presigned URL of the service `rds-db` without its scheme, good for 15 minutes.
 * Follows "IAM database authentication for MariaDB, MySQL, and PostgreSQL" (Amazon RDS User Guide) and "Authenticating Requests: Using Query
 * Parameters (AWS Signature Version 4)". Whether the signer's role allows `rds-db:connect` is asked elsewhere (`mayConnect`).
 */
import { timingSafeEqual } from 'node:crypto';
import { Sha256 } from '@aws-crypto/sha256-js';
import { SignatureV4 } from '@smithy/signature-v4';

/** What the token must be for. */
export interface TokenExpectation {
  readonly region: string;
  /** Names and addresses of the endpoint; the token must name one of them. */
  readonly hosts: readonly string[];
  readonly port: number;
  readonly user: string;
  readonly now: Date;
  /** Secret key of whoever may sign; local worlds have one for every access key. */
  readonly secretAccessKey: string;
}

const LIFETIME_SECONDS = 15 * 60;
/** Signers' clocks may be this much ahead of ours, as for other signed requests. */
const CLOCK_SKEW_SECONDS = 5 * 60;

/**
 * Returns `undefined` for a good token, else why it is refused: a sentence for the world's log, without any part of the token.
 * Never throws because of the token: it is untrusted input.
 */
export async function refusalOf(token: string, expected: TokenExpectation): Promise<string | undefined> {
  let url: URL;
  try {
    url = new URL(`https://${token}`);
  } catch {
    return 'the password is not a presigned URL';
  }
  const query = Object.fromEntries(url.searchParams);
  if ([...url.searchParams].length !== Object.keys(query).length) return 'a parameter is given twice';
  return aimedElsewhere(url, query, expected) ?? outdated(query, expected.now) ?? forged(url, query, expected);
}

type Query = Readonly<Record<string, string>>;

function aimedElsewhere(url: URL, query: Query, expected: TokenExpectation): string | undefined {
  if (query.Action !== 'connect' || url.pathname !== '/') return 'the URL is not for Action=connect';
  if (query.DBUser !== expected.user) return 'the token is for another user';
  if (!expected.hosts.includes(url.hostname)) return 'the token is for another host';
  if (Number(url.port || 443) !== expected.port) return 'the token is for another port';
  const scope = (query['X-Amz-Credential'] ?? '').split('/').slice(1);
  const day = (query['X-Amz-Date'] ?? '').slice(0, 8);
  if (scope.join('/') !== `${day}/${expected.region}/rds-db/aws4_request`)
    return `the signature is not for rds-db in ${expected.region}`;
  return undefined;
}

function outdated(query: Query, now: Date): string | undefined {
  const signedAt = parseLongDate(query['X-Amz-Date'] ?? '');
  if (signedAt === undefined) return 'X-Amz-Date is not a date';
  const expires = Number(query['X-Amz-Expires']);
  if (!Number.isInteger(expires) || expires <= 0 || expires > LIFETIME_SECONDS)
    return `X-Amz-Expires is not between 1 and ${LIFETIME_SECONDS} seconds`;
  const ageSeconds = (now.getTime() - signedAt) / 1000;
  if (ageSeconds > expires) return 'the token has expired';
  return ageSeconds < -CLOCK_SKEW_SECONDS ? 'the token was signed in the future' : undefined;
}

/** `20260102T030405Z` in milliseconds since 1970. */
function parseLongDate(text: string): number | undefined {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (!match) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number);
  return Date.UTC(year ?? 0, (month ?? 1) - 1, day ?? 1, hour ?? 0, minute ?? 0, second ?? 0);
}

/** Signs the same request and compares. */
async function forged(url: URL, query: Query, expected: TokenExpectation): Promise<string | undefined> {
  if (query['X-Amz-Algorithm'] !== 'AWS4-HMAC-SHA256') return 'the algorithm is not AWS4-HMAC-SHA256';
  if (query['X-Amz-SignedHeaders'] !== 'host') return 'the signed headers are not exactly: host';
  const sessionToken = query['X-Amz-Security-Token'];
  const signer = new SignatureV4({
    service: 'rds-db',
    region: expected.region,
    sha256: Sha256,
    credentials: {
      accessKeyId: (query['X-Amz-Credential'] ?? '').split('/')[0] ?? '',
      secretAccessKey: expected.secretAccessKey,
      ...(sessionToken && { sessionToken }),
    },
  });
  const presigned = await signer.presign(
    {
      method: 'GET',
      protocol: 'https:',
      hostname: url.hostname,
      path: '/',
      query: unsigned(query),
      headers: { host: url.host },
    },
    {
      expiresIn: Number(query['X-Amz-Expires']),
      signingDate: new Date(parseLongDate(query['X-Amz-Date'] ?? '') ?? 0),
    },
  );
  const wanted = Buffer.from(String(presigned.query?.['X-Amz-Signature']));
  const given = Buffer.from(query['X-Amz-Signature'] ?? '');
  const same = wanted.length === given.length && timingSafeEqual(wanted, given);
  return same ? undefined : 'the signature is wrong';
}

/** The parameters that the signer adds by itself are taken out, all others are signed with the request. */
function unsigned(query: Query): Record<string, string> {
  const added = ['Algorithm', 'Credential', 'Date', 'Expires', 'SignedHeaders', 'Security-Token', 'Signature'];
  return Object.fromEntries(Object.entries(query).filter(([name]) => !added.some((end) => name === `X-Amz-${end}`)));
}
