/** What reading secrets takes. */
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';

const allow = (actions: string[], resource: string) => new PolicyStatement({ actions, resources: [resource] });

/**
 * Exactly these secrets or SecureString parameters. AWS's own keys for them let the account's roles decrypt through those services ("AWS managed
 * keys"); a key of one's own asks for `kms:Decrypt`.
 */
export function secretStatements(arns: readonly string[], key: string | undefined): PolicyStatement[] {
  const read = arns.map((arn) =>
    allow([arn.split(':')[2] === 'ssm' ? 'ssm:GetParameter' : 'secretsmanager:GetSecretValue'], arn),
  );
  return key ? [...read, allow(['kms:Decrypt'], key)] : read;
}
