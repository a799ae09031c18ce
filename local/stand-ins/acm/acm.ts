/**
 * AWS Certificate Manager (API version 2015-12-08): certificates that expire, are renewed once their validation record answers or somebody follows the link of a mail, and
 * those that are imported. The clock is a certificate's own: `expiresIn` sets its end, and `tell` publishes what ACM publishes once a day (its event and its metric).
 * Left out, with an error that says so: requesting, exporting, deleting and tagging; private authorities. An issued certificate is its dates and names: nobody can serve TLS with it.
 */
import { createPrivateKey, randomBytes, randomUUID, X509Certificate } from 'node:crypto';
import { faultReply, jsonReply } from '../../gateway/reply.ts';
import {
  type AwsCall,
  AwsFault,
  type AwsReply,
  type EventSink,
  type MetricSink,
  type StandIn,
  type WorldContext,
} from '../../world/types.ts';

export interface NewCertificate {
  /** The first is the certificate's own; `*.` for a wildcard. */
  readonly domains: readonly string[];
  readonly daysLeft: number;
  readonly method: 'DNS' | 'EMAIL';
  /** The end of its ARN; one by chance unless said. */
  readonly id?: string;
  /** Whether a service uses it: true unless said; ACM renews nothing else. */
  readonly inUse?: boolean;
  /** It was only requested, and waits for its first validation; nothing can use it. */
  readonly isRequested?: true;
}

export interface Acm extends StandIn {
  /** As somebody would have requested it, issued by now. @returns its ARN. */
  issue(certificate: NewCertificate): string;
  /** PEM. @param id the end of its ARN; one by chance unless given. @returns its ARN. */
  import(certificate: string, privateKey: string, chain?: string, id?: string): string;
  /** The CNAME records that ACM looks for. */
  recordsOf(arn: string): readonly { readonly name: string; readonly value: string }[];
  expiresIn(arn: string, days: number): void;
  /** What ACM tells once a day of a certificate that approaches its end: its event and its metric. */
  tell(arn: string): Promise<void>;
  /** Mails sent so far, by domain. */
  mailsOf(arn: string): readonly string[];
  /** Somebody follows the link in a mail. */
  follow(arn: string, domain: string): void;
  serialOf(arn: string): string;
  remove(arn: string): void;
}

interface Validation {
  readonly domain: string;
  readonly method: 'DNS' | 'EMAIL';
  readonly record?: { readonly name: string; readonly value: string };
  isFollowed: boolean;
}

interface Held {
  readonly arn: string;
  readonly type: 'AMAZON_ISSUED' | 'IMPORTED';
  domains: readonly string[];
  serial: string;
  notBefore: number;
  notAfter: number;
  inUse: boolean;
  /** It waits for its first validation. */
  isRequested: boolean;
  readonly validations: readonly Validation[];
  readonly mails: string[];
  /** PEM, of one that was imported. */
  text?: { readonly certificate: string; readonly chain: string };
}

export interface AcmOptions {
  readonly metrics: MetricSink;
  readonly events: EventSink;
  /** What DNS answers for a name. */
  readonly cname: (name: string) => string | undefined;
}

const DAY_MS = 86_400_000;
/** "ACM certificate characteristics": valid for 13 months (395 days); managed renewal begins 60 days before the end. */
const VALID_DAYS = 395;
const RENEWAL_BEGINS_DAYS = 60;

type Operation = (held: Held, params: Readonly<Record<string, unknown>>) => unknown;

