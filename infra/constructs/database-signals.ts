/** What is watched of a database: metric, limit, time, and the runbook that answers (AWS/RDS, "Amazon CloudWatch metrics for Amazon RDS"). Pure. */
import type { z } from 'zod';
import { NAMESPACE } from '../../functions/engine/metrics.ts';
import type { databaseSchema } from '../config/schema.ts';
import type { Metric } from './protected-alarm.ts';
import type { NamedSignal } from './protection.ts';
import type { PagingSignal } from './service-signals.ts';

const MIB = 1_048_576;
const GIB = 1_073_741_824;

type Database = z.output<typeof databaseSchema>;

type MetricOf = (metricName: string, statistic: Metric['statistic']) => Metric;
const metricOf =
  (name: string): MetricOf =>
  (metricName, statistic) => ({
    ...{ namespace: 'AWS/RDS', metricName, dimensions: { DBInstanceIdentifier: name }, statistic },
  });

/** @param name the instance identifier. @param deployment by whose name heartbeats are measured. */
export function databaseSignals(name: string, database: Database, deployment: string): readonly NamedSignal[] {
  const { severity, maxConnections, storageFreeBelowGib: storage, memoryFreeBelowMib: memory } = database;
  const { cpuAbovePercent, writeLatencyAboveSeconds, resourcesForSeconds: forSeconds } = database;
  const connections = Math.floor(database.connectionsAboveShare * maxConnections);
  const metric = metricOf(name);
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
    ...(database.heartbeat ? [down(name, database, deployment, metric)] : []),
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
  metric: MetricOf,
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

/** Heartbeats are written, and measured, once a minute. */
const HEARTBEAT_SECONDS = 60;

const unanswered = (name: string, deployment: string): Metric => ({
  ...{ namespace: NAMESPACE, metricName: 'DatabaseUnanswered', statistic: 'Minimum' },
  dimensions: { Deployment: deployment, DBInstanceIdentifier: name },
});

/**
 * No heartbeat gets in and nobody is connected: two signs, by two ways. Where clients are connected it is Nightshift's own way there that is broken, or a server that hangs
 * with its sessions: people are called for that (`databasePages`).
 */
function down(
  name: string,
  { severity, unansweredForSeconds: forSeconds }: Database,
  deployment: string,
  metric: MetricOf,
): NamedSignal {
  return {
    ...{ name: `${name}-down`, runbook: 'database-down', severity, forSeconds, periodSeconds: HEARTBEAT_SECONDS },
    ...{ threshold: 0, silencePages: true },
    description: `Database ${name} lets nobody in: no heartbeat is written, and no client is connected.`,
    metric: {
      expression: 'IF(unanswered > 0, connections < 1, 0)',
      of: { unanswered: unanswered(name, deployment), connections: metric('DatabaseConnections', 'Maximum') },
    },
  };
}

const DEADLOCKS_WITHIN_SECONDS = 300;
const SHUT_OUT_SECONDS = 300;

/**
 * What a person is called for and no runbook answers.
 * @param name the instance identifier. @param deployment by whose name heartbeats are measured.
 */
export function databasePages(name: string, database: Database, deployment: string): readonly PagingSignal[] {
  return [
    ...(database.pageForDeadlocks ? [deadlocks(name, database)] : []),
    ...(database.heartbeat ? [shutOut(name, database, deployment)] : []),
  ];
}

/**
 * The server ends one of the transactions by itself, the application's order of locks is what is wrong.
 * "Amazon CloudWatch metrics for Amazon RDS Performance Insights": counters are read by the metric math function DB_PERF_INSIGHTS, by DbiResourceId.
 */
const deadlocks = (name: string, { resourceId, severity }: Database): PagingSignal => ({
  ...{ name: `${name}-deadlocks`, severity, threshold: 0, windowSeconds: DEADLOCKS_WITHIN_SECONDS },
  metric: { expression: `DB_PERF_INSIGHTS('RDS', '${resourceId}', 'db.Concurrency.deadlocks.avg')`, of: {} },
  description: `Transactions of database ${name} wait for each other, and the server ends one of them.`,
});

/** The other half of `down`: a restart would end what may still work. Where RDS doesn't tell how many are connected, nobody knows, and that counts as some. */
const shutOut = (name: string, { severity }: Database, deployment: string): PagingSignal => ({
  ...{ name: `${name}-shut-out`, severity, threshold: 0, windowSeconds: SHUT_OUT_SECONDS },
  metric: {
    expression: 'IF(unanswered > 0, FILL(connections, 1) > 0, 0)',
    of: { unanswered: unanswered(name, deployment), connections: metricOf(name)('DatabaseConnections', 'Maximum') },
  },
  description: `No heartbeat gets into database ${name}, although clients are connected: the server hangs, or the way there from Nightshift's subnets is broken.`,
});
