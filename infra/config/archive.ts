/** The part of the configuration that says how incidents that are over are kept. */
import { z } from 'zod';
import type { ArchiveConfig } from '../../functions/incidents/archiver/manifest.ts';
import type { Fault } from './faults.ts';
import { keyArn, secretArn } from './secret-arn.ts';

const days = z.int().min(1).max(36_500);

export const archiveSchema = z
  .strictObject({
    /** Archived incidents are deleted after this; kept for ever when left out. */
    keepDays: days.optional(),
    /**
     * S3 Object Lock: for so many days nobody deletes an archived incident. `governance` can be lifted by who has `s3:BypassGovernanceRetention`,
     * `compliance` by nobody, not even the account's root user; what was locked stays locked when this is changed.
     */
    lock: z.strictObject({ mode: z.enum(['governance', 'compliance']), days }).optional(),
    /**
     * Secrets Manager secret or SSM SecureString parameter that archives are signed with (openssl rand -base64 32). Without it they hold the hash
     * chain, but whoever may write bucket and journal could make both anew.
     */
    signingSecretArn: secretArn.optional(),
    /** Key of your own that this secret is encrypted with; none when it is AWS's own. */
    secretKeyArn: keyArn.optional(),
  })
  .prefault({});

/** The function that is given `archive.json`. */
export const ARCHIVER = 'archiver';

interface Deployed {
  readonly name: string;
  readonly archive: z.output<typeof archiveSchema>;
}

export const archiveConfigOf = ({ name, archive: { signingSecretArn } }: Deployed): ArchiveConfig => ({
  version: 1,
  deployment: name,
  ...(signingSecretArn && { signingSecretArn }),
});

/** Faults between its fields, and with the region. */
export function archiveFaults({
  region,
  archive,
}: {
  readonly region?: string | undefined;
  readonly archive?: z.output<typeof archiveSchema> | undefined;
}): Fault[] {
  const { keepDays, lock, signingSecretArn } = archive ?? {};
  const faults: Fault[] = [];
  if (keepDays !== undefined && lock && keepDays < lock.days)
    faults.push({
      path: 'archive.keepDays',
      given: String(keepDays),
      expected: `at least archive.lock.days (${lock.days}): what is locked can't be deleted`,
    });
  if (signingSecretArn && region && signingSecretArn.split(':')[3] !== region)
    faults.push({
      path: 'archive.signingSecretArn',
      given: signingSecretArn,
      expected: `a secret in ${region}, where the function runs`,
    });
  return faults;
}
