/** The side of `renew-certificate` that asks ACM, Route 53 and the secret. A private key is read where it is imported or judged, and goes nowhere else. */
import { ACMClient, ImportCertificateCommand, ResendValidationEmailCommand } from '@aws-sdk/client-acm';
import { type Bundle, issuerOfSame, judgeBundle } from '../../certificates/bundle.ts';
import type { Certificate } from '../../certificates/certificate.ts';
import { readCertificate } from '../../certificates/describe.ts';
import { readCertificateSecret } from '../../certificates/secret.ts';
import { canonicalName } from '../../dns/record.ts';
import { createRecord, type RecordReading, readRecord } from '../../dns/route53.ts';
import { CHANGING_CALL_BUDGET_MS, changingClientDefaults } from '../../engine/clients.ts';
import type { CertificateConfig } from '../../engine/config.ts';
import {
  ActionFailedError,
  ChangedBySomeoneElseError,
  classifyAwsError,
  EngineError,
  OutOfTimeError,
} from '../../engine/errors.ts';
import { remediationHandler } from '../../engine/handler.ts';
import type { ActReport, Change, MayGoOn, RemainingMs, Remediation } from '../../engine/remediation.ts';
import {
  alreadyApplied,
  beforeOf,
  decide,
  isRight,
  type Observation,
  type Plan,
  planOf,
  verify,
  type WantedRecord,
  zoneOf,
} from './decide.ts';
import { examine } from './examine.ts';
import { manifest } from './manifest.ts';

const changing = new ACMClient(changingClientDefaults());
const VALIDATION_TTL_SECONDS = 300;

async function observe(target: CertificateConfig): Promise<Observation> {
  const now = Date.now();
  const certificate = await readCertificate(target.arn, now);
  if (!certificate) return { certificate, records: {} };
  const [records, kept] = await Promise.all([
    certificate.type === 'AMAZON_ISSUED' ? recordsOf(target, certificate) : {},
    certificate.type === 'IMPORTED' && target.importFrom ? keptIn(target.importFrom.secretArn, certificate, now) : {},
  ]);
  return { certificate, records, ...kept };
}

async function recordsOf(target: CertificateConfig, { validations }: Certificate): Promise<Observation['records']> {
  const names = [
    ...new Set(validations.flatMap(({ method, record }) => (method === 'DNS' && record ? record.name : []))),
  ];
  const read = names.flatMap((name) => {
    const zoneId = zoneOf(target, name);
    return zoneId === undefined ? [] : [readValidationRecord(zoneId, name)];
  });
  return Object.fromEntries(await Promise.all(read));
}

async function readValidationRecord(zoneId: string, name: string): Promise<[string, Observation['records'][string]]> {
  try {
    return [canonicalName(name), await readRecord(zoneId, cnameOf(name))];
  } catch (error) {
    if (error instanceof EngineError && error.retryable)
      return [canonicalName(name), { kind: 'unknown', why: error.message }];
    throw error;
  }
}

const cnameOf = (recordName: string) => ({ recordName, recordType: 'CNAME' as const });

/** What the secret holds, without the key; and whether its earlier version holds what is in use. */
async function keptIn(
  secretArn: string,
  certificate: Certificate,
  now: number,
): Promise<Pick<Observation, 'replacement' | 'kept'>> {
  const [next, earlier] = await Promise.all([
    readCertificateSecret(secretArn, 'AWSCURRENT'),
    readCertificateSecret(secretArn, 'AWSPREVIOUS'),
  ]);
  const replacement = next
    ? judgeBundle(next.bundle, certificate.domains, now)
    : { kind: 'unusable' as const, why: 'it is not JSON with certificate, privateKey and chain' };
  const issuer = earlier && issuerOfSame(earlier.bundle, certificate);
  return { replacement, ...(issuer !== undefined && { kept: { issuer, versionId: earlier?.versionId ?? '' } }) };
}

async function act(
  target: CertificateConfig,
  change: Change,
  remaining: RemainingMs,
  _config: unknown,
  mayGoOn: MayGoOn,
): Promise<ActReport> {
  const plan = planOf(change);
  switch (plan.kind) {
    case 'records':
      return createAll(plan.records, remaining, mayGoOn);
    case 'mail':
      return sendAll(target, plan.mails, remaining, mayGoOn);
    case 'import':
      return importFrom(target, beforeOf(change).serial, plan, remaining, mayGoOn);
    default:
      return plan satisfies never;
  }
}

