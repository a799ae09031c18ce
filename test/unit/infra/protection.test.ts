/** The alarms of things that a CDK app of one's own makes, given as that app's constructs. */
import { describe, expect, it } from '@jest/globals';
import { Template } from 'aws-cdk-lib/assertions';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import { type IVpc, Vpc } from 'aws-cdk-lib/aws-ec2';
import { Cluster, ContainerImage, FargateService, FargateTaskDefinition, type ICluster } from 'aws-cdk-lib/aws-ecs';
import { DatabaseInstance, DatabaseInstanceEngine, PostgresEngineVersion } from 'aws-cdk-lib/aws-rds';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { App, Stack } from 'aws-cdk-lib/core';
import { keyOf } from '../../../infra/constructs/cdk-resource.ts';
import { Protection } from '../../../infra/constructs/protection.ts';

/** An app with a service, a database and a certificate, each protected in one line. */
function protectedApp() {
  const stack = new Stack(new App({ analyticsReporting: false, builtinCloudFormationValidation: false }), 'orders');
  const pageTopic = Topic.fromTopicArn(stack, 'Pages', 'arn:aws:sns:us-east-1:111122223333:nightshift-main-pages');
  // CDK's own classes aren't exact about optional properties.
  const vpc = new Vpc(stack, 'Vpc', { natGateways: 0 }) as IVpc;
  const taskDefinition = new FargateTaskDefinition(stack, 'Tasks');
  taskDefinition.addContainer('app', { image: ContainerImage.fromRegistry('shop/app:1') });
  const cluster = new Cluster(stack, 'Shop', { vpc });
  const service = new FargateService(stack, 'Checkout', {
    ...{ cluster: cluster as ICluster, taskDefinition, minHealthyPercent: 100 },
    vpcSubnets: { subnets: vpc.isolatedSubnets },
  });
  const engine = DatabaseInstanceEngine.postgres({ version: PostgresEngineVersion.VER_17 });
  const database = new DatabaseInstance(stack, 'OrdersDb', {
    vpc,
    engine,
    vpcSubnets: { subnets: vpc.isolatedSubnets },
  });
  const certificate = new Certificate(stack, 'Site', { domainName: 'shop.example.com' });

  const nightshift = new Protection(stack, 'Nightshift', { deployment: 'main', pageTopic });
  nightshift.protectService(service);
  nightshift.protectDatabase(database, { maxConnections: 400, pageForDeadlocks: true });
  nightshift.protectCertificate(certificate, { name: 'shop' });
  const dimensions = {
    ClusterName: stack.resolve(cluster.clusterName),
    ServiceName: stack.resolve(service.serviceName),
    DBInstanceIdentifier: stack.resolve(database.instanceIdentifier),
    CertificateArn: stack.resolve(certificate.certificateArn),
  };
  const resourceId = stack.resolve(database.instanceResourceId);
  return { template: Template.fromStack(stack), dimensions, resourceId };
}

describe('constructs of an app', () => {
  it('are protected in one line each, by what they will be named', () => {
    const { template, dimensions } = protectedApp();
    const of = (...names: (keyof typeof dimensions)[]) => names.map((Name) => ({ Name, Value: dimensions[Name] }));
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
    const stack = new Stack(new App({ analyticsReporting: false, builtinCloudFormationValidation: false }), 'orders');
    const pageTopic = Topic.fromTopicArn(stack, 'Pages', 'arn:aws:sns:us-east-1:111122223333:nightshift-main-pages');
    const nightshift = new Protection(stack, 'Nightshift', { deployment: 'main', pageTopic });
    const imported = { node: { id: 'Imported' }, instanceIdentifier: 'imported' };
    expect(() => nightshift.protectDatabase(imported, { maxConnections: 100, pageForDeadlocks: true })).toThrow(
      'imported: pageForDeadlocks needs instanceResourceId',
    );
    expect(() => keyOf({ node: { id: '123' } })).toThrow('name: expected one');
  });

  it('are named by their ids, as keys of the configuration are written', () => {
    const keys = ['OrdersDb', 'checkout', 'Shop Web_2', '-API-'].map((id) => keyOf({ node: { id } }));
    expect(keys).toEqual(['orders-db', 'checkout', 'shop-web-2', 'api']);
  });
});
