/** What the `secrets` of a task definition become, as the ECS stand-in reads them. */
import { describe, expect, it } from '@jest/globals';
import { parseSecretRef, secretSource, secretsOf } from '../../../local/stand-ins/ecs/secrets.ts';

const ARN = 'arn:aws:secretsmanager:us-east-1:000000000000:secret:accounts/database-AbCdEf';
const text = JSON.stringify({ host: 'db', port: 5432 });

/** Answers what is asked for, and remembers it. */
function store() {
  const asked: unknown[] = [];
  const ask = async (request: { readonly target?: string; readonly body?: unknown }) => {
    asked.push([request.target, JSON.parse(JSON.stringify(request.body))]);
    return request.target === 'AmazonSSM.GetParameter' ? { Parameter: { Value: 'p' } } : { SecretString: text };
  };
  return { asked, source: secretSource({ ask }) };
}
const definition = (valueFrom: string) => ({ containerDefinitions: [{ secrets: [{ name: 'SECRET', valueFrom }] }] });

describe('a secret of a task', () => {
  it.each([
    [ARN, { secretId: ARN }],
    [`${ARN}:host::`, { secretId: ARN, jsonKey: 'host' }],
    [`${ARN}::AWSPREVIOUS:`, { secretId: ARN, versionStage: 'AWSPREVIOUS' }],
    [`${ARN}:host::v1`, { secretId: ARN, jsonKey: 'host', versionId: 'v1' }],
  ])('is named as AWS writes it: %s', (valueFrom, ref) => {
    expect(parseSecretRef(valueFrom)).toEqual(ref);
  });

  it('is all of its text, or one field of it', async () => {
    const { source, asked } = store();
    expect(await secretsOf(definition(ARN), 'us-east-1', source)).toEqual({ SECRET: text });
    expect(await secretsOf(definition(`${ARN}:port::`), 'us-east-1', source)).toEqual({ SECRET: '5432' });
    expect(asked).toEqual([
      ['secretsmanager.GetSecretValue', { SecretId: ARN }],
      ['secretsmanager.GetSecretValue', { SecretId: ARN }],
    ]);
  });

  it.each(['/accounts/url', 'arn:aws:ssm:us-east-1:000000000000:parameter/accounts/url'])(
    'may be a parameter: %s',
    async (valueFrom) => {
      const { source, asked } = store();
      expect(await secretsOf(definition(valueFrom), 'us-east-1', source)).toEqual({ SECRET: 'p' });
      expect(asked).toEqual([['AmazonSSM.GetParameter', { Name: '/accounts/url', WithDecryption: true }]]);
    },
  );

  it('that lacks the field, or is in no store, keeps the task from starting, with the reason that ECS gives', async () => {
    const { source } = store();
    await expect(secretsOf(definition(`${ARN}:user::`), 'us-east-1', source)).rejects.toThrow(
      /^ResourceInitializationError: unable to pull secrets.*did not contain json key user/,
    );
    await expect(secretsOf(definition(ARN), 'us-east-1', undefined)).rejects.toThrow(/this world has no secrets/);
  });
});
