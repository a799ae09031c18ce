/** The alarms of things that a CDK app of one's own makes, given as that app's constructs. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { App, Stack } from 'aws-cdk-lib/core';
import { AwsSolutionsChecks } from 'cdk-nag';
import { keyOf } from '../../../infra/constructs/cdk-resource.ts';
import { Protection } from '../../../infra/constructs/protection.ts';
import { ShopStack } from '../../support/own-app.ts';

const newApp = () => new App({ analyticsReporting: false, builtinCloudFormationValidation: false });
const RUNBOOK_OF_ENDPOINTS = { Key: 'nightshift:runbook', Value: 'fail-over-dns' };
const env = { region: 'us-east-1', account: '111122223333' };

/** An app with a service, a database, a certificate and an endpoint, each protected in one line. */
function protectedApp() {
  const stack = new ShopStack(newApp(), 'shop', { env });
  const dimensions = Object.fromEntries(
    Object.entries(stack.names).map(([name, value]) => [name, stack.resolve(value)]),
  );
  return { stack, template: Template.fromStack(stack), dimensions, resourceId: dimensions.DbiResourceId };
}
/** A stack with protection and nothing to protect. */
function bare(region?: string) {
  const stack = new Stack(newApp(), 'orders', region === undefined ? {} : { env: { ...env, region } });
  const pageTopic = Topic.fromTopicArn(stack, 'Pages', 'arn:aws:sns:us-east-1:111122223333:nightshift-main-pages');
  return { stack, nightshift: new Protection(stack, 'Nightshift', { deployment: 'main', pageTopic }) };
}

describe('constructs of an app', () => {
  it('are protected in one line each, by what they will be named', () => {
    const { template, dimensions } = protectedApp();
    const of = (...names: string[]) => names.map((Name) => ({ Name, Value: dimensions[Name] }));
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      AlarmName: 'nightshift-main-checkout-cpu',
      Dimensions: of('ClusterName', 'ServiceName'),
      Period: 60,
    });
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      AlarmName: 'nightshift-main-orders-db-connections-backstop',
      Dimensions: of('DBInstanceIdentifier'),
      Threshold: 320,
    });
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      AlarmName: 'nightshift-main-shop-certificate-1',
      Dimensions: of('CertificateArn'),
    });
    template.hasResourceProperties('AWS::CloudWatch::Alarm', {
      AlarmName: 'nightshift-main-checkout-hosts',
      Dimensions: of('LoadBalancer', 'TargetGroup'),
    });
    for (const [AlarmName, Actions] of [
      ['nightshift-main-shop-endpoint', undefined],
      ['nightshift-main-shop-endpoint-backstop', ['arn:aws:sns:us-east-1:111122223333:nightshift-main-pages']],
    ] as const)
      template.hasResourceProperties('AWS::CloudWatch::Alarm', {
        ...{ AlarmName, Namespace: 'AWS/Route53', MetricName: 'HealthCheckStatus', Dimensions: of('HealthCheckId') },
        ...{ ComparisonOperator: 'LessThanThreshold', Threshold: 1, TreatMissingData: 'breaching' },
        ...(Actions ? { AlarmActions: [...Actions] } : { Tags: Match.arrayWith([RUNBOOK_OF_ENDPOINTS]) }),
      });
    // Every dimension is the app's own: no name that stood in for another is left.
    const all = Object.values(template.findResources('AWS::CloudWatch::Alarm')).flatMap(
      ({ Properties }) => (Properties.Dimensions ?? []) as { Name: string; Value: unknown }[],
    );
    expect(all.length).toBeGreaterThan(15);
    for (const { Value } of all) expect(Value).not.toEqual(expect.any(String));
  });

  it('are told of by their own names, and deadlocks are counted by the resource id of the very instance', () => {
    const { template, dimensions, resourceId } = protectedApp();
    const alarm = (AlarmName: string): unknown => {
      const [found] = Object.values(template.findResources('AWS::CloudWatch::Alarm', { Properties: { AlarmName } }));
      return found?.Properties;
    };
    const told = JSON.stringify(alarm('nightshift-main-checkout-cpu-backstop'));
    // Besides as dimensions, in the description.
    for (const name of [dimensions.ClusterName, dimensions.ServiceName])
      expect(told.split(JSON.stringify(name))).toHaveLength(3);
    expect(JSON.stringify(alarm('nightshift-main-orders-db-deadlocks'))).toContain(JSON.stringify(resourceId));
    expect(JSON.stringify(template.toJSON())).not.toContain('db-UNKNOWN');
  });

  it('are refused deadlocks of an instance whose resource id nobody says, and an id that names nothing', () => {
    const { nightshift } = bare();
    const imported = { node: { id: 'Imported' }, instanceIdentifier: 'imported' };
    expect(() => nightshift.protectDatabase(imported, { maxConnections: 100, pageForDeadlocks: true })).toThrow(
      'imported: pageForDeadlocks needs instanceResourceId',
    );
    expect(() => keyOf({ node: { id: '123' } })).toThrow('name: expected one');
  });

  it('are told of with the record that the health check follows', () => {
    const { template } = protectedApp();
    const [alarm] = Object.values(
      template.findResources('AWS::CloudWatch::Alarm', { Properties: { AlarmName: 'nightshift-main-shop-endpoint' } }),
    );
    expect(JSON.stringify(alarm?.Properties.AlarmDescription)).toContain('Users do not reach ');
    expect(JSON.stringify(alarm?.Properties.AlarmDescription)).toContain('"Ref":"Record');
  });

  it('are refused an endpoint in a region without its metric', () => {
    const check = { node: { id: 'ShopHealth' }, healthCheckId: 'a' };
    const record = { domainName: 'shop.example.com' };
    expect(() => bare('eu-west-1').nightshift.protectEndpoint(check, { record })).toThrow(
      "shop-health: Route 53's metrics are in us-east-1 only, this stack is in eu-west-1",
    );
    // One that may be deployed anywhere is left to whoever deploys it.
    expect(bare().nightshift.protectEndpoint(check, { record }).alarm.alarmName).toContain('shop-health-endpoint');
  });

  it('pass AWS Solutions checks of cdk-nag with what is made for them', () => {
    const { nightshift } = protectedApp().stack;
    expect(new AwsSolutionsChecks(nightshift).validateScope(nightshift).violations).toEqual([]);
  });

  it('are protected in the documentation by the very lines that are tried here', () => {
    const root = join(import.meta.dirname, '../../..');
    const source = readFileSync(join(root, 'test/support/own-app.ts'), 'utf8');
    const [, shown = ''] = /docs: begin\n(.*?) *\/\/ docs: end/s.exec(source) ?? [];
    expect(shown).toContain('protectEndpoint');
    expect(readFileSync(join(root, 'docs/own-app.md'), 'utf8')).toContain(shown.replaceAll(/^ {4}/gm, ''));
  });

  it('are named by their ids, as keys of the configuration are written', () => {
    const keys = ['OrdersDb', 'checkout', 'Shop Web_2', '-API-'].map((id) => keyOf({ node: { id } }));
    expect(keys).toEqual(['orders-db', 'checkout', 'shop-web-2', 'api']);
  });
});
