/**
 * Metrics of instances, by DBInstanceIdentifier ("Amazon CloudWatch instance-level metrics for Amazon RDS"): DatabaseConnections, FreeStorageSpace,
 * MaximumUsedTransactionIDs; WriteLatency, which is made up; while there is load DBLoad and DBLoadRelativeToNumVCPUs ("Amazon CloudWatch metrics for Amazon RDS Performance Insights"); roughly
 * and on Linux only CPUUtilization and FreeableMemory; of read replicas ReplicaLag, by RDS's own reckoning: it grows while the source is idle. AWS publishes once a minute; the local world every five seconds.
 */
import { readFileSync } from 'node:fs';
import type { MetricSink, WorldContext } from '../../world/types.ts';
import type { Instance, RdsState } from './model.ts';

const EVERY_MS = 5_000;
const GIB = 1024 ** 3;
/** Clock ticks a second in proc(5)'s times (sysconf _SC_CLK_TCK, 100 on every Linux that Node runs on). */
const TICKS_A_SECOND = 100;
/** vCPUs that utilisation is related to; the classes' real numbers don't matter on a machine that all share. */
const VCPUS = 2;

/** Memory of instance classes in GiB ("Hardware specifications for DB instance classes"); another class counts as the smallest. */
const MEMORY_GIB: Readonly<Record<string, number>> = {
  ...{ 'db.t4g.micro': 1, 'db.t4g.small': 2, 'db.t4g.medium': 4 },
};

/** Of a volume that is well ("Amazon EBS volume types", gp3: single-digit milliseconds), and of one that a scenario made sick. */
const WRITE_SECONDS = 0.002;
const SICK_WRITE_SECONDS = 3;

interface Reading {
  readonly connections: number;
  /** Sessions at work, or waiting in their work, at this moment. */
  readonly active: number;
  readonly oldest_transaction_id: number;
  readonly used_bytes: number;
  readonly pids: readonly number[];
  /** How old the last change is that a read replica has applied; null on a primary. */
  readonly lag_seconds: number | null;
}

/** Counts client backends, without the supervisor's own connection (which is the server's superuser). */
const READ = `
  SELECT count(*) FILTER (WHERE backend_type = 'client backend' AND usename <> current_user)::int AS connections,
         count(*) FILTER (WHERE backend_type = 'client backend' AND state = 'active' AND usename <> current_user)::int AS active,
         (SELECT max(age(datfrozenxid)) FROM pg_database) AS oldest_transaction_id,
         (SELECT sum(pg_database_size(oid))::float8 FROM pg_database) AS used_bytes,
         array_agg(pid) AS pids,
         CASE WHEN pg_is_in_recovery()
              THEN coalesce(extract(epoch FROM now() - pg_last_xact_replay_timestamp()), 0)::float8 END AS lag_seconds
    FROM pg_stat_activity`;

/** Starts publishing; returns what ends it. */
export function publishMetrics(world: WorldContext, state: RdsState, sink: MetricSink): () => void {
  const cpu = new Map<string, CpuSample>();
  let busy = false;
  const publish = async () => {
    if (busy) return;
    busy = true;
    const running = [...state.instances.values()].filter(({ status }) => status === 'available');
    await Promise.all(running.map((instance) => read(world, instance, sink, cpu)));
    busy = false;
  };
  const timer = setInterval(publish, EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}

interface CpuSample {
  readonly atMs: number;
  readonly ticks: ReadonlyMap<number, number>;
}

async function read(
  world: WorldContext,
  instance: Instance,
  sink: MetricSink,
  cpu: Map<string, CpuSample>,
): Promise<void> {
  try {
    const [reading] = (await instance.database?.query<Reading & Record<string, unknown>>(READ)) ?? [];
    if (!reading) return;
    const at = new Date();
    const put = (name: string, value: number, unit: string) =>
      sink.put({
        region: instance.region,
        namespace: 'AWS/RDS',
        name,
        dimensions: { DBInstanceIdentifier: instance.id },
        value,
        unit,
        at,
      });
    put('DatabaseConnections', reading.connections, 'Count');
    put('FreeStorageSpace', Math.max(0, instance.allocatedStorageGib * GIB - reading.used_bytes), 'Bytes');
    put('MaximumUsedTransactionIDs', reading.oldest_transaction_id, 'Count');
    if (reading.active > 0) {
      put('DBLoad', reading.active, 'None');
      put('DBLoadRelativeToNumVCPUs', reading.active / VCPUS, 'None');
    }
    if (process.platform === 'linux')
      put(
        'FreeableMemory',
        Math.max(0, (MEMORY_GIB[instance.instanceClass] ?? 1) * GIB - privateBytesOf(reading.pids)),
        'Bytes',
      );
    put('WriteLatency', instance.sickZone === instance.zone ? SICK_WRITE_SECONDS : WRITE_SECONDS, 'Seconds');
    if (reading.lag_seconds !== null) put('ReplicaLag', reading.lag_seconds, 'Seconds');
    const percent = cpuPercent(cpu, instance.resourceId, reading.pids);
    if (percent !== undefined) put('CPUUtilization', percent, 'Percent');
  } catch (error) {
    // It may be going down right now: then AWS has no data either.
    world.log('rds', `${instance.id}: no metrics: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Share of the CPU time that the server's present processes took since the last reading; what ended in between is missed. */
function cpuPercent(samples: Map<string, CpuSample>, key: string, pids: readonly number[]): number | undefined {
  const before = samples.get(key);
  const now: CpuSample = { atMs: performance.now(), ticks: new Map(pids.map((pid) => [pid, ticksOf(pid)])) };
  samples.set(key, now);
  if (!before || process.platform !== 'linux') return undefined;
  let ticks = 0;
  for (const [pid, total] of now.ticks) ticks += Math.max(0, total - (before.ticks.get(pid) ?? 0));
  const seconds = (now.atMs - before.atMs) / 1000;
  return Math.min(100, (ticks / TICKS_A_SECOND / seconds / VCPUS) * 100);
}

/** Memory that these processes share with nobody (proc(5), `/proc/pid/status`, RssAnon). */
const privateBytesOf = (pids: readonly number[]): number =>
  pids.reduce((total, pid) => {
    try {
      const [, kib = '0'] = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
      return total + Number(kib) * 1024;
    } catch {
      return total; // It ended meanwhile.
    }
  }, 0);

/** User and system time of a process, in ticks (proc(5), `/proc/pid/stat`). */
function ticksOf(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return Number(fields[11]) + Number(fields[12]);
  } catch {
    return 0; // It ended meanwhile.
  }
}
