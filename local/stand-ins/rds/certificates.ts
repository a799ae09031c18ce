/**
 * The world's own certificate authority. On AWS the certificate of a DB instance is signed by one of Amazon's authorities, whose bundle Lambda reads
 * through NODE_EXTRA_CA_CERTS ("Using SSL/TLS to encrypt a connection to a DB instance or cluster", Amazon RDS User Guide); here the world writes its
 * authority to `ca.pem`, and whoever must trust it points NODE_EXTRA_CA_CERTS there.
 */
import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY_MS = 24 * 3600 * 1000;

export interface ServerCertificate {
  /** PEM: private key (PKCS #8) and certificate of the server, for `localhost`, 127.0.0.1 and ::1. */
  readonly key: string;
  readonly cert: string;
  /** PEM of the authority that signed it: what a client has to trust. */
  readonly ca: string;
}

/** File of the authority's certificate in a world's folder. */
export const authorityFile = (worldDir: string): string => join(worldDir, 'ca.pem');

/**
 * Makes an authority and one server certificate, both valid for 30 days (no world lives longer), and writes the authority to `<worldDir>/ca.pem`.
 * The authority's private key is forgotten at once: nobody can sign with it later.
 */
export async function makeCertificates(worldDir: string): Promise<ServerCertificate> {
  const [authorityKeys, serverKeys] = await Promise.all([generateKeys(), generateKeys()]);
  // A name of its own: a process that trusts two worlds must not check one's certificates with the other's key.
  const authorityName = `CN=Nightshift local world ${randomBytes(8).toString('hex')}`;
  const valid = { notBefore: new Date(Date.now() - DAY_MS), notAfter: new Date(Date.now() + 30 * DAY_MS) };
  const authority = await X509CertificateGenerator.createSelfSigned({
    name: authorityName,
    keys: authorityKeys,
    signingAlgorithm: ALGORITHM,
    ...valid,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ],
  });
  const server = await X509CertificateGenerator.create({
    subject: 'CN=localhost',
    issuer: authorityName,
    publicKey: serverKeys.publicKey,
    signingKey: authorityKeys.privateKey,
    signingAlgorithm: ALGORITHM,
    ...valid,
    extensions: [
      new SubjectAlternativeNameExtension([
        { type: 'dns', value: 'localhost' },
        { type: 'ip', value: '127.0.0.1' },
        { type: 'ip', value: '::1' },
      ]),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
    ],
  });
  const ca = authority.toString('pem');
  await writeFile(authorityFile(worldDir), ca);
  return { ca, cert: server.toString('pem'), key: await privateKeyPem(serverKeys.privateKey) };
}

const generateKeys = () => webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);

async function privateKeyPem(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN PRIVATE KEY-----\n${lines.join('\n')}\n-----END PRIVATE KEY-----\n`;
}
