/** `Backup Job State Change` (AWS Backup Developer Guide, "Monitoring AWS Backup events using Amazon EventBridge"). */
import * as z from 'zod/mini';
import { eventOf } from '../eventbridge.ts';

export const backup = eventOf(
  'aws.backup',
  ['Backup Job State Change'],
  z.looseObject({
    /** `FAILED`, `ABORTED`, `EXPIRED`, `COMPLETED` ... */
    state: z.string().check(z.minLength(1)),
    backupJobId: z.string(),
    resourceArn: z.optional(z.string()),
    resourceType: z.optional(z.string()),
    backupVaultName: z.optional(z.string()),
    statusMessage: z.optional(z.string()),
  }),
);
