/** Where RDS writes exports of backups: a bucket that outlives the stack, whose lifecycle deletes each database's exports by their age. */
import { BlockPublicAccess, Bucket, BucketEncryption, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import { Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import type { DeploymentConfig } from '../config/schema.ts';

export class ExportBucket extends Construct {
  constructor(scope: Construct, id: string, { config }: { readonly config: DeploymentConfig }) {
    super(scope, id);
    const exports = Object.entries(config.databases).flatMap(([key, { backup }]) =>
      backup?.export ? [{ key, keepDays: backup.export.keepDays }] : [],
    );
    const bucket = new Bucket(this, 'Bucket', {
      bucketName: exportBucketName(this, config.name),
      // RDS encrypts what it writes with the key that it is given.
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      lifecycleRules: [
        { id: 'unfinished-uploads', abortIncompleteMultipartUploadAfter: Duration.days(1) },
        ...exports.map(({ key, keepDays }) => ({
          ...{ id: `exports-of-${key}`, prefix: `${key}/`, expiration: Duration.days(keepDays) },
        })),
      ],
      removalPolicy: RemovalPolicy.RETAIN,
    });
    Validations.of(bucket).acknowledge({
      id: 'AwsSolutions-S1',
      reason:
        'Access logs would need a second bucket that itself has none. Who reads or deletes is in CloudTrail data events, where an account wants them.',
    });
  }
}

/** Known before the bucket is made. Of at most 63 characters ("Bucket naming rules"), for the longest deployment and region. */
export function exportBucketName(scope: Construct, deployment: string): string {
  const { account, region } = Stack.of(scope);
  return `nightshift-${deployment}-db-${account}-${region}`;
}
