import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Template } from 'aws-cdk-lib/assertions';
import { App } from 'aws-cdk-lib/core';
import { AwsSolutionsChecks } from 'cdk-nag';
import { manifest as links } from '../../../functions/incidents/links/manifest.ts';
import { manifest as scaleOut } from '../../../functions/remediations/scale-out-service/manifest.ts';
import { parseConfig } from '../../../infra/config/parse.ts';
import type { ConfigInput } from '../../../infra/config/schema.ts';
import { ResponseStack } from '../../../infra/stacks/response-stack.ts';
import { type BuiltStack, grantsOf, resourcesOf } from '../infra/stack-fixture.ts';

const folder = mkdtempSync(join(tmpdir(), 'nightshift-links-stack-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const parameter = (name: string) => `arn:aws:ssm:us-east-1:111122223333:parameter/nightshift/${name}`;

function build(change: Partial<ConfigInput>): BuiltStack {
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
    ...parseConfig(
      {
        name: 'main',
        region: 'us-east-1',
        standbyRegion: 'us-west-2',
        services: { backend: { cluster: 'orders', maxTasks: 4 } },
        ...change,
      },
      [scaleOut],
    ),
    units: {
      remediations: [unit(scaleOut)],
      incidentFunctions: [unit(links)],
      jobs: [],
      plans: [],
      heartbeats: [],
      authority: [],
    },
    folderOf: () => code,
    env: { region: 'us-east-1', account: '111122223333' },
  });
  return { app, template: Template.fromStack(stack) };
}

describe('a stack with links', () => {
  let built: BuiltStack;
  beforeAll(() => {
    built = build({
      links: {
        signingSecretArn: parameter('link-key'),
        pagerDuty: { webhookSecretArn: parameter('pagerduty') },
        requestsPerSecond: 5,
        burst: 7,
      },
    });
  });

  it('has a public endpoint of exactly these routes', () => {
    const routes = resourcesOf(built, 'AWS::ApiGatewayV2::Route').map(({ properties }) => properties.RouteKey);
    expect(routes).toEqual(['GET /act/{token}', 'HEAD /act/{token}', 'POST /act/{token}', 'POST /pagerduty']);
  });

  it('is throttled before a function starts, and logs routes but never an address', () => {
    const [stage] = resourcesOf(built, 'AWS::ApiGatewayV2::Stage');
    expect(stage?.properties).toMatchObject({
      DefaultRouteSettings: { ThrottlingRateLimit: 5, ThrottlingBurstLimit: 7 },
      AccessLogSettings: { Format: expect.stringContaining('$context.routeKey') },
    });
    expect(JSON.stringify(stage?.properties)).not.toMatch(/\$context\.(path|http|resourcePath)|protocol|userAgent/);
  });

  it('may read its two secrets, write the journal and tell the remediations, and nothing else', () => {
    expect(grantsOf(built, 'LinksFunctionRole')).toEqual(
      [
        ...['BatchGetItem', 'ConditionCheckItem', 'DeleteItem', 'GetItem', 'PutItem', 'Query', 'UpdateItem'].map(
          (action) => `Allow dynamodb:${action} on Journal.Arn`,
        ),
        'Allow lambda:InvokeFunction on scaleoutserviceFunction.Arn',
        'Allow logs:CreateLogStream on LinksFunctionLogs.Arn',
        'Allow logs:PutLogEvents on LinksFunctionLogs.Arn',
        'Allow sqs:SendMessage on LinksFunctionFailures.Arn',
        `Allow ssm:GetParameter on ${parameter('link-key')}`,
        `Allow ssm:GetParameter on ${parameter('pagerduty')}`,
      ].sort(),
    );
  });

  it('lets only this API invoke its function', () => {
    const permissions = resourcesOf(built, 'AWS::Lambda::Permission').filter(
      ({ properties }) => properties.Principal === 'apigateway.amazonaws.com',
    );
    expect(permissions).toHaveLength(1);
    expect(JSON.stringify(permissions[0]?.properties.SourceArn)).toContain('execute-api');
  });

  it('passes AWS Solutions checks of cdk-nag', () => {
    expect(new AwsSolutionsChecks(built.app).validateScope(built.app).violations).toEqual([]);
  });

  it('has nothing public without links', () => {
    const without = build({});
    for (const type of ['AWS::ApiGatewayV2::Api', 'AWS::ApiGatewayV2::Route', 'AWS::Lambda::Url'])
      expect(resourcesOf(without, type)).toEqual([]);
  });
});
