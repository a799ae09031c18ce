/** How many clients are connected, as RDS counts them from outside ("Amazon CloudWatch instance-level metrics for Amazon RDS", DatabaseConnections). */
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { clientDefaults } from '../engine/clients.ts';
import type { DatabaseConfig, RuntimeConfig } from '../engine/config.ts';
import { classifyAwsError } from '../engine/errors.ts';
import { log } from '../engine/log.ts';
import { type MetricWanted, newestPeriod } from '../metrics/newest-period.ts';
import type { Connected } from './down.ts';

const cloudwatch = new CloudWatchClient(clientDefaults());

/** The most of the newest whole period. Throws nothing: that it can't be read is an observation, and every other trouble of the database is none of its business. */
export async function readConnected(
  { name }: Pick<DatabaseConfig, 'name'>,
  { metricPeriodSeconds }: Pick<RuntimeConfig, 'metricPeriodSeconds'>,
): Promise<Connected> {
  const most: MetricWanted = {
    namespace: 'AWS/RDS',
    metricName: 'DatabaseConnections',
    dimensions: { DBInstanceIdentifier: name },
    stat: 'Maximum',
  };
  try {
    const found = (await newestPeriod(cloudwatch, { most }, metricPeriodSeconds))?.most;
    if (found !== undefined) return { kind: 'counted', most: found };
    return { kind: 'unknown', why: `CloudWatch has been told of no connections of ${name} lately` };
  } catch (error) {
    const why = classifyAwsError(`read the connections of DB instance ${name}`, error).message;
    log('WARN', 'connections can not be read', { database: name, why });
    return { kind: 'unknown', why };
  }
}
