/**
 * Protects services, databases, endpoints and certificates with alarms. The response stack uses it for what its configuration lists; any CDK app can use it
 * beside its own resources, with the page topic and the name of a deployed Nightshift:
 *
 *     const nightshift = new Protection(this, 'Nightshift', { deployment: 'main', pageTopic });
 *     nightshift.protectService(service);
 *     nightshift.protectDatabase(database, { maxConnections: 400 });
 *
 * What is protected is given as the app's own construct, or by the name it has in the deployment's configuration. That
 * configuration must list the target too: alarms are untrusted input, a tag only selects.
 */
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Stack, Token } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { type CertificateInput, certificateSchema } from '../config/certificates.ts';
import { type EndpointInput, endpointSchema, ROUTE53_METRICS_REGION } from '../config/endpoints.ts';
import {
  type DatabaseInput,
  type DeploymentConfig,
  databaseSchema,
  type ServiceInput,
  serviceSchema,
} from '../config/schema.ts';
import { pagingAlarm } from './alarm-action.ts';
import {
  type CdkCertificate,
  type CdkDatabase,
  type CdkHealthCheck,
  type CdkRecord,
  type CdkService,
  type CdkTargetGroup,
  type Dimensions,
  keyOf,
  ofReal,
} from './cdk-resource.ts';
import { certificatePages, certificateSignal } from './certificate-signals.ts';
import { databasePages, databaseSignals } from './database-signals.ts';
import { asAlarm, ProtectedAlarm, type ProtectedAlarmProps } from './protected-alarm.ts';
import { burnSignals, type PagingSignal, serviceSignals } from './service-signals.ts';

export interface ProtectionProps {
  /** Name of the Nightshift deployment that answers. */
  readonly deployment: string;
  readonly pageTopic: ITopic;
  /** Period of the alarms (default 60). */
  readonly alarmPeriodSeconds?: number;
  /** How much longer than its alarm a backstop waits before it pages (default 900: the defaults of `verifyWithinSeconds` and `backstopMarginSeconds`). */
  readonly backstopAfterSeconds?: number;
}

/** As a deployment's configuration has it. */
export const protectionOf = (
  config: Pick<DeploymentConfig, 'name' | 'alarmPeriodSeconds' | 'verifyWithinSeconds' | 'backstopMarginSeconds'>,
  pageTopic: ITopic,
): ProtectionProps => ({
  ...{ deployment: config.name, pageTopic, alarmPeriodSeconds: config.alarmPeriodSeconds },
  backstopAfterSeconds: config.verifyWithinSeconds + config.backstopMarginSeconds,
});

/** One thing that is watched; `periodSeconds` where it isn't that of the deployment's alarms. */
export interface NamedSignal
  extends Pick<
    ProtectedAlarmProps,
    | 'metric'
    | 'threshold'
    | 'trouble'
    | 'silenceIsTrouble'
    | 'silencePages'
    | 'noBackstop'
    | 'forSeconds'
    | 'runbook'
    | 'description'
    | 'severity'
  > {
  /** Part of the alarm's name. */
  readonly name: string;
  readonly periodSeconds?: number;
}

/** Limits of a target whose names a construct knows. */
type Limits<Input, Names extends keyof Input> = Partial<Omit<Input, Names>> & { readonly name?: string };

/** What a database's configuration needs besides: the construct knows it, or no alarm says it. */
const NOT_ALARMED = { host: 'unknown', resourceId: 'db-UNKNOWN', securityGroupId: 'sg-0' } as const;

/** Deadlocks are counted by it: an alarm with another would be silent for ever. @throws Error when it is needed and isn't known. */
function resourceIdOf(
  { instanceResourceId, node }: CdkDatabase,
  name: string,
  { resourceId, pageForDeadlocks }: { readonly resourceId: string; readonly pageForDeadlocks: boolean },
): string {
  if (instanceResourceId === undefined && pageForDeadlocks)
    throw new Error(
      `${name}: pageForDeadlocks needs instanceResourceId of the construct "${node.id}": import it with its instanceResourceId`,
    );
  return instanceResourceId ?? resourceId;
}
/** Of a service that is given as a construct: its target group, by which it is watched as by the configuration's `balancedBy`. */
type ServiceLimits = Limits<Omit<ServiceInput, 'balancedBy'>, 'cluster' | 'service'> & {
  readonly balancedBy?: CdkTargetGroup;
};
const SOME_BALANCER = {
  loadBalancer: 'app/unknown/0000000000000000',
  targetGroup: 'targetgroup/unknown/0000000000000000',
} as const;

