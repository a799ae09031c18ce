/** Incidents that are over, kept in S3: a bucket that outlives the stack, and the function that writes there and may do nothing else with it. */
import { type EventBus, Rule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction as LambdaTarget } from 'aws-cdk-lib/aws-events-targets';
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  type LifecycleRule,
  ObjectLockRetention,
  ObjectOwnership,
} from 'aws-cdk-lib/aws-s3';
import { Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { NOTIFICATION_SOURCE } from '../../events/published/notification.ts';
import type { IncidentFunctionManifest } from '../../functions/incidents/manifest.ts';
import type { DeploymentConfig } from '../config/schema.ts';
import { type Deployment, functionNameOf, NightshiftFunction } from './nightshift-function.ts';
import { secretStatements } from './secret-statements.ts';

export interface ArchiveProps {
  readonly deployment: Deployment;
  readonly manifest: IncidentFunctionManifest;
  readonly bus: EventBus;
}

export class Archive extends Construct {
  readonly bucket: Bucket;

  constructor(scope: Construct, { deployment, manifest, bus }: ArchiveProps) {
    super(scope, 'Archive');
    const { config } = deployment;
    this.bucket = this.#bucket(config);
    const archiver = new NightshiftFunction(this, 'Archiver', {
      deployment,
      manifest,
      environment: { NIGHTSHIFT_ARCHIVE_BUCKET: this.bucket.bucketName },
      journal: { actions: ['Query'] },
    });
    this.#allow(archiver, config);
    new Rule(this, 'Rule', {
      ruleName: functionNameOf(config.name, manifest.name),
      description: 'Whatever is told of an incident once it is over: its end, a hand-back, a hand-back that failed.',
      eventBus: bus,
      eventPattern: {
        source: [NOTIFICATION_SOURCE],
        detail: { incident: { resolvedAt: [{ exists: true }] } },
      },
      targets: [
        new LambdaTarget(archiver.function, {
          deadLetterQueue: archiver.failures,
          retryAttempts: 185,
          maxEventAge: Duration.hours(24),
        }),
      ],
    });
  }

  /**
   * Object Lock is on from the beginning, because it costs nothing and a later `archive.lock` must not replace the bucket; without that setting no
   * object is locked.
   */
  #bucket({ name, archive }: DeploymentConfig): Bucket {
    const bucket = new Bucket(this, 'Bucket', {
      bucketName: archiveBucketName(this, name),
      versioned: true,
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      objectLockEnabled: true,
      ...(archive.lock && { objectLockDefaultRetention: retentionOf(archive.lock) }),
      lifecycleRules: rulesOf(archive),
      removalPolicy: RemovalPolicy.RETAIN,
    });
    Validations.of(bucket).acknowledge({
      id: 'AwsSolutions-S1',
      reason:
        'Access logs would need a second bucket that itself has none. Who reads or deletes is in CloudTrail data events, where an account wants them.',
    });
    return bucket;
  }

  /** It may add, never read, replace or delete: its writes are refused when the key is there. */
  #allow(archiver: NightshiftFunction, { archive: { signingSecretArn, secretKeyArn } }: DeploymentConfig): void {
    archiver.allow(['s3:PutObject'], [this.bucket.arnForObjects('incidents/*')]);
    const bucketId = Stack.of(this).getLogicalId(this.bucket.node.defaultChild as never);
    Validations.of(archiver.role).acknowledge({
      id: `AwsSolutions-IAM5[Resource::<${bucketId}.Arn>/incidents/*]`,
      reason: "An archived incident's key holds its id, which isn't known before.",
    });
    if (!signingSecretArn) return;
    for (const statement of secretStatements([signingSecretArn], secretKeyArn)) archiver.role.addToPolicy(statement);
  }
}

/** Known before the bucket is made, so that whoever adds to it can be told. */
export function archiveBucketName(scope: Construct, deployment: string): string {
  const { account, region } = Stack.of(scope);
  return `nightshift-${deployment}-${account}-${region}`;
}

const retentionOf = ({ mode, days }: NonNullable<DeploymentConfig['archive']['lock']>): ObjectLockRetention =>
  mode === 'compliance'
    ? ObjectLockRetention.compliance(Duration.days(days))
    : ObjectLockRetention.governance(Duration.days(days));

/** "Lifecycle configuration elements": an expired object becomes an old version, which is deleted a day later. */
const rulesOf = ({ keepDays }: DeploymentConfig['archive']): LifecycleRule[] => [
  { id: 'unfinished-uploads', abortIncompleteMultipartUploadAfter: Duration.days(1) },
  ...(keepDays === undefined
    ? []
    : [{ id: 'keep', expiration: Duration.days(keepDays), noncurrentVersionExpiration: Duration.days(1) }]),
];
