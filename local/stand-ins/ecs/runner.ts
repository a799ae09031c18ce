/** A task's life as a real process (AWS page "Amazon ECS task lifecycle"): every image runs `local/services/task.ts`. */
import type { ChildProcess } from 'node:child_process';
import { get } from 'node:http';
import { join } from 'node:path';
import type { TaskMetrics } from '../../services/task.ts';
import type { WorldContext } from '../../world/types.ts';
import type { TaskRecord, TaskStatus } from './model.ts';
import { type SecretSource, secretsOf } from './secrets.ts';

export interface RunnerTimes {
  /** From creation to the start of the process (AWS: tens of seconds for Fargate). */
  readonly startDelayMs: number;
  /** From leaving the balancer to the signal that ends the process (AWS: the target group's deregistration delay). */
  readonly drainMs: number;
  /** From SIGTERM to SIGKILL (AWS: `stopTimeout`, 30 seconds). */
  readonly killAfterMs: number;
}

export interface Runner {
  start(task: TaskRecord): void;
  /** Begins to stop it, from whatever state it is in; nothing happens to one that is already stopping. */
  stop(task: TaskRecord, code: NonNullable<TaskRecord['stopCode']>, reason: string): void;
  /** What the task itself reports. @throws Error when it doesn't answer. */
  metrics(task: TaskRecord): Promise<TaskMetrics>;
  isHealthy(task: TaskRecord): Promise<boolean>;
  /** Ends all processes at once, without the states between. */
  killAll(): void;
}

const TASK_FILE = join(import.meta.dirname, '..', '..', 'services', 'task.ts');
const ANSWER_WITHIN_MS = 2_000;

