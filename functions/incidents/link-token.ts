/**
 * Signed links: a token says what its holder may do, to what, in whose name and until when; nobody can make or change one without the key. Pure.
 * Whoever holds a token acts in its recipient's name, so it is a secret: it stands in no log and no item, only its hash does.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import * as z from 'zod/mini';

/** What a link can do; each only to one incident or approval. */
export const LINK_OPERATIONS = ['ack', 'take-over', 'resolve', 'approve', 'deny'] as const;
export type LinkOperation = (typeof LINK_OPERATIONS)[number];

export interface Link {
  readonly operation: LinkOperation;
  /** The incident's id; for `approve` and `deny` the approval's. */
  readonly subject: string;
  /** Who acts: a key of `people` in the configuration. */
  readonly recipient: string;
  /** Epoch seconds. */
  readonly expiresAt: number;
  /** Hash of what was asked for (`stateHash` of an approval), so that a link can't approve anything else; absent for other operations. */
  readonly state?: string | undefined;
  /** Tells links apart that agree in everything else; the same each time the same message is told. */
  readonly nonce: string;
}

export interface LinkKey {
  /** First 8 hexadecimal digits of the key's SHA-256: says which key signed, and nothing about it. */
  readonly id: string;
  readonly bytes: Buffer;
}

/** The signing secret can't be used; its value is not in the message. */
export class LinkKeyError extends Error {
  constructor(why: string) {
    super(
      `the links' signing secret ${why}; it holds one or two keys of 32 to 64 bytes in base64, apart by a space; make one with: openssl rand -base64 32`,
    );
    this.name = 'LinkKeyError';
  }
}

const MOST_KEYS = 3;

/**
 * The keys in a secret's text: the first signs, all of them verify, so that a key can be replaced while its links are still out.
 * @throws LinkKeyError for a text of another form.
 */
export function parseKeys(text: string): readonly LinkKey[] {
  const parts = text.trim().split(/\s+/);
  if (parts.length > MOST_KEYS) throw new LinkKeyError(`holds ${parts.length} keys`);
  return parts.map((part) => {
    if (!/^[A-Za-z0-9+/]+={0,2}$/.test(part)) throw new LinkKeyError('is not base64');
    const bytes = Buffer.from(part, 'base64');
    if (bytes.length < 32 || bytes.length > 64) throw new LinkKeyError(`has a key of ${bytes.length} bytes`);
    return { id: createHash('sha256').update(bytes).digest('hex').slice(0, 8), bytes };
  });
}

/** Longer than any token that is made here; what is longer isn't looked at. */
export const LONGEST_TOKEN = 1_000;

const payload = z.strictObject({
  o: z.enum(LINK_OPERATIONS),
  s: z.string().check(z.regex(/^[A-Za-z0-9-]{1,64}$/)),
  p: z.string().check(z.minLength(1), z.maxLength(64)),
  x: z.number(),
  n: z.string().check(z.maxLength(64)),
  b: z.optional(z.string().check(z.maxLength(64))),
});

/** Whose links these are: a key that two deployments share makes no link of one valid in the other. */
type Deployment = string;

const macOf = (key: LinkKey, purpose: string, deployment: Deployment, text: string): Buffer =>
  createHmac('sha256', key.bytes).update(`${purpose}\n${deployment}\n${text}`).digest();

/** A token for `link`: letters, digits, `-`, `_` and `.` only. */
export function signLink(link: Link, [key]: readonly LinkKey[], deployment: Deployment): string {
  if (!key) throw new LinkKeyError('is empty');
  const { operation: o, subject: s, recipient: p, expiresAt: x, nonce: n, state: b } = link;
  const body = Buffer.from(JSON.stringify(payload.parse({ o, s, p, x, n, ...(b === undefined ? {} : { b }) })));
  const text = `${key.id}.${body.toString('base64url')}`;
  return `${text}.${macOf(key, 'nightshift-link-v1', deployment, text).toString('base64url')}`;
}

export type Verified =
  | { readonly kind: 'valid'; readonly link: Link; readonly hash: string; readonly confirmation: string }
  /** Signed by us, too old now. */
  | { readonly kind: 'expired'; readonly link: Link; readonly hash: string }
  /** Not a token at all, or of a key that isn't known (any more). */
  | { readonly kind: 'unknown-key' }
  | { readonly kind: 'malformed' }
  /** Its signature doesn't fit what it says. */
  | { readonly kind: 'altered' };

/**
 * What a token says, if we signed it. Costs one HMAC for whatever isn't ours.
 * @param now Epoch milliseconds.
 */
export function verifyLink(token: string, keys: readonly LinkKey[], deployment: Deployment, now: number): Verified {
  const [keyId = '', body = '', mac = '', ...more] = token.length > LONGEST_TOKEN ? [] : token.split('.');
  if (!keyId || !body || !mac || more.length > 0) return { kind: 'malformed' };
  const key = keys.find(({ id }) => id === keyId);
  if (!key) return { kind: 'unknown-key' };
  if (!equal(macOf(key, 'nightshift-link-v1', deployment, `${keyId}.${body}`).toString('base64url'), mac))
    return { kind: 'altered' };
  const link = linkIn(body);
  if (!link) return { kind: 'malformed' };
  const hash = hashOf(token);
  if (link.expiresAt * 1000 <= now) return { kind: 'expired', link, hash };
  const confirmation = macOf(key, 'nightshift-confirm-v1', deployment, token).subarray(0, 16).toString('base64url');
  return { kind: 'valid', link, hash, confirmation };
}

/** Signed, so ours; checked all the same, because another version may have signed it. */
function linkIn(body: string): Link | undefined {
  let said: unknown;
  try {
    said = JSON.parse(Buffer.from(body, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
  const { success, data } = payload.safeParse(said);
  if (!success) return undefined;
  const { o: operation, s: subject, p: recipient, x: expiresAt, n: nonce, b: state } = data;
  return { operation, subject, recipient, expiresAt, nonce, ...(state === undefined ? {} : { state }) };
}

/** What is kept of a token: it can't be turned back. */
export const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex');

/** Compares in a time that doesn't depend on where the texts differ. */
export function equal(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

/** Where links lead, below the public endpoint. */
export const LINK_PATH = '/act';

/** Takes tokens out of a text: vendors may repeat in an answer what they were sent. */
export const withoutLinks = (text: string): string => text.replace(/[0-9a-f]{8}\.[\w-]{20,}(\.[\w-]*)?/g, '(link)');
