/** Reading a certificate of AWS Certificate Manager. */
import {
  ACMClient,
  type CertificateDetail,
  DescribeCertificateCommand,
  type DomainValidation,
  ResourceNotFoundException,
} from '@aws-sdk/client-acm';
import { clientDefaults } from '../engine/clients.ts';
import { classifyAwsError } from '../engine/errors.ts';
import { canonicalSerial } from './bundle.ts';
import { type Certificate, daysUntil, type Validation } from './certificate.ts';

const reading = new ACMClient(clientDefaults());

/** Undefined when there is none. @param now epoch milliseconds. @throws EngineError */
export async function readCertificate(arn: string, now: number): Promise<Certificate | undefined> {
  try {
    const { Certificate: found } = await reading.send(new DescribeCertificateCommand({ CertificateArn: arn }));
    return found && certificateOf(found, now);
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return undefined;
    throw classifyAwsError('acm:DescribeCertificate', error);
  }
}

function certificateOf(found: CertificateDetail, now: number): Certificate {
  const {
    Type = '',
    Status = '',
    Serial = '',
    DomainName = '',
    SubjectAlternativeNames = [],
    NotBefore,
    NotAfter,
  } = found;
  const { RenewalSummary: renewal, DomainValidationOptions = [], RenewalEligibility } = found;
  return {
    ...{ type: Type, status: Status, serial: canonicalSerial(Serial) },
    domains: [...new Set([DomainName, ...SubjectAlternativeNames].filter((name) => name !== ''))],
    ...(NotBefore && { notBefore: NotBefore.toISOString() }),
    ...(NotAfter && { notAfter: NotAfter.toISOString(), daysLeft: daysUntil(NotAfter.getTime(), now) }),
    ...(renewal?.RenewalStatus && {
      renewal: {
        status: renewal.RenewalStatus,
        ...(renewal.RenewalStatusReason && { reason: renewal.RenewalStatusReason }),
      },
    }),
    isEligible: RenewalEligibility !== 'INELIGIBLE',
    // "RenewalSummary": the validations of the renewal, which differ from those of the first issue.
    validations: (renewal?.DomainValidationOptions ?? DomainValidationOptions).map(validationOf),
  };
}

function validationOf({
  DomainName: domain = '',
  ValidationMethod = 'EMAIL',
  ValidationStatus,
  ValidationDomain,
  ResourceRecord,
}: DomainValidation): Validation {
  const { Name: name, Value: value } = ResourceRecord ?? {};
  return {
    domain,
    // "DomainValidation": without a method it is e-mail's, the only one once.
    method: ValidationMethod,
    isPending: ValidationStatus !== 'SUCCESS',
    ...(name && value && { record: { name, value } }),
    ...(ValidationDomain && { mailDomain: ValidationDomain }),
  };
}
