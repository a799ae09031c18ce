/** A certificate's secret. Kept nowhere: each use reads it anew, and nothing of it is logged. */
import {
  GetSecretValueCommand,
  ResourceNotFoundException,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { clientDefaults } from '../engine/clients.ts';
import { classifyAwsError } from '../engine/errors.ts';
import { type Bundle, readBundle } from './bundle.ts';

const reading = new SecretsManagerClient(clientDefaults());

/**
 * Undefined for an earlier version that isn't there, and for a text of another form.
 * @param stage "AWSCURRENT" and "AWSPREVIOUS": labels of versions, AWS Secrets Manager User Guide.
 * @throws EngineError
 */
export async function readCertificateSecret(
  arn: string,
  stage: 'AWSCURRENT' | 'AWSPREVIOUS',
): Promise<{ readonly bundle: Bundle; readonly versionId: string } | undefined> {
  try {
    const { SecretString = '', VersionId: versionId = '' } = await reading.send(
      new GetSecretValueCommand({ SecretId: arn, VersionStage: stage }),
    );
    const bundle = readBundle(SecretString);
    return bundle && { bundle, versionId };
  } catch (error) {
    if (error instanceof ResourceNotFoundException && stage === 'AWSPREVIOUS') return undefined;
    throw classifyAwsError(`secretsmanager:GetSecretValue ${stage}`, error);
  }
}
