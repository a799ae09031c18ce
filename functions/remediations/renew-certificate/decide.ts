/** What a certificate lacks for its renewal, and whether Nightshift may supply it. Pure. */
import type { Judgement, Replacement } from '../../certificates/bundle.ts';
import { type Certificate, needsRenewal, tellDays, type Validation } from '../../certificates/certificate.ts';
import { canonicalName } from '../../dns/record.ts';
import type { RecordReading } from '../../dns/route53.ts';
import type { CertificateConfig } from '../../engine/config.ts';
import type { Change, DecideInput, Decision, Json, Verification } from '../../engine/remediation.ts';

export interface Observation {
  readonly certificate: Certificate | undefined;
  /** Of the records that ACM looks for, by their name; `unknown`: Route 53 didn't answer. */
  readonly records: Readonly<Record<string, RecordReading | { readonly kind: 'unknown'; readonly why: string }>>;
  /** What is kept in the configured secret; absent where none is configured, or where the certificate isn't an imported one. */
  readonly replacement?: Judgement;
  /** The secret's earlier version, if it holds the certificate that is in use and its key: ACM gives no private key back. */
  readonly kept?: { readonly issuer: string; readonly versionId: string };
}

/** A validation record that is to be created. */
export interface WantedRecord {
  readonly zoneId: string;
  readonly name: string;
  readonly value: string;
}

export type Plan =
  | { readonly kind: 'records'; readonly records: readonly WantedRecord[] }
  | { readonly kind: 'mail'; readonly mails: readonly { readonly domain: string; readonly mailDomain: string }[] }
  | ({ readonly kind: 'import' } & Pick<Replacement, 'serial' | 'fingerprint' | 'notAfter'>);

/** The certificate as it was: the serial number is another one afterwards. */
export interface Before {
  readonly serial: string;
  readonly notAfter: string | null;
}

export const planOf = (change: Change): Plan => change.after as unknown as Plan;
export const beforeOf = (change: Change): Before => change.before as unknown as Before;

/** ACM looks for a record a few times a day at least; whoever gets a mail needs as long. */
const RECHECK_SECONDS = 6 * 3600;

export function decide({ target, observation }: DecideInput<CertificateConfig, Observation>): Decision {
  const { certificate } = observation;
  if (!certificate) return callPerson(`ACM has no certificate ${target.arn}: correct certificates.${target.name}.arn`);
  if (!needsRenewal(certificate)) return { kind: 'fine', reason: tellDays(certificate) };
  switch (certificate.type) {
    case 'IMPORTED':
      return decideImport(target, certificate, observation);
    case 'AMAZON_ISSUED':
      return decideIssued(target, certificate, observation);
    default:
      return callPerson(`${tell(target, certificate)}; Nightshift renews none of type ${certificate.type}`);
  }
}

const callPerson = (reason: string): Decision => ({ kind: 'escalate', reason, recheckAfterSeconds: RECHECK_SECONDS });
const tell = ({ name }: CertificateConfig, certificate: Certificate): string => `${name}: ${tellDays(certificate)}`;

function decideImport(target: CertificateConfig, certificate: Certificate, observation: Observation): Decision {
  const { replacement, kept } = observation;
  const days = `${tell(target, certificate)}; it was imported, so ACM doesn't renew it`;
  if (!replacement) return callPerson(`${days}, and no secret is configured that holds a new one`);
  if (replacement.kind === 'unusable')
    return callPerson(`${days}; what the secret holds can't be used: ${replacement.why}`);
  if (replacement.serial === certificate.serial)
    return callPerson(`${days}; what the secret holds is the one in use: put a new one there`);
  if (!(certificate.notAfter === undefined || replacement.notAfter > certificate.notAfter))
    return callPerson(
      `${days}; what the secret holds is valid until ${replacement.notAfter.slice(0, 10)}, no longer than it`,
    );
  const { serial, fingerprint, notAfter } = replacement;
  const change = planned(certificate, { kind: 'import', serial, fingerprint, notAfter }, 0, {
    summary: `import the certificate from the secret of ${target.name}, valid until ${notAfter.slice(0, 10)}`,
    undo: kept
      ? `import the secret's version ${kept.versionId} (AWSPREVIOUS now) to ${target.arn} again`
      : 'import the earlier certificate again from wherever its private key is kept: ACM gives none back',
  });
  if (kept && kept.issuer === replacement.issuer) return { kind: 'act', change };
  const why = kept
    ? `another authority issued it (${replacement.issuer}, no longer ${kept.issuer}): whether clients trust that can't be seen from here`
    : "the earlier one can't be put back: no version of the secret holds it and its key, and ACM gives no private key back";
  return { kind: 'act', change, approval: { people: 1, why } };
}

