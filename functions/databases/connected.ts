/** How many clients are connected, as RDS counts them from outside ("Amazon CloudWatch instance-level metrics for Amazon RDS", DatabaseConnections), and whether heartbeats get in. */
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { clientDefaults } from '../engine/clients.ts';
import type { DatabaseConfig, RuntimeConfig } from '../engine/config.ts';
import { classifyAwsError } from '../engine/errors.ts';
import { log } from '../engine/log.ts';
import { NAMESPACE } from '../engine/metrics.ts';
import { lastPeriods, type MetricWanted } from '../metrics/newest-period.ts';
import { type Connected, connectedOf, LOOK_BACK_SECONDS } from './down.ts';

const cloudwatch = new CloudWatchClient(clientDefaults());
/** Heartbeats are measured once a minute, however often RDS counts. */
const HEARTBEAT_SECONDS = 60;

/** Of the newest whole period, and of the hour before. Throws nothing: that it can't be read is an observation, and every other trouble of the database is none of its business. */
export async function readConnected(
  { name }: Pick<DatabaseConfig, 'name'>,
  { name: deployment, metricPeriodSeconds }: Pick<RuntimeConfig, 'name' | 'metricPeriodSeconds'>,
): Promise<Connected> {
  const most: MetricWanted = {
    namespace: 'AWS/RDS',
    metricName: 'DatabaseConnections',
    dimensions: { DBInstanceIdentifier: name },
    stat: 'Maximum',
  };
  const unanswered: MetricWanted = {
    namespace: NAMESPACE,
    metricName: 'DatabaseUnanswered',
    dimensions: { Deployment: deployment, DBInstanceIdentifier: name },
    stat: 'Minimum',
  };
  const periodSeconds = Math.max(metricPeriodSeconds, HEARTBEAT_SECONDS);
  try {
    const periods = await lastPeriods(cloudwatch, { most, unanswered }, periodSeconds, LOOK_BACK_SECONDS);
    return connectedOf(name, periods, periodSeconds);
  } catch (error) {
    const why = classifyAwsError(`read the connections of DB instance ${name}`, error).message;
    log('WARN', 'connections can not be read', { database: name, why });
    return { kind: 'unknown', why };
  }
}
