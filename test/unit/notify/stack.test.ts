import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Template } from 'aws-cdk-lib/assertions';
import { App } from 'aws-cdk-lib/core';
import { manifest as announcer } from '../../../functions/incidents/announcer/manifest.ts';
import { manifest as notify } from '../../../functions/incidents/notify/manifest.ts';
import { manifest as publisher } from '../../../functions/incidents/publisher/manifest.ts';
import { parseConfig } from '../../../infra/config/parse.ts';
import type { ConfigInput } from '../../../infra/config/schema.ts';
import { ResponseStack } from '../../../infra/stacks/response-stack.ts';
import example from '../../../nightshift.config.ts';
import { type BuiltStack, grantsOf, resourcesOf, statementsOf } from '../infra/stack-fixture.ts';

const folder = mkdtempSync(join(tmpdir(), 'nightshift-notify-stack-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const secret = (name: string) => `arn:aws:secretsmanager:us-east-1:111122223333:secret:${name}-AbCdEf`;
const parameter = 'arn:aws:ssm:us-east-1:111122223333:parameter/nightshift/key';

function build(told: Pick<ConfigInput, 'channels' | 'routing' | 'reports'>): BuiltStack {
  const code = join(folder, 'code');
  mkdirSync(code, { recursive: true });
  writeFileSync(join(code, 'index.cjs'), 'exports.handler = async () => {};');
  const app = new App({
    analyticsReporting: false,
    builtinCloudFormationValidation: false,
    outdir: join(folder, 'cdk.out'),
  });
  const unit = <M>(manifest: M) => ({ manifest, folder: '', handler: '' });
  const stack = new ResponseStack(app, 'nightshift-main', {
    ...parseConfig({ ...example, ...told }, []),
    units: {
      remediations: [],
      jobs: [],
      heartbeats: [],
      authority: [],
      plans: [],
      incidentFunctions: [unit(announcer), unit(notify), unit(publisher)],
    },
    folderOf: () => code,
    env: { region: 'us-east-1', account: '111122223333' },
  });
  return { app, template: Template.fromStack(stack) };
}

describe('a stack that tells people', () => {
  let built: BuiltStack;
  beforeAll(() => {
    built = build({
      channels: {
        team: {
          kind: 'slack',
          webhookSecretArn: secret('team'),
          secretKeyArn: 'arn:aws:kms:us-east-1:111122223333:key/abc',
        },
        'on-call': { kind: 'pagerduty', routingKeySecretArn: parameter },
        mail: {
          kind: 'email',
          from: 'nightshift@example.com',
          to: ['ops@example.com'],
          identityArn: 'arn:aws:ses:us-east-1:111122223333:identity/example.com',
        },
      },
      routing: [{ channels: ['team', 'on-call', 'mail'] }],
    });
  });

  it('lets the notifier read exactly the secrets it needs, and send mail from one address only', () => {
    const grants = grantsOf(built, 'NotificationsNotifyRole').filter((grant) => !/dynamodb|logs:|sqs:/.test(grant));
    expect(grants).toEqual([
      'Allow kms:Decrypt on arn:aws:kms:us-east-1:111122223333:key/abc',
      `Allow secretsmanager:GetSecretValue on ${secret('team')}`,
      'Allow ses:SendEmail on arn:aws:ses:us-east-1:111122223333:identity/example.com',
      `Allow ssm:GetParameter on ${parameter}`,
    ]);
    const mail = statementsOf(built, 'NotificationsNotifyRole').find(({ Action }) => Action === 'ses:SendEmail');
    expect(mail?.Condition).toEqual({ StringEquals: { 'ses:FromAddress': 'nightshift@example.com' } });
  });

  it('lets the announcer put events on its own bus, read the journal and chain it, and nothing else', () => {
    const grants = grantsOf(built, 'NotificationsAnnouncerRole').filter((grant) => !/logs:|sqs:/.test(grant));
    expect(grants.filter((grant) => /Journal\.Arn$/.test(grant))).toEqual([
      'Allow dynamodb:PutItem on Journal.Arn',
      'Allow dynamodb:Query on Journal.Arn',
    ]);
    expect(grants).toContain('Allow events:PutEvents on NotificationsBus.Arn');
  });

  it('starts the notifier only by what routes speak of, and keeps what it could not tell with its payload', () => {
    built.template.hasResourceProperties('AWS::Events::Rule', {
      EventBusName: { Ref: resourcesOf(built, 'AWS::Events::EventBus')[0]?.id },
      EventPattern: {
        source: ['nightshift'],
        'detail-type': [
          'Incident Opened',
          'Approval Needed',
          'Incident Escalated',
          'Incident Acknowledged',
          'Incident Resolved',
        ],
      },
    });
    const configs = resourcesOf(built, 'AWS::Lambda::EventInvokeConfig').filter(({ id }) => id.includes('Notify'));
    expect(configs).toMatchObject([{ properties: { MaximumRetryAttempts: 2, DestinationConfig: { OnFailure: {} } } }]);
  });

  it('starts it by reports, too, where a channel is told of them, even if no route names it', () => {
    const told = build({
      channels: { team: { kind: 'slack', webhookSecretArn: secret('team') } },
      reports: { channels: ['team'] },
    });
    told.template.hasResourceProperties('AWS::Events::Rule', {
      EventPattern: { source: ['nightshift'], 'detail-type': ['Report Written'] },
    });
  });

  it('leaves the publisher as it was: it pages without bus or channels', () => {
    const alone = build({});
    const policyOf = (stack: BuiltStack) => grantsOf(stack, 'publisherRole');
    expect(policyOf(alone).length).toBeGreaterThan(5);
    expect(policyOf(built)).toEqual(policyOf(alone));
  });

  it('has a bus and the announcer, which keeps the hash chain, also when there is no channel', () => {
    const alone = build({});
    alone.template.resourceCountIs('AWS::Events::EventBus', 1);
    const names = resourcesOf(alone, 'AWS::Lambda::Function').map(({ properties }) => properties.FunctionName);
    expect(names.sort()).toEqual(['nightshift-main-announcer', 'nightshift-main-publisher']);
  });

  it('starts the announcer for every entry of the journal, because each has its link', () => {
    const mappings = resourcesOf(built, 'AWS::Lambda::EventSourceMapping');
    const announcer = mappings.find(({ id }) => id.startsWith('NotificationsAnnouncer'));
    expect(announcer?.properties.FilterCriteria).toEqual({
      Filters: [{ Pattern: '{"eventName":["INSERT"],"dynamodb":{"Keys":{"sk":{"S":[{"prefix":"ENTRY#"}]}}}}' }],
    });
  });
});