/** "Troubleshooting", AWS Certificate Manager User Guide: neither is such a request tried again nor such a certificate renewed. */
const UNISSUABLE: ReadonlySet<string> = new Set(['REVOKED', 'FAILED', 'VALIDATION_TIMED_OUT']);

function decideIssued(target: CertificateConfig, certificate: Certificate, observation: Observation): Decision {
  const days = tell(target, certificate);
  if (certificate.status === 'EXPIRED')
    return callPerson(`${days}: ACM renews none that has expired; request another and put it in its place`);
  if (UNISSUABLE.has(certificate.status))
    return callPerson(
      `${days}: it is ${certificate.status}, and stays so; request another, and put that in its place wherever this one is used`,
    );
  // ACM calls every certificate ineligible that nothing uses, one that was never issued among them.
  if (certificate.status === 'ISSUED' && !certificate.isEligible)
    return callPerson(`${days}; no service uses it, and ACM renews only what is used: delete it, or renew it yourself`);
  const records = wantedOf(target, certificate, observation);
  const stuck = records.filter(({ why }) => why !== undefined);
  const missing = records.filter(({ why }) => why === undefined).map(({ record }) => record);
  if (missing.length > 0) return { kind: 'act', change: restore(target, certificate, missing, stuck) };
  if (stuck.length > 0) return callPerson(`${days}; ${stuck.map(({ why }) => why).join('; ')}`);
  const mails = certificate.validations.flatMap(({ domain, method, isPending, mailDomain = domain }) =>
    method === 'EMAIL' && isPending ? [{ domain, mailDomain }] : [],
  );
  if (mails.length > 0) return { kind: 'act', change: resend(target, certificate, mails) };
  const { renewal } = certificate;
  const told = renewal ? `${renewal.status}${renewal.reason ? `, ${renewal.reason}` : ''}` : 'not begun';
  return callPerson(`${days}; it lacks nothing that Nightshift could supply, and its renewal is: ${told}`);
}

interface Wanted {
  readonly record: WantedRecord;
  /** Why it isn't simply created. */
  readonly why?: string;
}

/** The validation records that aren't as ACM wants them, each name once: a name and its wildcard share one. */
function wantedOf(target: CertificateConfig, certificate: Certificate, { records }: Observation): Wanted[] {
  const byName = new Map(
    certificate.validations.flatMap(({ method, record }: Validation) =>
      method === 'DNS' && record ? [[canonicalName(record.name), record] as const] : [],
    ),
  );
  return [...byName].flatMap(([key, { name, value }]): Wanted[] => {
    const zoneId = zoneOf(target, name);
    const record = { zoneId: zoneId ?? '', name, value };
    if (zoneId === undefined)
      return [{ record, why: `no zone is configured for ${name}: it must be a CNAME of ${value}` }];
    const reading = (Object.hasOwn(records, key) ? records[key] : undefined) ?? {
      kind: 'unknown',
      why: 'not looked at',
    };
    switch (reading.kind) {
      case 'missing':
        return [{ record }];
      case 'unknown':
        return [{ record, why: `the record ${name} can't be read: ${reading.why}` }];
      case 'not-simple':
        return [{ record, why: `the record ${name} can't be judged: ${reading.why}` }];
      case 'record':
        return isRight(reading, value) ? [] : [{ record, why: `the record ${name} says something else than ${value}` }];
      default:
        return reading satisfies never;
    }
  });
}

