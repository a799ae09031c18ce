/**
 * The signature under a chain's end. Ed25519, with a private key that is derived from a secret: whoever has the archive can check it, only whoever
 * has the secret can make it. No KMS key, which would cost more a month than everything else that stands still (docs/decisions/0066).
 */
import { createHash, createPrivateKey, createPublicKey, hkdfSync, type KeyObject, sign, verify } from 'node:crypto';
import { canonical } from '../engine/chain.ts';
import { ActionFailedError } from '../engine/errors.ts';

/** What is signed. */
export interface ChainStatement {
  readonly version: 1;
  readonly deployment: string;
  readonly region: string;
  readonly incidentId: string;
  readonly count: number;
  readonly hash: string;
}

export interface Signature {
  readonly algorithm: 'Ed25519';
  readonly publicKey: string;
  readonly value: string;
}

/** Below this a secret could be guessed. */
const SHORTEST_SECRET = 32;
/** RFC 8410, section 7: the fixed bytes of a PKCS #8 private key of Ed25519 before its 32-byte seed. */
const PKCS8_HEAD = Buffer.from('302e020100300506032b657004220420', 'hex');

/** @throws ActionFailedError for a secret that is too short to be one. */
export function signStatement(statement: ChainStatement, secret: string): Signature {
  const key = privateKey(secret);
  return {
    algorithm: 'Ed25519',
    publicKey: createPublicKey(key).export({ type: 'spki', format: 'der' }).toString('base64'),
    value: sign(null, messageOf(statement), key).toString('base64'),
  };
}

/** Whether the signature belongs to the statement. That the key is the right one is for whoever knows its fingerprint. */
export function isSigned(statement: ChainStatement, { algorithm, publicKey, value }: Signature): boolean {
  if (algorithm !== 'Ed25519') return false;
  try {
    const key = createPublicKey({ key: Buffer.from(publicKey, 'base64'), format: 'der', type: 'spki' });
    return key.asymmetricKeyType === 'ed25519' && verify(null, messageOf(statement), key, Buffer.from(value, 'base64'));
  } catch {
    // A key that isn't one signs nothing.
    return false;
  }
}

/** SHA-256 of a public key, in hex: what people compare. */
export const fingerprintOf = (publicKey: string): string =>
  createHash('sha256').update(Buffer.from(publicKey, 'base64')).digest('hex');

function privateKey(secret: string): KeyObject {
  if (secret.length < SHORTEST_SECRET)
    throw new ActionFailedError(
      `the archive's signing secret has ${secret.length} characters, expected at least ${SHORTEST_SECRET}: store the output of "openssl rand -base64 32"`,
    );
  const seed = hkdfSync('sha256', secret, '', 'nightshift archive signature 1', 32);
  return createPrivateKey({ key: Buffer.concat([PKCS8_HEAD, Buffer.from(seed)]), format: 'der', type: 'pkcs8' });
}

const messageOf = ({ version, deployment, region, incidentId, count, hash }: ChainStatement): Buffer =>
  Buffer.from(canonical({ version, deployment, region, incidentId, count, hash }));