export function createAcm(world: WorldContext, { metrics, events, cname }: AcmOptions): Acm {
  const certificates = new Map<string, Held>();
  const find = (arn: string): Held => {
    const held = certificates.get(arn);
    if (!held)
      throw new AwsFault(
        'ResourceNotFoundException',
        `Could not find certificate ${arn} in account ${world.accountId}.`,
      );
    return held;
  };
  const add = (certificate: Omit<Held, 'arn' | 'mails'>, id: string = randomUUID()): string => {
    const arn = `arn:aws:acm:${world.region}:${world.accountId}:certificate/${id}`;
    certificates.set(arn, { ...certificate, arn, mails: [] });
    return arn;
  };
  /** "Managed certificate renewal": validated by every name's record or mail, and then it has a new end and serial number. */
  const settle = (held: Held): void => {
    if (held.isRequested && held.validations.every((each) => isValidated(each, cname))) {
      Object.assign(held, freshDates(VALID_DAYS), { isRequested: false });
      return;
    }
    if (held.type !== 'AMAZON_ISSUED' || !held.inUse) return;
    const days = daysLeft(held);
    if (days < 0 || days > RENEWAL_BEGINS_DAYS || !held.validations.every((each) => isValidated(each, cname))) return;
    Object.assign(held, freshDates(VALID_DAYS));
    for (const validation of held.validations) validation.isFollowed = false;
  };
  const operations: Readonly<Record<string, Operation>> = {
    DescribeCertificate: (held) => ({ Certificate: detailOf(held, cname) }),
    GetCertificate: ({ isRequested, text }) => {
      if (isRequested) throw new AwsFault('RequestInProgressException', 'The certificate is not yet issued');
      if (!text)
        throw new AwsFault(
          'InvalidParameterException',
          'The text of an issued certificate is not yet in the local world',
        );
      return { Certificate: text.certificate, ...(text.chain && { CertificateChain: text.chain }) };
    },
    ResendValidationEmail: (held, { Domain }) => {
      const found = held.validations.find(({ domain, method }) => domain === Domain && method === 'EMAIL');
      if (!found)
        throw new AwsFault('InvalidDomainValidationOptionsException', `${String(Domain)} is not validated by email`);
      if (isValidated(found, cname) || !(held.isRequested || daysLeft(held) <= RENEWAL_BEGINS_DAYS))
        throw new AwsFault('InvalidStateException', 'The certificate is not in the pending validation state');
      held.mails.push(found.domain);
      return undefined;
    },
    ImportCertificate: (held, params) => {
      if (held.type !== 'IMPORTED')
        throw new AwsFault('ValidationException', 'Only an imported certificate can be imported again');
      Object.assign(held, readImport(params));
      return { CertificateArn: held.arn };
    },
  };
  return {
    services: ['acm'],
    issue: ({ id, domains, daysLeft: days, method, isRequested = false, inUse = !isRequested }) =>
      add(
        {
          ...{ type: 'AMAZON_ISSUED', domains, inUse, isRequested, ...freshDates(days) },
          validations: domains.map((domain) => validationOf(domain, method)),
        },
        id,
      ),
    import: (certificate, privateKey, chain, id) =>
      add(
        {
          ...{ type: 'IMPORTED', inUse: true, isRequested: false, validations: [] },
          ...readImport({
            Certificate: encoded(certificate),
            PrivateKey: encoded(privateKey),
            ...(chain && { CertificateChain: encoded(chain) }),
          }),
        },
        id,
      ),
    recordsOf: (arn) => find(arn).validations.flatMap(({ record }) => record ?? []),
    expiresIn: (arn, days) => {
      find(arn).notAfter = endAfter(days);
    },
    async tell(arn) {
      const held = find(arn);
      const days = daysLeft(held);
      const at = new Date();
      metrics.put({
        ...{ region: world.region, namespace: 'AWS/CertificateManager', name: 'DaysToExpiry', value: days, at },
        dimensions: { CertificateArn: arn },
      });
      await events.publish({
        ...{ source: 'aws.acm', resources: [arn], region: world.region, time: at },
        detailType: days < 0 ? 'ACM Certificate Expired' : 'ACM Certificate Approaching Expiration',
        detail: days < 0 ? { CommonName: held.domains[0] } : { DaysToExpiry: days, CommonName: held.domains[0] },
      });
    },
    mailsOf: (arn) => find(arn).mails,
    follow: (arn, domain) => {
      for (const validation of find(arn).validations) if (validation.domain === domain) validation.isFollowed = true;
    },
    serialOf: (arn) => find(arn).serial,
    remove: (arn) => void certificates.delete(arn),
    async handle(call: AwsCall): Promise<AwsReply> {
      try {
        if (call.operation === 'ListCertificates') {
          const CertificateSummaryList = [...certificates.values()].map(({ arn, domains: [DomainName] }) => ({
            ...{ CertificateArn: arn, DomainName },
          }));
          return jsonReply(call, { CertificateSummaryList });
        }
        const operation = Object.hasOwn(operations, call.operation) ? operations[call.operation] : undefined;
        if (!operation)
          throw new AwsFault(
            'InvalidParameterException',
            `${call.operation} is not yet in the local world (ACM stand-in)`,
          );
        if (typeof call.params.CertificateArn !== 'string')
          throw new AwsFault(
            'InvalidParameterException',
            'A first import is not yet in the local world (ACM stand-in)',
          );
        const held = find(call.params.CertificateArn);
        settle(held);
        return jsonReply(call, operation(held, call.params));
      } catch (error) {
        if (error instanceof AwsFault) return faultReply(call, error);
        throw error;
      }
    },
  };
}