/** Of an endpoint that is given as a construct: the record that its health check follows. */
type EndpointLimits = Limits<Pick<EndpointInput, 'severity' | 'unhealthyForSeconds'>, never> & {
  readonly record: CdkRecord;
};
const endpointLimits = endpointSchema.pick({ severity: true, unhealthyForSeconds: true });

const SOME_CERTIFICATE = 'arn:aws:acm:us-east-1:000000000000:certificate/unknown';

/** Descriptions have its real names as well: whoever is paged looks there. */
function realService(of: CdkService, { name = keyOf(of), balancedBy, ...limits }: ServiceLimits) {
  const standIns = {
    cluster: name,
    service: name,
    ...(balancedBy && { balancedBy: SOME_BALANCER, requestAlarms: {} }),
  };
  // How many tasks it may have is the deployment's to say.
  const checked = serviceSchema.parse({ maxTasks: Math.max(1, limits.minTasks ?? 1), ...standIns, ...limits });
  const real = { cluster: of.cluster.clusterName, service: of.serviceName };
  const behind = balancedBy && {
    balancedBy: {
      loadBalancer: balancedBy.firstLoadBalancerFullName,
      targetGroup: balancedBy.targetGroupFullName,
    },
  };
  return { name, service: { ...checked, ...real, ...behind } };
}

const realEndpoint = (of: CdkHealthCheck, { name = keyOf(of), record, ...limits }: EndpointLimits) => ({
  ...{ name, recordName: record.domainName, healthCheckId: of.healthCheckId },
  ...endpointLimits.parse(limits),
});

export class Protection extends Construct {
  readonly #props: ProtectionProps;

  constructor(scope: Construct, id: string, props: ProtectionProps) {
    super(scope, id);
    this.#props = props;
  }

  /**
   * Alarms of an ECS service: CPU and memory; with Container Insights missing tasks, with its enhanced observability unhealthy ones, too; with a load balancer errors, latency, unhealthy
   * targets, and the burn of its error budget.
   * @param of the service's key in the deployment's configuration, or the app's own construct: then alarms are named by `name`, else by its id.
   * @param input thresholds and times; of a construct all have defaults, and its load balancer is told by `balancedBy`, its target group.
   */
  protectService(of: string, input: ServiceInput): ProtectedAlarm[];
  protectService(of: CdkService, input?: ServiceLimits): ProtectedAlarm[];
  protectService(of: string | CdkService, input: ServiceInput | ServiceLimits = {}): ProtectedAlarm[] {
    const { name, service } =
      typeof of === 'string'
        ? { name: of, service: serviceSchema.parse(input) }
        : realService(of, input as ServiceLimits);
    for (const signal of burnSignals(name, service)) this.#page(signal);
    return serviceSignals(name, service).map((signal) => this.#alarm(signal));
  }

  /**
   * Alarms of a database: connections, storage, memory, CPU, write latency and transaction ids; with their limits replica lag and load; deadlocks; with `heartbeat` that it
   * lets nobody in, which the deployment's own heartbeats tell.
   * @param of the instance identifier, or the app's own construct: then alarms are named by `name`, else by its id.
   * @param input thresholds and times; of a construct all but `maxConnections` have defaults.
   */
  protectDatabase(of: string, input: DatabaseInput): ProtectedAlarm[];
  protectDatabase(
    of: CdkDatabase,
    input: Limits<DatabaseInput, keyof typeof NOT_ALARMED> & Pick<DatabaseInput, 'maxConnections'>,
  ): ProtectedAlarm[];
  protectDatabase(
    of: string | CdkDatabase,
    { name = typeof of === 'string' ? of : keyOf(of), ...input }: Limits<DatabaseInput, never>,
  ): ProtectedAlarm[] {
    const real: Dimensions = typeof of === 'string' ? {} : { DBInstanceIdentifier: of.instanceIdentifier };
    const checked = databaseSchema.parse(typeof of === 'string' ? input : { ...input, ...NOT_ALARMED });
    const database = typeof of === 'string' ? checked : { ...checked, resourceId: resourceIdOf(of, name, checked) };
    const { deployment } = this.#props;
    for (const signal of databasePages(name, database, deployment)) this.#page(signal, real);
    return databaseSignals(name, database, deployment).map((signal) => this.#alarm(signal, real));
  }

  /**
   * Alarm on the health check that follows an endpoint's record (AWS/Route53 HealthCheckStatus: 1 is healthy; "Monitoring health checks using CloudWatch").
   * @param of the endpoint's key in the deployment's configuration, or the app's own health check: then the alarm is named by `name`, else by its id.
   * @param input of a construct: the record that it follows, and limits, which have defaults.
   * @throws Error in a stack of another region than us-east-1: there is no such metric, so the alarm would be silent, or fire, for ever.
   */
  protectEndpoint(of: string, input: EndpointInput): ProtectedAlarm;
  protectEndpoint(of: CdkHealthCheck, input: EndpointLimits): ProtectedAlarm;
  protectEndpoint(of: string | CdkHealthCheck, input: EndpointInput | EndpointLimits): ProtectedAlarm {
    const { name, recordName, healthCheckId, severity, unhealthyForSeconds } =
      typeof of === 'string' ? { name: of, ...endpointSchema.parse(input) } : realEndpoint(of, input as EndpointLimits);
    const { region } = Stack.of(this);
    if (!Token.isUnresolved(region) && region !== ROUTE53_METRICS_REGION)
      throw new Error(
        `${name}: Route 53's metrics are in ${ROUTE53_METRICS_REGION} only, this stack is in ${region}: protect the endpoint in a stack of ${ROUTE53_METRICS_REGION}`,
      );
    return this.#alarm({
      name: `${name}-endpoint`,
      runbook: 'fail-over-dns',
      severity,
      description: `Users do not reach ${recordName}: its health check is unhealthy.`,
      metric: {
        namespace: 'AWS/Route53',
        metricName: 'HealthCheckStatus',
        dimensions: { HealthCheckId: healthCheckId },
        statistic: 'Minimum',
      },
      threshold: 1,
      trouble: 'below',
      silenceIsTrouble: true,
      forSeconds: unhealthyForSeconds,
    });
  }

