/** A CDK app of somebody's own: what docs/own-app.md shows is the part between the marks. */
import { Certificate, CertificateValidation } from 'aws-cdk-lib/aws-certificatemanager';
import { type IVpc, Vpc } from 'aws-cdk-lib/aws-ec2';
import { Cluster, ContainerImage, FargateService, FargateTaskDefinition, type ICluster } from 'aws-cdk-lib/aws-ecs';
import { ApplicationLoadBalancer } from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import { DatabaseInstance, DatabaseInstanceEngine, PostgresEngineVersion } from 'aws-cdk-lib/aws-rds';
import { ARecord, HealthCheck, HealthCheckType, HostedZone, RecordTarget } from 'aws-cdk-lib/aws-route53';
import { LoadBalancerTarget } from 'aws-cdk-lib/aws-route53-targets';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { Stack, type StackProps } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { Protection } from '../../infra/constructs/protection.ts';

/** A shop: a service behind a load balancer, its database, its certificate, and the name that users reach it by. */
export class ShopStack extends Stack {
  readonly nightshift: Protection;
  /** By the names of the metrics' dimensions, as this app has them. */
  readonly names: Readonly<Record<string, string>>;

  constructor(scope: Construct, id: string, props: StackProps) {
    super(scope, id, props);
    // CDK's own classes aren't exact about optional properties.
    const vpc = new Vpc(this, 'Vpc', { natGateways: 0 }) as IVpc;
    const vpcSubnets = { subnets: vpc.isolatedSubnets };
    const taskDefinition = new FargateTaskDefinition(this, 'Tasks');
    taskDefinition.addContainer('app', {
      image: ContainerImage.fromRegistry('shop/app:1'),
      portMappings: [{ containerPort: 80 }],
    });
    const cluster = new Cluster(this, 'Shop', { vpc });
    const service = new FargateService(this, 'Checkout', {
      ...{ cluster: cluster as ICluster, taskDefinition, minHealthyPercent: 100, vpcSubnets },
    });
    const engine = DatabaseInstanceEngine.postgres({ version: PostgresEngineVersion.VER_17 });
    const database = new DatabaseInstance(this, 'OrdersDb', { vpc, engine, vpcSubnets });
    const zone = HostedZone.fromHostedZoneAttributes(this, 'Zone', {
      ...{ hostedZoneId: 'Z0123456789ABCDEFGHIJ', zoneName: 'example.com' },
    });
    const certificate = new Certificate(this, 'Site', {
      domainName: 'shop.example.com',
      validation: CertificateValidation.fromDns(zone),
    });
    const balancer = new ApplicationLoadBalancer(this, 'Balancer', { vpc, internetFacing: true });
    const listener = balancer.addListener('Https', { port: 443, certificates: [certificate] });
    const targetGroup = listener.addTargets('Checkout', { port: 80, targets: [service] });
    const target = RecordTarget.fromAlias(new LoadBalancerTarget(balancer));
    const record = new ARecord(this, 'Record', { zone, recordName: 'shop', target });
    const healthCheck = new HealthCheck(this, 'ShopHealth', {
      ...{ type: HealthCheckType.HTTPS, fqdn: 'shop.example.com', resourcePath: '/health' },
    });

    // docs: begin
    // Of the stack nightshift-main, which is deployed once: its output PageTopic.
    const pageTopic = Topic.fromTopicArn(this, 'Pages', 'arn:aws:sns:us-east-1:111122223333:nightshift-main-pages');
    const nightshift = new Protection(this, 'Nightshift', { deployment: 'main', pageTopic });
    nightshift.protectService(service, { balancedBy: targetGroup });
    nightshift.protectDatabase(database, { maxConnections: 400, pageForDeadlocks: true });
    nightshift.protectCertificate(certificate, { name: 'shop' });
    nightshift.protectEndpoint(healthCheck, { name: 'shop', record });
    // docs: end

    this.nightshift = nightshift;
    this.names = {
      ...{ ClusterName: cluster.clusterName, ServiceName: service.serviceName },
      ...{ DBInstanceIdentifier: database.instanceIdentifier, CertificateArn: certificate.certificateArn },
      ...{ LoadBalancer: targetGroup.firstLoadBalancerFullName, TargetGroup: targetGroup.targetGroupFullName },
      ...{ HealthCheckId: healthCheck.healthCheckId, DbiResourceId: database.instanceResourceId ?? '' },
    };
  }
}