const encoded = (text: string): string => Buffer.from(text).toString('base64');
const daysLeft = ({ notAfter }: Pick<Held, 'notAfter'>): number => Math.floor((notAfter - Date.now()) / DAY_MS);
/** Half a day beyond, so that the days left are the same for the whole of a test. */
const endAfter = (days: number): number => Date.now() + (days + 0.5) * DAY_MS;
const freshDates = (days: number): Pick<Held, 'serial' | 'notBefore' | 'notAfter'> => ({
  serial: randomBytes(16).toString('hex'),
  notBefore: Date.now() - DAY_MS,
  notAfter: endAfter(days),
});

/** "DNS validation": a name and its wildcard share one record. */
function validationOf(domain: string, method: Validation['method']): Validation {
  const name = domain.replace(/^\*\./, '');
  const token = Buffer.from(name).toString('hex').slice(0, 32).padEnd(32, '0');
  const record = { name: `_${token}.${name}.`, value: `_${[...token].reverse().join('')}.acm-validations.aws.` };
  return { domain, method, isFollowed: false, ...(method === 'DNS' && { record }) };
}

const isValidated = ({ record, isFollowed }: Validation, cname: AcmOptions['cname']): boolean =>
  record ? cname(record.name)?.replace(/\.$/, '') === record.value.replace(/\.$/, '') : isFollowed;

/** "ImportCertificate": what can't be read or doesn't fit together is refused. */
function readImport(
  params: Readonly<Record<string, unknown>>,
): Pick<Held, 'domains' | 'serial' | 'notBefore' | 'notAfter' | 'text'> {
  const text = (name: string) => Buffer.from(String(params[name] ?? ''), 'base64').toString('utf8');
  try {
    const certificate = new X509Certificate(text('Certificate'));
    if (!certificate.checkPrivateKey(createPrivateKey(text('PrivateKey')))) throw new Error('the key does not fit');
    return {
      domains: (certificate.subjectAltName ?? '').split(', ').map((name) => name.replace(/^DNS:/, '')),
      serial: certificate.serialNumber.toLowerCase(),
      notBefore: Date.parse(certificate.validFrom),
      notAfter: Date.parse(certificate.validTo),
      text: { certificate: text('Certificate'), chain: text('CertificateChain') },
    };
  } catch {
    throw new AwsFault('ValidationException', 'The certificate or its private key is not valid.');
  }
}

/** CertificateDetail. */
function detailOf(held: Held, cname: AcmOptions['cname']): Record<string, unknown> {
  const { arn, type, domains, serial, notBefore, notAfter, inUse, isRequested, validations } = held;
  const days = daysLeft(held);
  const renewing = type === 'AMAZON_ISSUED' && inUse && !isRequested && days <= RENEWAL_BEGINS_DAYS;
  const options = validations.map((each) => ({
    ...{ DomainName: each.domain, ValidationDomain: each.domain.replace(/^\*\./, ''), ValidationMethod: each.method },
    ValidationStatus: !(renewing || isRequested) || isValidated(each, cname) ? 'SUCCESS' : 'PENDING_VALIDATION',
    ...(each.record && { ResourceRecord: { Name: each.record.name, Type: 'CNAME', Value: each.record.value } }),
  }));
  const seconds = (time: number) => Math.floor(time / 1000);
  return {
    ...{ CertificateArn: arn, Type: type, DomainName: domains[0], SubjectAlternativeNames: domains },
    ...{
      Status: isRequested ? 'PENDING_VALIDATION' : days < 0 ? 'EXPIRED' : 'ISSUED',
      DomainValidationOptions: options,
    },
    // "CertificateDetail": these are there only once it is issued.
    ...(!isRequested && {
      ...{ Serial: serial.match(/../g)?.join(':') ?? serial, NotBefore: seconds(notBefore) },
      NotAfter: seconds(notAfter),
    }),
    InUseBy: inUse
      ? [`arn:aws:elasticloadbalancing:${arn.split(':')[3]}:${arn.split(':')[4]}:loadbalancer/app/local/1`]
      : [],
    RenewalEligibility: type === 'AMAZON_ISSUED' && inUse ? 'ELIGIBLE' : 'INELIGIBLE',
    ...(renewing && {
      RenewalSummary: {
        RenewalStatus: 'PENDING_VALIDATION',
        DomainValidationOptions: options,
        UpdatedAt: seconds(Date.now()),
      },
    }),
  };
}
