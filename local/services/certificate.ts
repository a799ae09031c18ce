/** A certificate of the demo's company whose validation record somebody removed. Deployed only where a scenario asks for it. */
import type { CertificateInput } from '../../infra/config/certificates.ts';
import type { Acm } from '../stand-ins/acm/acm.ts';
import type { Route53 } from '../stand-ins/route53/route53.ts';
import type { WorldContext } from '../world/types.ts';

export const CERTIFICATE = {
  /** Set to have it. */
  switch: 'NIGHTSHIFT_DEMO_CERTIFICATE',
  /** Where the demo's configuration reads the facts (JSON). */
  variable: 'NIGHTSHIFT_DEMO_CERTIFICATE_FACTS',
  name: 'pay',
  domain: 'pay.nightshift-certificates.test',
  zone: 'nightshift-certificates.test',
  target: 'certificate/pay',
  id: '5c0ffee0-0000-4000-8000-000000000001',
} as const;

export const certificateArn = ({ region, accountId }: Pick<WorldContext, 'region' | 'accountId'>): string =>
  `arn:aws:acm:${region}:${accountId}:certificate/${CERTIFICATE.id}`;

type Facts = Pick<CertificateInput, 'arn' | 'zones'>;

/** Makes it where it is asked for: it is well, and has no record by which ACM could renew it. @returns what the demo's configuration reads. */
export function certificateInEnvironment(
  { acm, route53 }: { readonly acm: Acm; readonly route53: Route53 },
  environment: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const { id, domain, zone } = CERTIFICATE;
  if (environment[CERTIFICATE.switch] === undefined) return {};
  const arn = acm.issue({ id, domains: [domain], daysLeft: 200, method: 'DNS' });
  const facts: Facts = { arn, zones: { [zone]: route53.createZone(zone) } };
  return { [CERTIFICATE.variable]: JSON.stringify(facts) };
}

/** What the demo protects of it: nothing where the world has none. */
export function demoCertificates(environment: NodeJS.ProcessEnv): Record<string, CertificateInput> {
  const text = environment[CERTIFICATE.variable];
  if (text === undefined) return {};
  // Its alarms have periods of a day: what is over within seconds would be over tomorrow. ACM's own event starts the play.
  return { [CERTIFICATE.name]: { ...(JSON.parse(text) as Facts), renewsWithinSeconds: 1, createAlarms: false } };
}
