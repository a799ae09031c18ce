/** What is watched of a database: metric, limit, time, and the runbook that answers (AWS/RDS, "Amazon CloudWatch metrics for Amazon RDS"). Pure. */
import type { z } from 'zod';
import type { databaseSchema } from '../config/schema.ts';
import type { Metric } from './protected-alarm.ts';
import type { NamedSignal } from './protection.ts';
import type { PagingSignal } from './service-signals.ts';

const MIB = 1_048_576;
const GIB = 1_073_741_824;

type Database = z.output<typeof databaseSchema>;

/** @param name the instance identifier. */
export function databaseSignals(name: string, database: Database): readonly NamedSignal[] {
  const { severity, maxConnections, storageFreeBelowGib: storage, memoryFreeBelowMib: memory } = database;
  const { cpuAbovePercent, writeLatencyAboveSeconds, resourcesForSeconds: forSeconds } = database;
  const connections = Math.floor(database.connectionsAboveShare * maxConnections);
  const metric = (metricName: string, statistic: Metric['statistic']): Metric => ({
    ...{ namespace: 'AWS/RDS', metricName, dimensions: { DBInstanceIdentifier: name }, statistic },
  });
  const below = (id: string, runbook: string, metricName: string, bytes: number, text: string): NamedSignal => ({
    ...{ name: `${name}-${id}`, runbook, severity, forSeconds, threshold: bytes, trouble: 'below' },
    ...{ metric: metric(metricName, 'Minimum'), description: `Database ${name} has less than ${text} left.` },
  });
  return [
    {
      ...{ name: `${name}-connections`, runbook: 'release-idle-connections', severity, threshold: connections },
      description: `Database ${name} has more than ${connections} of ${maxConnections} connections in use.`,
      metric: metric('DatabaseConnections', 'Maximum'),
      // RDS tells it as long as the instance runs.
      silencePages: true,
      forSeconds: database.connectionsForSeconds,
    },
    ...(storage > 0
      ? [below('storage', 'grow-storage', 'FreeStorageSpace', Math.round(storage * GIB), `${storage} GiB of storage`)]
      : []),
    ...(memory > 0
      ? [below('memory', 'restart-database', 'FreeableMemory', Math.round(memory * MIB), `${memory} MiB of memory`)]
      : []),
    {
      ...{ name: `${name}-cpu`, runbook: 'end-long-queries', severity, forSeconds, threshold: cpuAbovePercent },
      description: `CPU of database ${name} is above ${cpuAbovePercent} %.`,
      metric: metric('CPUUtilization', 'Average'),
    },
    {
      ...{ name: `${name}-write-latency`, runbook: 'fail-over-database', severity, forSeconds },
      description: `One write to the storage of database ${name} takes longer than ${writeLatencyAboveSeconds} s.`,
      threshold: writeLatencyAboveSeconds,
      metric: metric('WriteLatency', 'Average'),
    },
    ...aboveLimits(name, database, metric),
  ];
}

/** Those that are made where they have a limit. */
function aboveLimits(
  name: string,
  {
    severity,
    resourcesForSeconds: forSeconds,
    transactionIdsAbove,
    replicaLagAboveSeconds,
    loadAbovePerVcpu,
  }: Database,
  metric: (metricName: string, statistic: Metric['statistic']) => Metric,
): NamedSignal[] {
  const signals: NamedSignal[] = [
    {
      ...{ name: `${name}-transaction-ids`, runbook: 'vacuum-and-analyze', severity, forSeconds },
      ...{ threshold: transactionIdsAbove, metric: metric('MaximumUsedTransactionIDs', 'Maximum') },
      description: `The oldest transaction id of database ${name} is older than ${transactionIdsAbove} transactions.`,
    },
    {
      ...{ name: `${name}-replica-lag`, runbook: 'end-long-queries', severity, forSeconds },
      ...{ threshold: replicaLagAboveSeconds, metric: metric('ReplicaLag', 'Minimum') },
      description: `Read replica ${name} is more than ${replicaLagAboveSeconds} s behind its source.`,
    },
    {
      ...{ name: `${name}-load`, runbook: 'end-long-queries', severity, forSeconds },
      threshold: loadAbovePerVcpu,
      // Told only while there is load; connections are told as long as the instance runs.
      metric: {
        expression: 'IF(connections >= 0, FILL(load, 0), 0)',
        of: {
          connections: metric('DatabaseConnections', 'Maximum'),
          load: metric('DBLoadRelativeToNumVCPUs', 'Average'),
        },
      },
      description: `More than ${loadAbovePerVcpu} sessions are at work in database ${name} for each of its vCPUs.`,
    },
  ];
  return signals.filter(({ threshold }) => threshold > 0);
}

const DEADLOCKS_WITHIN_SECONDS = 300;

/**
 * What a person is called for and no runbook answers: the server ends one of the transactions by itself, the application's order of locks is what is wrong.
 * "Amazon CloudWatch metrics for Amazon RDS Performance Insights": counters are read by the metric math function DB_PERF_INSIGHTS, by DbiResourceId.
 * @param name the instance identifier.
 */
export function databasePages(
  name: string,
  { pageForDeadlocks, resourceId, severity }: Pick<Database, 'pageForDeadlocks' | 'resourceId' | 'severity'>,
): readonly PagingSignal[] {
  if (!pageForDeadlocks) return [];
  return [
    {
      ...{ name: `${name}-deadlocks`, severity, threshold: 0, windowSeconds: DEADLOCKS_WITHIN_SECONDS },
      metric: { expression: `DB_PERF_INSIGHTS('RDS', '${resourceId}', 'db.Concurrency.deadlocks.avg')`, of: {} },
      description: `Transactions of database ${name} wait for each other, and the server ends one of them.`,
    },
  ];
}
