import { describe, expect, it } from '@jest/globals';
import { App, Stack } from 'aws-cdk-lib/core';
import { readAlarmEvent } from '../../../functions/engine/sources/cloudwatch-alarm.ts';
import { manifest as job } from '../../../functions/jobs/check-certificates/manifest.ts';
import { manifest } from '../../../functions/remediations/renew-certificate/manifest.ts';
import type { CertificateInput } from '../../../infra/config/certificates.ts';
import { ConfigurationError } from '../../../infra/config/faults.ts';
import { jobSubjects } from '../../../infra/config/jobs.ts';
import { parseConfig } from '../../../infra/config/parse.ts';
import { statementsFor } from '../../../infra/constructs/permissions.ts';
import { alarmEvent } from '../../support/fixtures.ts';

const arn = (id: string, region = 'us-east-1') => `arn:aws:acm:${region}:111122223333:certificate/${id}`;
const secretArn = 'arn:aws:secretsmanager:us-east-1:111122223333:secret:partner-AbCdEf';
const keyArn = 'arn:aws:kms:us-east-1:111122223333:key/12345678';

const parse = (certificates: Record<string, unknown>, more: object = {}) =>
  parseConfig({ region: 'us-east-1', standbyRegion: 'us-west-2', certificates, ...more }, [manifest]);
function faults(certificates: Record<string, unknown>): string[] {
  try {
    parse(certificates);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.faults.map(({ path }) => path);
    throw error;
  }
  return [];
}
const shop: CertificateInput = { arn: arn('shop'), zones: { 'example.com': 'Z1' } };
const partner: CertificateInput = { arn: arn('partner'), importFrom: { secretArn, keyArn } };

describe('certificates in the configuration', () => {
  it('have their defaults filled in, and functions aren’t told of keys', () => {
    const { runtime, config } = parse({ shop, partner });
    expect(runtime.certificates).toEqual({
      partner: {
        ...{ name: 'partner', arn: arn('partner'), zones: {}, severity: 'P3', renewsWithinSeconds: 21_600 },
        importFrom: { secretArn },
      },
      shop: { name: 'shop', ...shop, severity: 'P3', renewsWithinSeconds: 21_600 },
    });
    expect(runtime.ladders['renew-certificate']?.rungs).toEqual(['renew-certificate']);
    expect(jobSubjects(job, config)).toEqual(['partner', 'shop']);
    expect(jobSubjects(job, parse({}).config)).toEqual([]);
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['another region’s', { shop: { arn: arn('shop', 'eu-west-1') } }, 'certificates.shop.arn'],
    ['the same twice', { one: shop, two: shop }, 'certificates.two.arn'],
    ['something else', { shop: { arn: 'arn:aws:acm:us-east-1:111122223333:certificate/*' } }, 'certificates.shop.arn'],
    [
      'a wildcard zone',
      { shop: { ...shop, zones: { '*.example.com': 'Z1' } } },
      'certificates.shop.zones.*.example.com',
    ],
    [
      'a parameter, which is too short',
      { shop: { ...shop, importFrom: { secretArn: 'arn:aws:ssm:us-east-1:111122223333:parameter/x' } } },
      'certificates.shop.importFrom.secretArn',
    ],
  ])('may not be %s', (_, certificates, path) => {
    expect(faults(certificates)).toContain(path);
  });

  it('may be named by windows', () => {
    const window = { name: 'w', kind: 'freeze', repeats: 'weekly', timeZone: 'UTC', from: '01:00', to: '02:00' };
    const { runtime } = parse({ shop }, { windows: [{ ...window, for: ['shop'] }] });
    expect(runtime.windows[0]?.targets).toEqual(['certificate/shop']);
  });

  it('are named by the alarm on their days left', () => {
    const { runtime } = parse({ shop });
    const metric = {
      ...{ namespace: 'AWS/CertificateManager', name: 'DaysToExpiry' },
      dimensions: { CertificateArn: arn('shop') },
    };
    const event = alarmEvent({
      detail: {
        configuration: { metrics: [{ id: 'm1', metricStat: { metric } }] },
        alarmTags: { 'nightshift:runbook': 'renew-certificate' },
      },
    });
    expect(readAlarmEvent(event, manifest, runtime)).toMatchObject({ target: 'certificate/shop' });
  });
});

describe('the role of renew-certificate', () => {
  const granted = (certificates: Record<string, unknown>) => {
    const stack = new Stack(new App({ analyticsReporting: false }), 'Test', {
      env: { region: 'us-east-1', account: '111122223333' },
    });
    return statementsFor(stack, manifest.permissions, parse(certificates).config).map((statement) =>
      stack.resolve(statement.toStatementJson()),
    );
  };
  const actionsOn = (statements: { Action: string | string[]; Resource: string | string[] }[], resource: string) =>
    statements.filter(({ Resource }) => [Resource].flat().includes(resource)).flatMap(({ Action }) => Action);

  it('imports over imported ones only, and sends mails for the others only', () => {
    const statements = granted({ shop, partner });
    expect(actionsOn(statements, arn('shop'))).toEqual(['acm:DescribeCertificate', 'acm:ResendValidationEmail']);
    expect(actionsOn(statements, arn('partner'))).toEqual(['acm:DescribeCertificate', 'acm:ImportCertificate']);
    expect(actionsOn(statements, secretArn)).toEqual(['secretsmanager:GetSecretValue']);
    expect(actionsOn(statements, keyArn)).toEqual(['kms:Decrypt']);
  });

  it('creates validation records and nothing else, and has no part of DNS where no zone is configured', () => {
    const [changing] = granted({ shop }).filter(({ Action }) => Action === 'route53:ChangeResourceRecordSets');
    expect(changing?.Condition).toEqual({
      'ForAllValues:StringLike': {
        'route53:ChangeResourceRecordSetsNormalizedRecordNames': ['_*.example.com'],
        'route53:ChangeResourceRecordSetsRecordTypes': ['CNAME'],
        'route53:ChangeResourceRecordSetsActions': ['CREATE'],
      },
      Null: {
        'route53:ChangeResourceRecordSetsNormalizedRecordNames': 'false',
        'route53:ChangeResourceRecordSetsRecordTypes': 'false',
        'route53:ChangeResourceRecordSetsActions': 'false',
      },
    });
    expect(JSON.stringify(granted({ partner }))).not.toContain('route53');
  });
});
