/** A certificate with its key and chain, as it is kept in a secret, and whether ACM may be given it. Nothing of a key leaves this file but to whoever imports it. Pure. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import * as z from 'zod/mini';

/** PEM each. */
export interface Bundle {
  readonly certificate: string;
  readonly privateKey: string;
  /** Intermediate certificates, each signed by the next; empty only for a certificate that signed itself. */
  readonly chain: string;
}

/** What may be known of it, in journals and timelines. */
export interface Replacement {
  readonly kind: 'usable';
  readonly serial: string;
  /** SHA-256 of the certificate: the very one that was judged. */
  readonly fingerprint: string;
  /** ISO 8601. */
  readonly notAfter: string;
  /** The organisation that issued it; where its issuer names none, the issuer's whole name. */
  readonly issuer: string;
}
export type Judgement = Replacement | { readonly kind: 'unusable'; readonly why: string };

const unusable = (why: string): Judgement => ({ kind: 'unusable', why });

const secretForm = z.object({ certificate: z.string(), privateKey: z.string(), chain: z._default(z.string(), '') });

/** The bundle in a secret's text: JSON with `certificate`, `privateKey` and `chain`. Undefined for anything else: what it is instead is nobody's to know. */
export function readBundle(text: string): Bundle | undefined {
  try {
    return secretForm.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** Serial numbers as one text: ACM writes `0a:1b`, OpenSSL `0A1B`. */
export const canonicalSerial = (serial: string): string => serial.replaceAll(':', '').toUpperCase().replace(/^0+/, '');

/**
 * Whether a bundle may take the place of a certificate: its key fits, its chain holds together, it is valid now and covers every name ("Prerequisites for importing
 * certificates", AWS Certificate Manager User Guide; whether clients trust the end of the chain isn't seen here).
 * @param domains the names that must be covered, wildcards among them.
 * @param now epoch milliseconds.
 */
export function judgeBundle(bundle: Bundle, domains: readonly string[], now: number): Judgement {
  const leaf = readCertificates(bundle.certificate);
  const chain = bundle.chain.trim() === '' ? [] : readCertificates(bundle.chain);
  const [certificate, ...more] = leaf ?? [];
  if (!certificate || more.length > 0) return unusable('its certificate is not one certificate in PEM');
  if (!chain) return unusable('its chain is not certificates in PEM');
  const key = readKey(bundle.privateKey);
  if (!key) return unusable('its private key is not an unencrypted key in PEM');
  if (!certificate.checkPrivateKey(key)) return unusable('its private key belongs to another certificate');
  const late = [certificate, ...chain].find((each) => !isValidAt(each, now));
  if (late) return unusable(`${late.subject.replaceAll('\n', ', ')} is not valid at this time`);
  const broken = whyNoChain([certificate, ...chain]);
  if (broken) return unusable(broken);
  const uncovered = domains.filter((domain) => !covers(certificate, domain));
  if (uncovered.length > 0) return unusable(`it does not cover ${uncovered.join(', ')}`);
  return {
    kind: 'usable',
    serial: canonicalSerial(certificate.serialNumber),
    fingerprint: certificate.fingerprint256,
    notAfter: new Date(certificate.validTo).toISOString(),
    issuer: issuerOf(certificate),
  };
}

/** Intermediate authorities of one organisation take turns; another organisation, or none at all, is another trust. */
const issuerOf = ({ issuer }: X509Certificate): string =>
  /^O=(.+)$/m.exec(issuer)?.[1] ?? issuer.replaceAll('\n', ', ');

/**
 * Who issued the certificate in a bundle, if that is the one described and could be imported again: the same serial number and beginning, which two authorities
 * don't both give, and its own key. Undefined otherwise.
 */
export function issuerOfSame(
  { certificate, privateKey }: Bundle,
  { serial, notBefore }: { readonly serial: string; readonly notBefore?: string },
): string | undefined {
  const [found] = readCertificates(certificate) ?? [];
  const key = readKey(privateKey);
  if (!found || !key || !found.checkPrivateKey(key)) return undefined;
  const isSame =
    canonicalSerial(found.serialNumber) === serial && notBefore === new Date(found.validFrom).toISOString();
  return isSame ? issuerOf(found) : undefined;
}

const PEM = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

function readCertificates(text: string): X509Certificate[] | undefined {
  try {
    const found = [...text.matchAll(PEM)].map(([pem]) => new X509Certificate(pem));
    return found.length > 0 ? found : undefined;
  } catch {
    return undefined;
  }
}

function readKey(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined;
  }
}

const isValidAt = ({ validFrom, validTo }: X509Certificate, now: number): boolean =>
  Date.parse(validFrom) <= now && now < Date.parse(validTo);

/** Each is signed by the next. */
function whyNoChain(certificates: readonly X509Certificate[]): string | undefined {
  const [leaf] = certificates;
  if (leaf && certificates.length === 1)
    return isSignedBy(leaf, leaf) ? undefined : 'it has no chain, and did not sign itself';
  const at = certificates.findIndex((each, index) => {
    const issuer = certificates[index + 1];
    return issuer !== undefined && !(issuer.ca && isSignedBy(each, issuer));
  });
  return at < 0 ? undefined : `certificate ${at + 1} of its chain is not signed by the next`;
}

const isSignedBy = (certificate: X509Certificate, issuer: X509Certificate): boolean =>
  certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);

/** A wildcard is covered by itself only; a host by its own name or by a wildcard (RFC 6125, as OpenSSL checks it). */
function covers(certificate: X509Certificate, domain: string): boolean {
  const named = (certificate.subjectAltName ?? '').split(', ').includes(`DNS:${domain}`);
  return named || (!domain.startsWith('*.') && certificate.checkHost(domain) !== undefined);
}