  /**
   * Alarms on a certificate's days left: with 30 its renewal is looked at; with 14, 7 and 1 a person is called directly.
   * @param of the certificate's key in the deployment's configuration, or the app's own construct: then alarms are named by `name`, else by its id.
   */
  protectCertificate(of: string, input: CertificateInput): ProtectedAlarm;
  protectCertificate(of: CdkCertificate, input?: Limits<CertificateInput, 'arn'>): ProtectedAlarm;
  protectCertificate(
    of: string | CdkCertificate,
    { name = typeof of === 'string' ? of : keyOf(of), ...input }: Limits<CertificateInput, never> = {},
  ): ProtectedAlarm {
    const real: Dimensions = typeof of === 'string' ? {} : { CertificateArn: of.certificateArn };
    const certificate = certificateSchema.parse(typeof of === 'string' ? input : { ...input, arn: SOME_CERTIFICATE });
    for (const signal of certificatePages(name, certificate)) this.#page(signal, real);
    return this.#alarm(certificateSignal(name, certificate), real);
  }

  #page(
    { name, severity, description, metric, windowSeconds, threshold, trouble }: PagingSignal,
    real: Dimensions = {},
  ): void {
    const { deployment, pageTopic } = this.#props;
    pagingAlarm(this, name, {
      ...asAlarm(ofReal(metric, real), windowSeconds),
      alarmName: `nightshift-${deployment}-${name}`,
      alarmDescription: `${severity}. ${description} Nightshift ${deployment} does nothing about it by itself.`,
      threshold,
      comparisonOperator: trouble === 'below' ? 'LessThanThreshold' : 'GreaterThanThreshold',
      evaluationPeriods: 1,
      treatMissingData: 'missing',
      pageTopic,
    });
  }

  #alarm({ name, ...signal }: NamedSignal, real: Dimensions = {}): ProtectedAlarm {
    const { deployment, pageTopic, alarmPeriodSeconds = 60, backstopAfterSeconds = 900 } = this.#props;
    return new ProtectedAlarm(this, name, {
      periodSeconds: alarmPeriodSeconds,
      ...signal,
      metric: ofReal(signal.metric, real),
      deployment,
      pageTopic,
      backstopAfterSeconds,
      alarmName: `nightshift-${deployment}-${name}`,
    });
  }
}
