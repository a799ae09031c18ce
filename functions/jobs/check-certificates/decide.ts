/** What a certificate's days left ask for. Pure. */
import { type Certificate, needsRenewal, tellDays } from '../../certificates/certificate.ts';
import type { CertificateConfig } from '../../engine/config.ts';
import type { Verdict } from '../job.ts';

export interface Findings {
  readonly verdict: Verdict;
  /** Set when its renewal is to be looked at: why. */
  readonly needs?: string;
}

/** The run has failed only when it found no certificate: one with few days left is an incident of the certificate's own. */
export function judge({ name, arn }: CertificateConfig, certificate: Certificate | undefined): Findings {
  if (!certificate) {
    const summary = `ACM has no certificate ${arn}`;
    return { verdict: { kind: 'failed', check: 'certificate', summary, report: { certificate: name } } };
  }
  const { type, status, daysLeft, notAfter, domains } = certificate;
  const told = tellDays(certificate);
  const report = { certificate: name, type, status, daysLeft: daysLeft ?? null, notAfter: notAfter ?? null, domains };
  const verdict: Verdict = { kind: 'passed', summary: `${name}: ${told}`, report };
  return needsRenewal(certificate) ? { verdict, needs: told } : { verdict };
}
