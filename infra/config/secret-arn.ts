/** How secrets are named in the configuration: by ARN, never written down. */
import { z } from 'zod';

/** A Secrets Manager secret or an SSM SecureString parameter; its whole value is the secret. */
export const secretArn = z
  .string()
  .regex(
    /^arn:[a-z-]+:(secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@-]+|ssm:[a-z0-9-]+:\d{12}:parameter\/[\w/.-]+)$/,
    'the ARN of a Secrets Manager secret or of an SSM SecureString parameter',
  );
export const keyArn = z
  .string()
  .regex(/^arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key\/[A-Za-z0-9-]+$/, 'the ARN of a KMS key');
/** One whose versions carry labels: a parameter has none. */
export const secretsManagerArn = z
  .string()
  .regex(/^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@-]+$/, 'the ARN of a Secrets Manager secret');
