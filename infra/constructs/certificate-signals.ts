/** What is watched of a certificate: its days left, and when a person is told whatever Nightshift does. Pure. */
import type { z } from 'zod';
import { WARN_AT_DAYS } from '../../functions/certificates/certificate.ts';
import type { certificateSchema } from '../config/certificates.ts';
import type { Metric } from './protected-alarm.ts';
import type { NamedSignal } from './protection.ts';
import type { PagingSignal } from './service-signals.ts';

type Certificate = z.output<typeof certificateSchema>;

/** "Supported CloudWatch metrics", AWS Certificate Manager User Guide: told twice a day until it expires, and no more afterwards. */
const DAY = 86_400;
const daysLeft = ({ arn }: Certificate): Metric => ({
  ...{ namespace: 'AWS/CertificateManager', metricName: 'DaysToExpiry', statistic: 'Minimum' },
  dimensions: { CertificateArn: arn },
});
const [FIRST, ...LATER] = WARN_AT_DAYS;
const URGENCY: Readonly<Record<number, PagingSignal['severity']>> = { 14: 'P3', 7: 'P2', 1: 'P1' };

/** @param name the certificate's key in the configuration. */
export const certificateSignal = (name: string, certificate: Certificate): NamedSignal => ({
  ...{ name: `${name}-certificate`, runbook: 'renew-certificate', severity: certificate.severity },
  ...{ metric: daysLeft(certificate), threshold: FIRST + 1, trouble: 'below', periodSeconds: DAY, forSeconds: DAY },
  // Nothing is told of one that has expired, or was deleted.
  silencePages: true,
  description: `The certificate ${name} has ${FIRST} days left or fewer.`,
});

/** @param name the certificate's key in the configuration. */
export const certificatePages = (name: string, certificate: Certificate): readonly PagingSignal[] =>
  LATER.map((days) => ({
    ...{ name: `${name}-certificate-${days}`, severity: URGENCY[days] ?? certificate.severity },
    ...{ metric: daysLeft(certificate), threshold: days + 1, trouble: 'below', windowSeconds: DAY },
    description: `The certificate ${name} has ${days} ${days === 1 ? 'day' : 'days'} left or fewer.`,
  }));
