/** Certificates and keys made for one test and forgotten with it. */
import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { Bundle } from '../../functions/certificates/bundle.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY_MS = 86_400_000;

export interface Authority {
  readonly name: string;
  readonly keys: webcrypto.CryptoKeyPair;
  readonly certificate: X509Certificate;
  readonly pem: string;
}

const generateKeys = () => webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);

export async function makeAuthority(): Promise<Authority> {
  const keys = await generateKeys();
  const name = `CN=Authority of a test ${randomBytes(4).toString('hex')}`;
  const certificate = await X509CertificateGenerator.createSelfSigned({
    ...{ name, keys, signingAlgorithm: ALGORITHM },
    ...{ notBefore: new Date(Date.now() - 2 * DAY_MS), notAfter: new Date(Date.now() + 3650 * DAY_MS) },
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ],
  });
  return { name, keys, certificate, pem: certificate.toString('pem') };
}

export interface Wanted {
  readonly domains: readonly string[];
  readonly days: number;
  /** Days from now at which it begins; yesterday unless said. */
  readonly beginsIn?: number;
}

/** A certificate that the authority signed, with its key and the authority as its chain. */
export async function issueBundle(authority: Authority, { domains, days, beginsIn = -1 }: Wanted): Promise<Bundle> {
  const keys = await generateKeys();
  const certificate = await X509CertificateGenerator.create({
    ...{ subject: `CN=${domains[0]}`, issuer: authority.name, publicKey: keys.publicKey },
    ...{
      signingKey: authority.keys.privateKey,
      signingAlgorithm: ALGORITHM,
      serialNumber: randomBytes(8).toString('hex'),
    },
    ...{ notBefore: new Date(Date.now() + beginsIn * DAY_MS), notAfter: new Date(Date.now() + (days + 0.5) * DAY_MS) },
    extensions: [new SubjectAlternativeNameExtension(domains.map((value) => ({ type: 'dns' as const, value })))],
  });
  return { certificate: certificate.toString('pem'), privateKey: await pemOf(keys.privateKey), chain: authority.pem };
}

async function pemOf(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  const kind = 'PRIVATE KEY';
  return `-----BEGIN ${kind}-----\n${(der.toString('base64').match(/.{1,64}/g) ?? []).join('\n')}\n-----END ${kind}-----\n`;
}
