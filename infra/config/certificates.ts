/** Certificates of AWS Certificate Manager in the configuration. */
import { z } from 'zod';
import { asGiven, type Fault } from './faults.ts';
import { keyArn } from './secret-arn.ts';

/** Written into IAM resources and conditions as they are: no wildcard. */
const certificateArn = z
  .string()
  .regex(
    /^arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate\/[A-Za-z0-9-]+$/,
    'the ARN of a certificate, such as arn:aws:acm:eu-west-1:111122223333:certificate/12345678-...',
  );
const zoneName = z
  .string()
  .max(253)
  .regex(/^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9-]+$/, 'the name of a hosted zone, such as example.com');
const zoneId = z.string().regex(/^Z[A-Z0-9]{1,31}$/, 'the id of a hosted zone such as Z0123456789ABCDEFGHIJ');
const secret = z
  .string()
  .regex(
    /^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@-]+$/,
    'the ARN of a Secrets Manager secret (a chain is too long for a parameter)',
  );

export const certificateSchema = z.strictObject({
  arn: certificateArn,
  /**
   * Public hosted zones in which its validation records are, by name: there a record that ACM doesn't find is created again. Left out: a person is
   * told what to create.
   */
  zones: z.record(zoneName, zoneId).default({}),
  /** For one that was imported: where its successor is put, as JSON with `certificate`, `privateKey` and `chain` (PEM). */
  importFrom: z
    .strictObject({
      secretArn: secret,
      /** Key of your own that encrypts the secret. */
      keyArn: keyArn.optional(),
    })
    .optional(),
  /** How long ACM, or whoever gets its mail, may take once the renewal lacks nothing; then a person is called. */
  renewsWithinSeconds: z.int().min(1).max(604_800).default(21_600),
  /** Runbooks 000, line 213, and 002, line 133. */
  severity: z.enum(['P1', 'P2', 'P3', 'P4']).default('P3'),
  /** Whether Nightshift makes the alarms on its days left. */
  createAlarms: z.boolean().default(true),
});

export type CertificateInput = z.input<typeof certificateSchema>;
type Certificate = z.output<typeof certificateSchema>;
type Loose = { readonly [K in keyof Certificate]?: Certificate[K] | undefined };

/** Cross-field faults. ACM's events and metrics, and so all that Nightshift hears of a certificate, are in its own region. */
export function certificateFaults(certificates: Readonly<Record<string, Loose>>, region: string | undefined): Fault[] {
  const entries = Object.entries(certificates);
  return entries.flatMap(([key, { arn }], index) => {
    const fault = (expected: string): Fault => ({ path: `certificates.${key}.arn`, given: asGiven(arn), expected });
    const twice = arn !== undefined && entries.findIndex(([, other]) => other.arn === arn) < index;
    const elsewhere = arn !== undefined && region !== undefined && arn.split(':')[3] !== region;
    return [
      ...(twice ? [fault('another than that of an earlier certificate')] : []),
      ...(elsewhere
        ? [fault(`a certificate of region '${region}': what ACM tells of it is heard in its own region only`)]
        : []),
    ];
  });
}
