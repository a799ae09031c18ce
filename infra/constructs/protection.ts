/**
 * Protects services, databases, endpoints and certificates with alarms. The response stack uses it for what its configuration lists; any CDK app can use it
 * beside its own resources, with the page topic and the name of a deployed Nightshift:
 *
 *     const nightshift = new Protection(this, 'Nightshift', { deployment: 'main', pageTopic, ...defaults });
 *     nightshift.protectService('backend', { cluster: 'orders', maxTasks: 10 });
 *
 * The deployment's own configuration must list the target too: alarms are untrusted input, a tag only selects.
 */
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { type CertificateInput, certificateSchema } from '../config/certificates.ts';
import { type EndpointInput, endpointSchema } from '../config/endpoints.ts';
import { type DatabaseInput, databaseSchema, type ServiceInput, serviceSchema } from '../config/schema.ts';
import { pagingAlarm } from './alarm-action.ts';
import { certificatePages, certificateSignal } from './certificate-signals.ts';
import { databasePages, databaseSignals } from './database-signals.ts';
import { asAlarm, ProtectedAlarm, type ProtectedAlarmProps } from './protected-alarm.ts';
import { burnSignals, type PagingSignal, serviceSignals } from './service-signals.ts';

export interface ProtectionProps {
  /** Name of the Nightshift deployment that answers. */
  readonly deployment: string;
  readonly pageTopic: ITopic;
  /** Period of the alarms. */
  readonly alarmPeriodSeconds: number;
  /** How much longer than its alarm a backstop waits before it pages. */
  readonly backstopAfterSeconds: number;
}

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

export class Protection extends Construct {
  readonly #props: ProtectionProps;

  constructor(scope: Construct, id: string, props: ProtectionProps) {
    super(scope, id);
    this.#props = props;
  }

  /**
   * Alarms of an ECS service: CPU and memory; with Container Insights missing tasks, with its enhanced observability unhealthy ones, too; with a load balancer errors, latency, unhealthy
   * targets, and the burn of its error budget.
   * @param name the service's key in the deployment's configuration.
   */
  protectService(name: string, input: ServiceInput): ProtectedAlarm[] {
    const service = serviceSchema.parse(input);
    for (const signal of burnSignals(name, service)) this.#page(signal);
    return serviceSignals(name, service).map((signal) => this.#alarm(signal));
  }

  /**
   * Alarms of a database: connections, storage, memory, CPU, write latency and transaction ids; with their limits replica lag and load; deadlocks.
   * @param name the instance identifier.
   */
  protectDatabase(name: string, input: DatabaseInput): ProtectedAlarm[] {
    const database = databaseSchema.parse(input);
    for (const signal of databasePages(name, database)) this.#page(signal);
    return databaseSignals(name, database).map((signal) => this.#alarm(signal));
  }

  /**
   * Alarm on the health check that follows an endpoint's record (AWS/Route53 HealthCheckStatus: 1 is healthy; "Monitoring health checks using CloudWatch").
   * Only in a stack of us-east-1: elsewhere there is no such metric.
   * @param name the endpoint's key in the deployment's configuration.
   */
  protectEndpoint(name: string, input: EndpointInput): ProtectedAlarm {
    const { recordName, healthCheckId, severity, unhealthyForSeconds } = endpointSchema.parse(input);
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
   * @param name the certificate's key in the deployment's configuration.
   */
  protectCertificate(name: string, input: CertificateInput): ProtectedAlarm {
    const certificate = certificateSchema.parse(input);
    for (const signal of certificatePages(name, certificate)) this.#page(signal);
    return this.#alarm(certificateSignal(name, certificate));
  }

  #page({ name, severity, description, metric, windowSeconds, threshold, trouble }: PagingSignal): void {
    const { deployment, pageTopic } = this.#props;
    pagingAlarm(this, name, {
      ...asAlarm(metric, windowSeconds),
      alarmName: `nightshift-${deployment}-${name}`,
      alarmDescription: `${severity}. ${description} Nightshift ${deployment} does nothing about it by itself.`,
      threshold,
      comparisonOperator: trouble === 'below' ? 'LessThanThreshold' : 'GreaterThanThreshold',
      evaluationPeriods: 1,
      treatMissingData: 'missing',
      pageTopic,
    });
  }

  #alarm({ name, ...signal }: NamedSignal): ProtectedAlarm {
    const { deployment, pageTopic, alarmPeriodSeconds, backstopAfterSeconds } = this.#props;
    return new ProtectedAlarm(this, name, {
      periodSeconds: alarmPeriodSeconds,
      ...signal,
      deployment,
      pageTopic,
      backstopAfterSeconds,
      alarmName: `nightshift-${deployment}-${name}`,
    });
  }
}
