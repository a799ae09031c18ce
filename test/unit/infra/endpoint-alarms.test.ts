/** Alarms of endpoints of a deployment that isn't in us-east-1, where their metric is: who has them, whom they call, and what is brought to the deployment. */
import { describe, expect, it } from '@jest/globals';
import { Template } from 'aws-cdk-lib/assertions';
import { App, type Stack } from 'aws-cdk-lib/core';
import { AwsSolutionsChecks } from 'cdk-nag';
import { manifest } from '../../../functions/remediations/fail-over-dns/manifest.ts';
import { parseConfig } from '../../../infra/config/parse.ts';
import { hasEndpointsElsewhere } from '../../../infra/constructs/endpoint-alarms.ts';
import { EndpointStack } from '../../../infra/stacks/endpoint-stack.ts';
import { StandbyStack } from '../../../infra/stacks/standby-stack.ts';
import { compilePattern } from '../../../local/stand-ins/eventbridge/pattern.ts';
import { resourcesOf } from './stack-fixture.ts';

const site = (name: string, index: number) => ({
  ...{ name, target: `192.0.2.${index}`, probeUrl: `https://${name}.example.com/health` },
  healthCheckId: `00000000-0000-4000-8000-00000000000${index}`,
});
const shop = {
  ...{ zoneId: 'Z0123456789ABCDEFGHIJ', recordName: 'shop.example.com' },
  healthCheckId: '00000000-0000-4000-8000-000000000000',
  sites: [site('east', 1), site('west', 2)],
};
const configOf = (region: string, standbyRegion: string, endpoints: object = { shop }) =>
  parseConfig({ name: 'eu', region, standbyRegion, endpoints }, [manifest]).config;

function built(make: (app: App, env: { region: string; account: string }) => Stack) {
  const app = new App({
    ...{ analyticsReporting: false, builtinCloudFormationValidation: false },
    context: { '@aws-cdk/core:enablePartitionLiterals': true },
  });
  const stack = make(app, { region: 'us-east-1', account: '111122223333' });
  return { stack, template: Template.fromStack(stack) };
}
const alarmsOf = (of: ReturnType<typeof built>) =>
  resourcesOf(of, 'AWS::CloudWatch::Alarm').map(({ properties }) => properties);

const config = configOf('eu-west-1', 'eu-central-1');
const own = built((app, env) => new EndpointStack(app, 'nightshift-eu-endpoints', { config, env }));

describe('alarms of endpoints in us-east-1, for a deployment elsewhere', () => {
  it('start the runbook, and call people by a topic that is there', () => {
    const [alarm, backstop, ...more] = alarmsOf(own);
    expect(more).toEqual([]);
    expect(alarm).toMatchObject({
      ...{ AlarmName: 'nightshift-eu-shop-endpoint', MetricName: 'HealthCheckStatus', EvaluationPeriods: 2 },
      ActionConfiguration: { AlarmTagsPropagation: { Enabled: true } },
      Tags: expect.arrayContaining([
        { Key: 'nightshift:runbook', Value: 'fail-over-dns' },
        { Key: 'nightshift:deployment', Value: 'eu' },
      ]),
    });
    expect(backstop).toMatchObject({
      ...{ AlarmName: 'nightshift-eu-shop-endpoint-backstop', ActionsEnabled: true },
      AlarmActions: [{ Ref: expect.stringMatching(/^Pages/) }],
    });
    own.template.hasResourceProperties('AWS::SNS::Topic', { TopicName: 'nightshift-eu-pages' });
  });

  it('are brought to the default bus of the region of the deployment, by a role that may do nothing else', () => {
    const BUS = 'arn:aws:events:eu-west-1:111122223333:event-bus/default';
    const [rule] = resourcesOf(own, 'AWS::Events::Rule');
    expect(rule?.properties.Targets).toEqual([expect.objectContaining({ Arn: BUS, RoleArn: expect.anything() })]);
    const policies = resourcesOf(own, 'AWS::IAM::Policy').map(({ properties }) => properties.PolicyDocument);
    expect(policies).toEqual([
      expect.objectContaining({ Statement: [{ Effect: 'Allow', Action: 'events:PutEvents', Resource: BUS }] }),
    ]);
  });

  it('are brought over in every state, and nothing else that fires there is', () => {
    const [rule] = resourcesOf(own, 'AWS::Events::Rule');
    const matches = compilePattern(rule?.properties.EventPattern);
    const event = (tags: object, value = 'ALARM') => ({
      ...{ source: 'aws.cloudwatch', 'detail-type': 'CloudWatch Alarm State Change', region: 'us-east-1' },
      detail: { alarmName: 'a', state: { value }, alarmTags: tags },
    });
    const ours = { 'nightshift:runbook': 'fail-over-dns', 'nightshift:deployment': 'eu' };
    for (const state of ['ALARM', 'OK', 'INSUFFICIENT_DATA']) expect(matches(event(ours, state))).toBe(true);
    expect(matches(event({ ...ours, 'nightshift:deployment': 'us' }))).toBe(false);
    expect(matches(event({ 'nightshift:runbook': 'scale-out-service' }))).toBe(false);
    expect(matches({ ...event(ours), source: 'somebody' })).toBe(false);
  });

  it('are the standby stack’s where that is in us-east-1, beside its own topic', () => {
    const standby = built(
      (app, env) => new StandbyStack(app, 'standby', { config: configOf('eu-west-1', 'us-east-1'), env }),
    );
    const names = (of: ReturnType<typeof built>) => alarmsOf(of).map(({ AlarmName }) => AlarmName);
    expect(names(standby)).toEqual([
      ...['nightshift-eu-silent', 'nightshift-eu-shop-endpoint', 'nightshift-eu-shop-endpoint-backstop'],
    ]);
    const other = built((app, env) => new StandbyStack(app, 'standby', { config, env }));
    expect(names(other)).toEqual(['nightshift-eu-silent']);
  });

  it('are there only where they are wanted and can’t be in the deployment’s own stack', () => {
    expect(hasEndpointsElsewhere(config)).toBe(true);
    expect(hasEndpointsElsewhere(configOf('us-east-1', 'us-west-2'))).toBe(false);
    const left = { shop: { ...shop, createAlarms: false } };
    expect(hasEndpointsElsewhere(configOf('eu-west-1', 'eu-central-1', left))).toBe(false);
  });

  it('pass AWS Solutions checks of cdk-nag', () => {
    expect(new AwsSolutionsChecks(own.stack).validateScope(own.stack).violations).toEqual([]);
  });
});
