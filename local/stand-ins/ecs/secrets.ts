/**
 * What a container's `secrets` become when its task starts ("Pass Secrets Manager secrets through Amazon ECS environment variables", "Pass Systems Manager parameters
 * through Amazon ECS environment variables", Amazon ECS Developer Guide): read once, then an environment variable that a later version of the secret doesn't change.
 */
import type { TaskDefinition } from '@aws-sdk/client-ecs';
import type { Gateway } from '../../gateway/index.ts';

/** Reads what one `valueFrom` names. @throws Error saying why it can't. */
export type SecretSource = (region: string, valueFrom: string) => Promise<string>;

interface SecretRef {
  readonly secretId: string;
  /** A field of the secret's JSON; all of its text when left out. */
  readonly jsonKey?: string;
  readonly versionStage?: string;
  readonly versionId?: string;
}

/** `arn:aws:secretsmanager:region:account:secret:name[:json-key:version-stage:version-id]`, each of the last three empty when it isn't wanted. */
export function parseSecretRef(valueFrom: string): SecretRef {
  const parts = valueFrom.split(':');
  const [jsonKey, versionStage, versionId] = parts.slice(7);
  return {
    secretId: parts.slice(0, 7).join(':'),
    ...(jsonKey && { jsonKey }),
    ...(versionStage && { versionStage }),
    ...(versionId && { versionId }),
  };
}

const isSecret = (valueFrom: string): boolean => valueFrom.split(':')[2] === 'secretsmanager';

/** A parameter by its name, or by its ARN when it is in another region. */
const parameterName = (valueFrom: string): string =>
  valueFrom.startsWith('arn:')
    ? valueFrom
        .split(':')
        .slice(5)
        .join(':')
        .replace(/^parameter/, '')
    : valueFrom;

/** From the world's Secrets Manager and Parameter Store. */
export const secretSource =
  (gateway: Pick<Gateway, 'ask'>): SecretSource =>
  async (region, valueFrom) => {
    const json = { 'content-type': 'application/x-amz-json-1.1' };
    if (!isSecret(valueFrom)) {
      const reply = (await gateway.ask({
        ...{ service: 'ssm', region, target: 'AmazonSSM.GetParameter', headers: json },
        body: { Name: parameterName(valueFrom), WithDecryption: true },
      })) as { Parameter: { Value: string } };
      return reply.Parameter.Value;
    }
    const { secretId, jsonKey, versionStage, versionId } = parseSecretRef(valueFrom);
    const { SecretString = '' } = (await gateway.ask({
      ...{ service: 'secretsmanager', region, target: 'secretsmanager.GetSecretValue', headers: json },
      body: { SecretId: secretId, VersionStage: versionStage, VersionId: versionId },
    })) as { SecretString?: string };
    return jsonKey === undefined ? SecretString : fieldOf(SecretString, jsonKey);
  };

function fieldOf(text: string, key: string): string {
  const found = (JSON.parse(text) as Record<string, unknown>)[key];
  if (found === undefined) throw new Error(`retrieved secret from Secrets Manager did not contain json key ${key}`);
  return typeof found === 'string' ? found : JSON.stringify(found);
}

/** The variables of a task's containers. @throws Error as ECS gives a task that can't get its secrets for its stop ("Stopped tasks error codes"). */
export async function secretsOf(
  { containerDefinitions = [] }: Pick<TaskDefinition, 'containerDefinitions'>,
  region: string,
  source: SecretSource | undefined,
): Promise<Record<string, string>> {
  const wanted = containerDefinitions.flatMap(({ secrets = [] }) => secrets);
  try {
    return Object.fromEntries(
      await Promise.all(
        wanted.map(async ({ name = '', valueFrom = '' }): Promise<[string, string]> => {
          if (!source) throw new Error('this world has no secrets');
          return [name, await source(region, valueFrom)];
        }),
      ),
    );
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`ResourceInitializationError: unable to pull secrets or registry auth: ${why}`, { cause: error });
  }
}
