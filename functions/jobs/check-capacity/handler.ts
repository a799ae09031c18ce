import { CloudWatchClient } from '@aws-sdk/client-cloudwatch';
import { readInstance } from '../../databases/instance.ts';
import { clientDefaults } from '../../engine/clients.ts';
import type { CapacityChecks, DatabaseConfig, ServiceConfig } from '../../engine/config.ts';
import { ActionFailedError, classifyAwsError } from '../../engine/errors.ts';
import { dailyExtremes } from '../../metrics/daily.ts';
import { type Finding, verdictOf } from '../findings.ts';
import { jobHandler } from '../handler.ts';
import type { Job } from '../job.ts';
import { ofDatabase, ofService } from './decide.ts';
import { manifest } from './manifest.ts';

const cloudwatch = new CloudWatchClient(clientDefaults());

const DAYS = 30;

/** One look at everything, one thing after the other. The report has every projection, also of what passed. */
export const job: Job<null> = {
  manifest,
  begin: () => null,
  async step({ config, now }) {
    if (!config.checks) throw new ActionFailedError('checks: not in the configuration any more');
    const { capacity } = config.checks;
    const findings: Finding[] = [];
    for (const service of Object.values(config.services))
      findings.push(...(await outlookOfService(service, capacity, now())));
    for (const database of Object.values(config.databases))
      findings.push(...(await outlookOfDatabase(database, capacity, now())));
    const verdict = verdictOf(findings);
    const outlook = findings.slice(0, TOLD).map(({ subject, says, result }) => ({ subject, says, result }));
    return { kind: 'verdict', state: null, verdict: { ...verdict, report: { ...verdict.report, outlook } } };
  },
};

/** A run's item stays well below DynamoDB's 400 kB. */
const TOLD = 500;

/** "Amazon ECS service utilization metrics". */
async function outlookOfService(service: ServiceConfig, limits: CapacityChecks, now: number): Promise<Finding[]> {
  const of = {
    namespace: 'AWS/ECS',
    dimensions: { ClusterName: service.cluster, ServiceName: service.service },
    stat: 'Average',
    extreme: 'highest',
  } as const;
  try {
    const days = await dailyExtremes(
      cloudwatch,
      { cpu: { ...of, metricName: 'CPUUtilization' }, memory: { ...of, metricName: 'MemoryUtilization' } },
      DAYS,
      now,
    );
    return ofService(service, days, limits);
  } catch (error) {
    throw classifyAwsError(`read 30 days of ${service.name}`, error);
  }
}

/** "Amazon CloudWatch instance-level metrics for Amazon RDS". */
async function outlookOfDatabase(database: DatabaseConfig, limits: CapacityChecks, now: number): Promise<Finding[]> {
  const read = await readInstance(database);
  if (read.kind === 'missing') return [{ check: 'database', subject: database.name, result: 'failed', says: read.why }];
  const of = { namespace: 'AWS/RDS', dimensions: { DBInstanceIdentifier: database.name }, stat: 'Average' } as const;
  try {
    const days = await dailyExtremes(
      cloudwatch,
      {
        cpu: { ...of, metricName: 'CPUUtilization', extreme: 'highest' },
        connections: { ...of, metricName: 'DatabaseConnections', extreme: 'highest' },
        freeMemory: { ...of, metricName: 'FreeableMemory', extreme: 'lowest' },
        freeStorage: { ...of, metricName: 'FreeStorageSpace', extreme: 'lowest' },
      },
      DAYS,
      now,
    );
    return ofDatabase(database, days, read, limits);
  } catch (error) {
    throw classifyAwsError(`read 30 days of ${database.name}`, error);
  }
}

export const handler = jobHandler(job);
