/**
 * Metrics of instances, by DBInstanceIdentifier ("Amazon CloudWatch instance-level metrics for Amazon RDS"): DatabaseConnections, FreeStorageSpace and,
 * roughly and on Linux only, CPUUtilization; of read replicas ReplicaLag, by RDS's own reckoning: it grows while the source is idle. AWS publishes once a minute; the local world every five seconds.
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

interface Reading {
  readonly connections: number;
  readonly used_bytes: number;
  readonly pids: readonly number[];
  /** How old the last change is that a read replica has applied; null on a primary. */
  readonly lag_seconds: number | null;
}

/** Counts client backends, without the supervisor's own connection (which is the server's superuser). */
const READ = `
  SELECT count(*) FILTER (WHERE backend_type = 'client backend' AND usename <> current_user)::int AS connections,
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
