/**
 * Protects services, databases and endpoints with alarms. The response stack uses it for what its configuration lists; any CDK app can use it
 * beside its own resources, with the page topic and the name of a deployed Nightshift:
 *
 *     const nightshift = new Protection(this, 'Nightshift', { deployment: 'main', pageTopic, ...defaults });
 *     nightshift.protectService('backend', { cluster: 'orders', maxTasks: 10 });
 *
 * The deployment's own configuration must list the target too: alarms are untrusted input, a tag only selects.
 */
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { type EndpointInput, endpointSchema } from '../config/endpoints.ts';
import { type DatabaseInput, databaseSchema, type ServiceInput, serviceSchema } from '../config/schema.ts';
import { ProtectedAlarm, type ProtectedAlarmProps } from './protected-alarm.ts';

export interface ProtectionProps {
  /** Name of the Nightshift deployment that answers. */
  readonly deployment: string;
  readonly pageTopic: ITopic;
  /** Period of the alarms. */
  readonly alarmPeriodSeconds: number;
  /** How much longer than its alarm a backstop waits before it pages. */
  readonly backstopAfterSeconds: number;
}

/** Names of the remediations that the alarms made here start. */
export const SCALE_OUT = 'scale-out-service';
export const RELEASE_CONNECTIONS = 'release-idle-connections';
export const FAIL_OVER_DNS = 'fail-over-dns';

type Signal = Pick<
  ProtectedAlarmProps,
  'metric' | 'threshold' | 'below' | 'forSeconds' | 'runbook' | 'description' | 'severity'
>;

export class Protection extends Construct {
  readonly #props: ProtectionProps;

  constructor(scope: Construct, id: string, props: ProtectionProps) {
    super(scope, id);
    this.#props = props;
  }

  /**
   * CPU and memory alarms of an ECS service (AWS/ECS, "Amazon ECS CloudWatch metrics").
   * @param name the service's key in the deployment's configuration.
   */
  protectService(name: string, input: ServiceInput): ProtectedAlarm[] {
    const { cluster, service = name, severity, ...limits } = serviceSchema.parse(input);
    const usage = (metricName: string, what: string, threshold: number, forSeconds: number): Signal => ({
      runbook: SCALE_OUT,
      severity,
      description: `${what} of service ${service} in cluster ${cluster} is above ${threshold} %.`,
      metric: {
        namespace: 'AWS/ECS',
        metricName,
        dimensions: { ClusterName: cluster, ServiceName: service },
        statistic: 'Average',
      },
      threshold,
      forSeconds,
    });
    return [
      this.#alarm(`${name}-cpu`, usage('CPUUtilization', 'CPU', limits.cpuAbovePercent, limits.cpuForSeconds)),
      this.#alarm(
        `${name}-memory`,
        usage('MemoryUtilization', 'Memory', limits.memoryAbovePercent, limits.memoryForSeconds),
      ),
    ];
  }

  /**
   * Connections alarm of a database (AWS/RDS DatabaseConnections, "Amazon CloudWatch metrics for Amazon RDS").
   * @param name the instance identifier.
   */
  protectDatabase(name: string, input: DatabaseInput): ProtectedAlarm {
    const database = databaseSchema.parse(input);
    const threshold = Math.floor(database.connectionsAboveShare * database.maxConnections);
    return this.#alarm(`${name}-connections`, {
      runbook: RELEASE_CONNECTIONS,
      severity: database.severity,
      description: `Database ${name} has more than ${threshold} of ${database.maxConnections} connections in use.`,
      metric: {
        namespace: 'AWS/RDS',
        metricName: 'DatabaseConnections',
        dimensions: { DBInstanceIdentifier: name },
        statistic: 'Maximum',
      },
      threshold,
      forSeconds: database.connectionsForSeconds,
    });
  }

  /**
   * Alarm on the health check that follows an endpoint's record (AWS/Route53 HealthCheckStatus: 1 is healthy; "Monitoring health checks using CloudWatch").
   * Only in a stack of us-east-1: elsewhere there is no such metric.
   * @param name the endpoint's key in the deployment's configuration.
   */
  protectEndpoint(name: string, input: EndpointInput): ProtectedAlarm {
    const { recordName, healthCheckId, severity, unhealthyForSeconds } = endpointSchema.parse(input);
    return this.#alarm(`${name}-endpoint`, {
      runbook: FAIL_OVER_DNS,
      severity,
      description: `Users do not reach ${recordName}: its health check is unhealthy.`,
      metric: {
        namespace: 'AWS/Route53',
        metricName: 'HealthCheckStatus',
        dimensions: { HealthCheckId: healthCheckId },
        statistic: 'Minimum',
      },
      threshold: 1,
      below: true,
      forSeconds: unhealthyForSeconds,
    });
  }

  #alarm(name: string, signal: Signal): ProtectedAlarm {
    const { deployment, pageTopic, alarmPeriodSeconds: periodSeconds, backstopAfterSeconds } = this.#props;
    return new ProtectedAlarm(this, name, {
      ...signal,
      deployment,
      pageTopic,
      periodSeconds,
      backstopAfterSeconds,
      alarmName: `nightshift-${deployment}-${name}`,
    });
  }
}
