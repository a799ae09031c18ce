/** What is watched of a database: metric, limit, time, and the runbook that answers (AWS/RDS, "Amazon CloudWatch metrics for Amazon RDS"). Pure. */
import type { z } from 'zod';
import type { databaseSchema } from '../config/schema.ts';
import type { Metric } from './protected-alarm.ts';
import type { NamedSignal } from './protection.ts';

const MIB = 1_048_576;
const GIB = 1_073_741_824;

/** @param name the instance identifier. */
export function databaseSignals(name: string, database: z.output<typeof databaseSchema>): readonly NamedSignal[] {
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
  ];
}