/** `onChange` is called after every change of a task's state. Without `secrets`, no task that asks for any is started. */
export function createRunner(
  world: WorldContext,
  times: RunnerTimes,
  onChange: (task: TaskRecord) => void,
  secrets?: SecretSource,
): Runner {
  const timers = new Map<TaskRecord, NodeJS.Timeout>();
  const alive = new Set<TaskRecord>();
  let ended = false;

  function move(task: TaskRecord, status: TaskStatus, more: Partial<TaskRecord> = {}): void {
    if (ended) return;
    Object.assign(task, more);
    task.status = status;
    task.version += 1;
    task.updatedAt = new Date();
    world.log(
      'ecs',
      `task ${task.id} (${task.group}): ${status}${task.stoppedReason ? `, ${task.stoppedReason}` : ''}`,
    );
    onChange(task);
  }

  function later(task: TaskRecord, afterMs: number, run: () => void): void {
    clearTimeout(timers.get(task));
    timers.set(
      task,
      setTimeout(() => {
        timers.delete(task);
        run();
      }, afterMs),
    );
  }

  /** A process that can't even be started (the world is stopping, say) is a task that failed to start. */
  function spawnFor(task: TaskRecord, secretVariables: Record<string, string>): ChildProcess | undefined {
    try {
      return world.spawn(process.execPath, ['--disable-warning=ExperimentalWarning', TASK_FILE], {
        env: { ...process.env, ...environmentOf(task), ...secretVariables, NODE_OPTIONS: '' },
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      });
    } catch (error) {
      finish(task, { stopCode: 'TaskFailedToStart', stoppedReason: `CannotStartContainerError: ${String(error)}` });
      return undefined;
    }
  }

  /** Secrets are read before the container starts, and never again. */
  async function launch(task: TaskRecord): Promise<void> {
    move(task, 'PENDING', { launchedAt: new Date() });
    const image = (task.definition.containerDefinitions ?? []).find((each) =>
      /:missing$/.test(each.image ?? ''),
    )?.image;
    if (image !== undefined) {
      const reason = cannotPull(image);
      finish(task, { stopCode: 'TaskFailedToStart', stoppedReason: reason, containerReason: reason });
      return;
    }
    let secretVariables: Record<string, string>;
    try {
      secretVariables = await secretsOf(task.definition, task.cluster.region.name, secrets);
    } catch (error) {
      // It may have been stopped meanwhile.
      if (task.status === 'PENDING')
        finish(task, { stopCode: 'TaskFailedToStart', stoppedReason: (error as Error).message });
      return;
    }
    if (ended || task.status !== 'PENDING') return;
    const child = spawnFor(task, secretVariables);
    if (!child) return;
    task.process = child;
    alive.add(task);
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => world.log(`task-${task.id.slice(0, 8)}`, chunk.toString().trimEnd()));
    child.on('message', (message) => {
      const { port, outOfMemory } = message as { port: number; outOfMemory?: boolean };
      // "Stopped tasks error codes": OutOfMemoryError is the container's reason; the process is killed, as by the kernel.
      if (outOfMemory) {
        task.containerReason = 'OutOfMemoryError: Container killed due to memory usage';
        child.kill('SIGKILL');
        return;
      }
      task.port = port;
      void arrived(task);
    });
    child.once('error', (error) => gone(task, undefined, `CannotStartContainerError: ${error.message}`));
    child.once('exit', (code, signal) => gone(task, code ?? 137, signal ? `killed by ${signal}` : `exit code ${code}`));
  }

  /** It listens: RUNNING, and healthy if its first check says so; a rollout counts only those that are. */
  async function arrived(task: TaskRecord): Promise<void> {
    const healthy = await healthOf(task).catch(() => false); // No answer is a finding too.
    if (task.status === 'PENDING') move(task, 'RUNNING', { startedAt: new Date(), healthy });
  }

  /** The process ended, by itself or because it was told to. */
  function gone(task: TaskRecord, exitCode: number | undefined, how: string): void {
    if (!alive.delete(task)) return;
    clearTimeout(timers.get(task));
    const began = task.startedAt !== undefined;
    const byItself = task.stopCode === undefined;
    finish(task, {
      ...(exitCode !== undefined && { exitCode }),
      ...(byItself && {
        stopCode: began ? 'EssentialContainerExited' : 'TaskFailedToStart',
        stoppedReason: task.containerReason
          ? 'Essential container in task exited'
          : `Essential container in task exited (${how})`,
      }),
    });
  }

  function finish(task: TaskRecord, more: Partial<TaskRecord>): void {
    task.desiredStatus = 'STOPPED';
    move(task, 'DEPROVISIONING', { ...more, stoppingAt: task.stoppingAt ?? new Date() });
    move(task, 'STOPPED', { stoppedAt: new Date(), healthy: false });
  }

  return {
    start(task) {
      onChange(task);
      later(task, times.startDelayMs, () => void launch(task));
    },
    stop(task, stopCode, stoppedReason) {
      if (task.desiredStatus === 'STOPPED') return;
      clearTimeout(timers.get(task));
      task.desiredStatus = 'STOPPED';
      const about = { stopCode, stoppedReason, stoppingAt: new Date() };
      if (!task.process) {
        finish(task, about);
        return;
      }
      move(task, 'DEACTIVATING', about);
      later(task, times.drainMs, () => {
        move(task, 'STOPPING');
        task.process?.kill('SIGTERM');
        later(task, times.killAfterMs, () => task.process?.kill('SIGKILL'));
      });
    },
    metrics: async (task) => JSON.parse((await ask(task, '/metrics')).body) as TaskMetrics,
    isHealthy: healthOf,
    killAll() {
      ended = true;
      for (const timer of timers.values()) clearTimeout(timer);
      for (const task of alive) task.process?.kill('SIGKILL');
    },
  };
}

/** "CannotPullContainer task errors in Amazon ECS": what a registry that doesn't have an image makes ECS say. Images tagged `missing` aren't there. */
const cannotPull = (image: string): string =>
  `CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref docker.io/library/${image}: docker.io/library/${image}: not found`;

const healthOf = async (task: TaskRecord): Promise<boolean> => (await ask(task, '/health')).status === 200;

/** Variables of the task definition's containers; of several containers the later one wins. */
const environmentOf = (task: TaskRecord): Record<string, string> =>
  Object.fromEntries([
    ['SERVICE_NAME', task.group],
    // On AWS a task reads its limits from its metadata endpoint.
    ['TASK_MEMORY_MIB', task.definition.memory ?? '512'],
    ...(task.definition.containerDefinitions ?? []).flatMap((container) =>
      (container.environment ?? []).map(({ name, value }): [string, string] => [name ?? '', value ?? '']),
    ),
  ]);

function ask(task: TaskRecord, path: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port: task.port, path, timeout: ANSWER_WITHIN_MS }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
      response.on('error', reject);
    });
    request.on('timeout', () => request.destroy(new Error(`task ${task.id}: no answer to ${path}`)));
    request.on('error', reject);
  });
}
