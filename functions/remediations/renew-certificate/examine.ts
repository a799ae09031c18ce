/** What would keep a certificate from being renewed, seen in quiet times. Pure. */
import { needsRenewal, tellDays } from '../../certificates/certificate.ts';
import { canonicalName } from '../../dns/record.ts';
import type { CertificateConfig } from '../../engine/config.ts';
import type { Finding } from '../../engine/remediation.ts';
import { isRight, type Observation, zoneOf } from './decide.ts';

export function examine(target: CertificateConfig, observation: Observation): readonly Finding[] {
  const { certificate } = observation;
  if (!certificate)
    return [{ verdict: 'wrong', what: `ACM has no certificate ${target.arn}`, todo: 'correct its arn' }];
  const days: Finding = needsRenewal(certificate)
    ? { verdict: 'wrong', what: tellDays(certificate), todo: 'see what its incident says' }
    : { verdict: 'ok', what: tellDays(certificate) };
  return [days, ...(certificate.type === 'IMPORTED' ? [ofSecret(target, observation)] : ofNames(target, observation))];
}

function ofSecret({ importFrom }: CertificateConfig, { replacement }: Observation): Finding {
  if (!importFrom)
    return {
      ...{ verdict: 'wrong', what: 'it was imported, and no secret is configured from which a new one could be' },
      todo: 'set importFrom, or renew it in time by hand',
    };
  if (replacement?.kind === 'usable')
    return { verdict: 'ok', what: `its secret holds one that is valid until ${replacement.notAfter.slice(0, 10)}` };
  return {
    ...{ verdict: 'wrong', what: `what its secret holds can't be used: ${replacement?.why ?? 'not looked at'}` },
    todo: 'store certificate, privateKey and chain as JSON',
  };
}

function ofNames(target: CertificateConfig, { certificate, records }: Observation): Finding[] {
  return (certificate?.validations ?? []).flatMap(({ domain, method, record }): Finding[] => {
    if (method === 'EMAIL')
      return [{ verdict: 'ok', what: `${domain} is renewed by whoever follows the link in ACM's mail` }];
    if (!record) return [];
    const reading = records[canonicalName(record.name)];
    if (zoneOf(target, record.name) === undefined)
      return [
        {
          ...{ verdict: 'wrong', what: `the validation record of ${domain} is in no configured zone` },
          todo: `add its zone to zones, or take care yourself of the CNAME ${record.name}`,
        },
      ];
    return reading && reading.kind !== 'unknown' && isRight(reading, record.value)
      ? [{ verdict: 'ok', what: `the validation record of ${domain} is in place` }]
      : [{ verdict: 'wrong', what: `the validation record of ${domain} isn't as ACM wants it`, todo: 'restore it' }];
  });
}
