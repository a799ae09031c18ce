/**
 * A secret on its way to the function that speaks SQL: sealed to a key that lives in that function's memory alone, so that it stands in no event, no log of invocations and no trace
 * (invariant I11). X25519, HKDF-SHA-256 and AES-256-GCM, as in RFC 9180 (Hybrid Public Key Encryption), of Node's own crypto. The receiver is known by IAM and TLS: only Lambda answers
 * for a function's name.
 */
import {
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import * as z from 'zod/mini';

export const sealed = z.strictObject({
  /** The receiver's public key. */
  to: z.string().check(z.maxLength(200)),
  /** The sender's, made for this one message. */
  from: z.string().check(z.maxLength(200)),
  iv: z.string().check(z.maxLength(50)),
  text: z.string().check(z.maxLength(2_000)),
  tag: z.string().check(z.maxLength(50)),
});
export type Sealed = z.infer<typeof sealed>;

export interface Receiver {
  /** Public: DER (SPKI) as base64. */
  readonly key: string;
  /** @returns undefined when it was sealed to another key. @throws Error when it was changed on its way. */
  open(message: Sealed): string | undefined;
}

const publicText = (key: KeyObject): string => key.export({ type: 'spki', format: 'der' }).toString('base64');
const publicKey = (text: string): KeyObject =>
  createPublicKey({ key: Buffer.from(text, 'base64'), type: 'spki', format: 'der' });

function sharedKey(own: KeyObject, other: string, { to, from }: Pick<Sealed, 'to' | 'from'>): Buffer {
  const shared = diffieHellman({ privateKey: own, publicKey: publicKey(other) });
  return Buffer.from(hkdfSync('sha256', shared, '', `nightshift secret-rotation ${to} ${from}`, 32));
}

/** @param to the receiver's public key. */
export function seal(to: string, secret: string): Sealed {
  const own = generateKeyPairSync('x25519');
  const from = publicText(own.publicKey);
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', sharedKey(own.privateKey, to, { to, from }), iv);
  const text = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]).toString('base64');
  return { to, from, iv: iv.toString('base64'), text, tag: cipher.getAuthTag().toString('base64') };
}

/** With a key of its own, which nobody else ever has. */
export function newReceiver(): Receiver {
  const own = generateKeyPairSync('x25519');
  const key = publicText(own.publicKey);
  return {
    key,
    open(message) {
      if (message.to !== key) return undefined;
      const decipher = createDecipheriv(
        'aes-256-gcm',
        sharedKey(own.privateKey, message.from, message),
        Buffer.from(message.iv, 'base64'),
        { authTagLength: 16 },
      );
      decipher.setAuthTag(Buffer.from(message.tag, 'base64'));
      return decipher.update(message.text, 'base64', 'utf8') + decipher.final('utf8');
    },
  };
}
