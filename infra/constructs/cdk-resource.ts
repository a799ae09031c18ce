/**
 * Resources of a CDK app as its constructs name them. Such names are tokens until the app is synthesized, which no schema can check; so alarms are
 * made of names that stand in for them, and the metrics' dimensions get the real ones.
 */
import type { Metric, MetricMath } from './protected-alarm.ts';

/** What CDK's `ecs.FargateService`, `ecs.Ec2Service` and their like say of themselves. */
export interface CdkService {
  readonly node: { readonly id: string };
  readonly serviceName: string;
  readonly cluster: { readonly clusterName: string };
}

/** What CDK's `rds.DatabaseInstance` and its like say of themselves. */
export interface CdkDatabase {
  readonly node: { readonly id: string };
  readonly instanceIdentifier: string;
  /** Its `DbiResourceId`; imported ones needn't say it. */
  readonly instanceResourceId?: string | undefined;
}

/** What CDK's `acm.Certificate` and its like say of themselves. */
export interface CdkCertificate {
  readonly node: { readonly id: string };
  readonly certificateArn: string;
}

/** What CDK's `elasticloadbalancingv2.ApplicationTargetGroup` says of itself once a listener sends it requests. */
export interface CdkTargetGroup {
  readonly targetGroupFullName: string;
  readonly firstLoadBalancerFullName: string;
}

/** What CDK's `route53.HealthCheck` says of itself. */
export interface CdkHealthCheck {
  readonly node: { readonly id: string };
  readonly healthCheckId: string;
}

/** What CDK's `route53.ARecord` and its like say of themselves. */
export interface CdkRecord {
  readonly domainName: string;
}

/** Real values of dimensions, by their names. */
export type Dimensions = Metric['dimensions'];

/** The same metric of the real thing: of the dimensions that it has, those that are named get these values. */
export function ofReal<M extends Metric | MetricMath>(metric: M, real: Dimensions): M {
  if ('of' in metric) {
    const of = Object.entries(metric.of).map(([id, each]) => [id, ofReal(each, real)]);
    return { ...metric, of: Object.fromEntries(of) };
  }
  const dimensions = Object.entries(metric.dimensions).map(([name, value]) => [name, real[name] ?? value]);
  return { ...metric, dimensions: Object.fromEntries(dimensions) };
}

/** A construct's id as a key of the configuration: lower case, words by hyphens (`OrdersDb` gives `orders-db`). @throws Error for an id without a letter. */
export function keyOf({ node: { id } }: { readonly node: { readonly id: string } }): string {
  const key = id
    .replace(/([a-z0-9])([A-Z])/g, '$1-$2')
    .replace(/[^A-Za-z0-9]+/g, '-')
    .replace(/^[-0-9]+|-+$/g, '')
    .toLowerCase();
  if (key === '')
    throw new Error(`name: expected one for the construct "${id}", whose id has no letter to name alarms by`);
  return key;
}