function checkTime(remaining: RemainingMs): void {
  if (remaining() < CHANGING_CALL_BUDGET_MS)
    throw new OutOfTimeError(`${remaining()} ms left, too little to finish the change`);
}

async function createAll(
  records: readonly WantedRecord[],
  remaining: RemainingMs,
  mayGoOn: MayGoOn,
): Promise<ActReport> {
  for (const record of records) {
    await mayGoOn();
    checkTime(remaining);
    await create(record);
  }
  const names = records.map(({ name }) => name);
  return { summary: `created ${names.map((name) => `CNAME ${name}`).join(', ')}`, data: { records: names } };
}

/** Route 53 compares: a record that is there already is refused, and looked at. */
async function create({ zoneId, name, value }: WantedRecord): Promise<void> {
  const record = { ttlSeconds: VALIDATION_TTL_SECONDS, values: [value] };
  const created = await createRecord(zoneId, cnameOf(name), record);
  if (created.kind === 'changed') return;
  const live: RecordReading = await readRecord(zoneId, cnameOf(name));
  if (isRight(live, value)) return;
  if (live.kind === 'missing') throw new ActionFailedError(`Route 53 refuses the record ${name}: ${created.why}`);
  throw new ChangedBySomeoneElseError(`record ${name}`, 'none', created.why);
}

async function sendAll(
  { arn }: CertificateConfig,
  mails: Extract<Plan, { kind: 'mail' }>['mails'],
  remaining: RemainingMs,
  mayGoOn: MayGoOn,
): Promise<ActReport> {
  for (const { domain, mailDomain } of mails) {
    await mayGoOn();
    checkTime(remaining);
    try {
      await changing.send(
        new ResendValidationEmailCommand({ CertificateArn: arn, Domain: domain, ValidationDomain: mailDomain }),
      );
    } catch (error) {
      throw classifyAwsError('acm:ResendValidationEmail', error);
    }
  }
  const domains = mails.map(({ domain }) => domain);
  return { summary: `had ACM send its mail again for ${domains.join(', ')}`, data: { domains } };
}

/** ACM replaces a certificate without comparing, so it is read once more directly before. */
async function importFrom(
  target: CertificateConfig,
  serial: string,
  plan: Extract<Plan, { kind: 'import' }>,
  remaining: RemainingMs,
  mayGoOn: MayGoOn,
): Promise<ActReport> {
  if (!target.importFrom) throw new ActionFailedError(`certificates.${target.name}.importFrom: no longer configured`);
  const now = Date.now();
  const [live, held] = await Promise.all([
    readCertificate(target.arn, now),
    readCertificateSecret(target.importFrom.secretArn, 'AWSCURRENT'),
    mayGoOn(),
  ]);
  if (live?.serial !== serial)
    throw new ChangedBySomeoneElseError(`certificate ${target.name}`, `serial ${serial}`, `${live?.serial ?? 'none'}`);
  const judged = held && judgeBundle(held.bundle, live.domains, now);
  if (!held || judged?.kind !== 'usable' || judged.fingerprint !== plan.fingerprint)
    throw new ActionFailedError(`the secret of ${target.name} holds another certificate than the one that was judged`);
  checkTime(remaining);
  await sendImport(target.arn, held.bundle);
  return {
    summary: `imported the certificate of ${target.name} from its secret, valid until ${plan.notAfter.slice(0, 10)}`,
    data: { serial: plan.serial, notAfter: plan.notAfter },
  };
}

async function sendImport(CertificateArn: string, { certificate, privateKey, chain }: Bundle): Promise<void> {
  const bytes = (pem: string) => Buffer.from(pem, 'utf8');
  try {
    await changing.send(
      new ImportCertificateCommand({
        ...{ CertificateArn, Certificate: bytes(certificate), PrivateKey: bytes(privateKey) },
        ...(chain.trim() !== '' && { CertificateChain: bytes(chain) }),
      }),
    );
  } catch (error) {
    throw classifyAwsError('acm:ImportCertificate', error);
  }
}

export const remediation: Remediation<CertificateConfig, Observation> = {
  manifest,
  targetOf: (key, config) => Object.values(config.certificates).find((each) => key === `certificate/${each.name}`),
  upstreamsOf: () => [],
  observe,
  decide,
  act,
  alreadyApplied,
  verify,
  examine,
};

export const handler = remediationHandler(remediation);
