import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { App } from 'aws-cdk-lib/core';
import { AwsSolutionsChecks } from 'cdk-nag';
import { manifest as announcer } from '../../../functions/incidents/announcer/manifest.ts';
import { manifest as archiver } from '../../../functions/incidents/archiver/manifest.ts';
import { archiveConfigOf } from '../../../infra/config/archive.ts';
import { ConfigurationError } from '../../../infra/config/faults.ts';
import { parseConfig } from '../../../infra/config/parse.ts';
import type { ConfigInput } from '../../../infra/config/schema.ts';
import { ResponseStack } from '../../../infra/stacks/response-stack.ts';
import { compilePattern } from '../../../local/stand-ins/eventbridge/pattern.ts';
import example from '../../../nightshift.config.ts';
import { incidentEvent } from '../../support/notify/fixtures.ts';
import { type BuiltStack, grantsOf, resourcesOf } from '../infra/stack-fixture.ts';

const folder = mkdtempSync(join(tmpdir(), 'nightshift-archive-stack-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const SECRET = 'arn:aws:secretsmanager:us-east-1:111122223333:secret:archive-AbCdEf';

const parse = (archive: ConfigInput['archive']) => parseConfig({ ...example, archive, runbooks: {} }, []);

function build(archive: ConfigInput['archive'] = {}): BuiltStack {
  const code = join(folder, 'code');
  mkdirSync(code, { recursive: true });
  writeFileSync(join(code, 'index.cjs'), 'exports.handler = async () => {};');
  const app = new App({
    analyticsReporting: false,
    builtinCloudFormationValidation: false,
    outdir: join(folder, 'cdk.out'),
    context: { '@aws-cdk/core:enablePartitionLiterals': true, '@aws-cdk/aws-iam:minimizePolicies': true },
  });
  const unit = <M>(manifest: M) => ({ manifest, folder: '', handler: '' });
  const stack = new ResponseStack(app, 'nightshift-main', {
    ...parse(archive),
    units: {
      remediations: [],
      jobs: [],
      plans: [],
      heartbeats: [],
      authority: [],
      incidentFunctions: [unit(announcer), unit(archiver)],
    },
    folderOf: () => code,
    env: { region: 'us-east-1', account: '111122223333' },
  });
  return { app, template: Template.fromStack(stack) };
}

function faultsOf(archive: ConfigInput['archive']): string[] {
  try {
    parse(archive);
    return [];
  } catch (error) {
    if (error instanceof ConfigurationError) return error.faults.map(({ path }) => path);
    throw error;
  }
}

describe('the archive', () => {
  const built = build({ signingSecretArn: SECRET });

  it('is a bucket that outlives the stack: versioned, encrypted, private, by TLS only', () => {
    built.template.hasResource('AWS::S3::Bucket', {
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
      Properties: {
        BucketName: 'nightshift-main-111122223333-us-east-1',
        VersioningConfiguration: { Status: 'Enabled' },
        ObjectLockEnabled: true,
        ObjectLockConfiguration: Match.absent(),
        BucketEncryption: {
          ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
        },
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: true,
          BlockPublicPolicy: true,
          IgnorePublicAcls: true,
          RestrictPublicBuckets: true,
        },
        OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] },
      },
    });
    const [policy] = resourcesOf(built, 'AWS::S3::BucketPolicy');
    expect(JSON.stringify(policy?.properties)).toContain(
      '"Condition":{"Bool":{"aws:SecureTransport":"false"}},"Effect":"Deny"',
    );
  });

  it('lets its function add incidents and read its secret and the journal, and nothing else', () => {
    const grants = grantsOf(built, 'ArchiveArchiverRole').filter((grant) => !/logs:|sqs:/.test(grant));
    expect(grants).toEqual([
      'Allow dynamodb:Query on Journal.Arn',
      'Allow s3:PutObject on ArchiveBucket.Arn/incidents/*',
      `Allow secretsmanager:GetSecretValue on ${SECRET}`,
    ]);
    expect(grantsOf(build(), 'ArchiveArchiverRole').some((grant) => grant.includes('secret'))).toBe(false);
  });

  it('keeps and locks for as long as is configured', () => {
    const kept = build({ keepDays: 400, lock: { mode: 'compliance', days: 365 } });
    kept.template.hasResourceProperties('AWS::S3::Bucket', {
      ObjectLockConfiguration: { Rule: { DefaultRetention: { Mode: 'COMPLIANCE', Days: 365 } } },
      LifecycleConfiguration: { Rules: Match.arrayWith([Match.objectLike({ Id: 'keep', ExpirationInDays: 400 })]) },
    });
    const governed = build({ lock: { mode: 'governance', days: 30 } });
    governed.template.hasResourceProperties('AWS::S3::Bucket', {
      ObjectLockConfiguration: { Rule: { DefaultRetention: { Mode: 'GOVERNANCE', Days: 30 } } },
    });
  });

  it('takes whatever is told of an incident that is over, and nothing before', () => {
    const [rule] = resourcesOf(built, 'AWS::Events::Rule');
    const matches = compilePattern(rule?.properties.EventPattern);
    const event = (happening: 'opened' | 'resolved') => ({
      source: 'nightshift',
      'detail-type': happening,
      detail: JSON.parse(JSON.stringify(incidentEvent(happening))),
    });
    expect(matches(event('resolved'))).toBe(true);
    expect(matches(event('opened'))).toBe(false);
    expect(matches({ ...event('resolved'), source: 'somebody' })).toBe(false);
  });

  it('passes AWS Solutions checks of cdk-nag', () => {
    const report = new AwsSolutionsChecks(built.app).validateScope(built.app);
    expect(report.violations).toEqual([]);
  });
});

describe('the configuration of the archive', () => {
  it('may be left out', () => {
    const { config } = parseConfig({ ...example, runbooks: {} }, []);
    expect(config.archive).toEqual({});
    expect(archiveConfigOf(config)).toEqual({ version: 1, deployment: 'main' });
  });

  it.each<[string, ConfigInput['archive'], string]>([
    [
      'kept for less time than it is locked',
      { keepDays: 10, lock: { mode: 'governance', days: 11 } },
      'archive.keepDays',
    ],
    [
      'signed with a secret elsewhere',
      { signingSecretArn: SECRET.replace('us-east-1', 'eu-west-1') },
      'archive.signingSecretArn',
    ],
    ['signed with a secret written down', { signingSecretArn: 'c2VjcmV0' }, 'archive.signingSecretArn'],
    ['kept for no time', { keepDays: 0 }, 'archive.keepDays'],
  ])('is refused when it is %s', (_what, archive, path) => {
    expect(faultsOf(archive)).toEqual([path]);
  });

  it('may keep as long as it locks', () => {
    expect(faultsOf({ keepDays: 11, lock: { mode: 'governance', days: 11 } })).toEqual([]);
  });
});