/** Whether the record sends ACM where it looks. */
export const isRight = (reading: RecordReading, value: string): boolean =>
  reading.kind === 'record' &&
  'values' in reading.record &&
  reading.record.values.length === 1 &&
  canonicalName(reading.record.values[0] ?? '') === canonicalName(value);

/** The zone of the longest configured name that it ends with. */
export function zoneOf({ zones }: CertificateConfig, name: string): string | undefined {
  const [found] = Object.entries(zones)
    .filter(([domain]) => canonicalName(name).endsWith(`.${canonicalName(domain)}`))
    .sort(([a], [b]) => b.length - a.length);
  return found?.[1];
}

const planned = (
  { serial, notAfter }: Certificate,
  plan: Plan,
  verifyNotBeforeSeconds: number,
  words: Pick<Change, 'summary' | 'undo'>,
): Change => ({
  ...words,
  before: { serial, notAfter: notAfter ?? null } satisfies Before as unknown as Json,
  after: plan as unknown as Json,
  ...(verifyNotBeforeSeconds > 0 && { verifyNotBeforeSeconds }),
});

/** @param stuck what else keeps ACM from renewing, and only a person can mend: that is named at once. */
function restore(
  target: CertificateConfig,
  certificate: Certificate,
  records: readonly WantedRecord[],
  stuck: readonly Wanted[],
): Change {
  const names = records.map(({ name }) => name).join(', ');
  const left =
    stuck.length > 0 ? `; that isn't enough, the rest is for a person: ${stuck.map(({ why }) => why).join('; ')}` : '';
  return planned(certificate, { kind: 'records', records }, target.renewsWithinSeconds, {
    summary: `create the validation ${records.length === 1 ? 'record' : 'records'} of ${target.name} that ACM doesn't find: ${names}${left}`,
    undo: `delete the CNAME ${names}; ACM can't renew the certificate without`,
  });
}

function resend(
  target: CertificateConfig,
  certificate: Certificate,
  mails: readonly { readonly domain: string; readonly mailDomain: string }[],
): Change {
  const domains = mails.map(({ domain }) => domain).join(', ');
  return planned(certificate, { kind: 'mail', mails }, target.renewsWithinSeconds, {
    summary: `have ACM send its mail again to the owners of ${domains}, who must follow its link`,
    undo: 'nothing to undo: it is a mail',
  });
}

/** A mail leaves no trace that could be looked at; a second one does no harm. */
export function alreadyApplied(change: Change, { certificate, records }: Observation): 'yes' | 'no' | 'unclear' {
  const plan = planOf(change);
  if (!certificate) return 'unclear';
  if (plan.kind === 'mail') return 'no';
  if (plan.kind === 'import') {
    if (certificate.serial === plan.serial) return 'yes';
    return certificate.serial === beforeOf(change).serial ? 'no' : 'unclear';
  }
  const readings = plan.records.map(({ name, value }) => ({ reading: records[canonicalName(name)], value }));
  if (readings.every(({ reading, value }) => reading && reading.kind !== 'unknown' && isRight(reading, value)))
    return 'yes';
  const isOpen = readings.every(
    ({ reading, value }) => reading?.kind === 'missing' || (reading?.kind === 'record' && isRight(reading, value)),
  );
  return isOpen ? 'no' : 'unclear';
}

/** It helped when there is a new certificate with days enough; what Nightshift supplied is only what that takes. */
export function verify({
  target,
  change,
  observation,
}: {
  target: CertificateConfig;
  change: Change;
  observation: Observation;
}): Verification {
  const { certificate } = observation;
  if (!certificate) return { kind: 'not-yet', detail: `ACM has no certificate ${target.arn} any more` };
  const days = tell(target, certificate);
  if (!needsRenewal(certificate)) return { kind: 'good', detail: days };
  const plan = planOf(change);
  if (plan.kind === 'import' && certificate.serial === plan.serial)
    return { kind: 'bad', detail: `${days}, although it was imported just now`, stopForSeconds: RECHECK_SECONDS };
  const waits = plan.kind === 'mail' ? 'nobody has followed the link in its mail' : "ACM hasn't renewed it yet";
  return { kind: 'not-yet', detail: `${days}: ${waits}` };
}
