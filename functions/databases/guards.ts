/** How a database's disks fare ("Amazon CloudWatch instance-level metrics for Amazon RDS"): what a change of the instance must not make worse. */
import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { clientDefaults } from '../engine/clients.ts';
import type { DatabaseConfig, RuntimeConfig } from '../engine/config.ts';
import { classifyAwsError } from '../engine/errors.ts';
import type { GuardReadings } from '../engine/guard-metrics.ts';
import { newestPeriod } from '../metrics/newest-period.ts';

const cloudwatch = new CloudWatchClient(clientDefaults());

/**
 * Reads the newest whole period: the longer of both latencies.
 * @param since epoch milliseconds: only periods that lie after it, but for a fifth.
 * @returns what is told.
 * @throws EngineError when CloudWatch can't be read.
 */
export async function readDatabaseGuards(
  { name }: Pick<DatabaseConfig, 'name'>,
  { metricPeriodSeconds }: Pick<RuntimeConfig, 'metricPeriodSeconds'>,
  since?: number,
): Promise<GuardReadings> {
  const instance = { namespace: 'AWS/RDS', dimensions: { DBInstanceIdentifier: name }, stat: 'Average' } as const;
  const wanted = {
    read: { ...instance, metricName: 'ReadLatency' },
    write: { ...instance, metricName: 'WriteLatency' },
  };
  try {
    const told = Object.values((await newestPeriod(cloudwatch, wanted, metricPeriodSeconds, since)) ?? {});
    return told.length > 0 ? { latencySeconds: Math.max(...told) } : {};
  } catch (error) {
    throw classifyAwsError(`read the latencies of DB instance ${name}`, error);
  }
}
