/** Events of AWS Certificate Manager (ACM User Guide, "Amazon EventBridge support for ACM"). */
import * as z from 'zod/mini';
import { eventOf } from '../eventbridge.ts';

export const ACM_EVENTS = [
  'ACM Certificate Approaching Expiration',
  'ACM Certificate Expired',
  'ACM Certificate Renewal Action Required',
] as const;

export const acm = eventOf(
  'aws.acm',
  ACM_EVENTS,
  z.looseObject({
    DaysToExpiry: z.optional(z.number()),
    CommonName: z.optional(z.string()),
    /** Why ACM couldn't renew it by itself: `CAA_ERROR`, `PENDING_DOMAIN_VALIDATION` ... */
    RenewalStatusReason: z.optional(z.string()),
  }),
);
