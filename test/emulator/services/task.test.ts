import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { openInstallation } from '../../../local/postgres/installation.ts';
import { type PostgresServer, startServer } from '../../../local/postgres/server.ts';
import { SERVER_USER } from '../../../local/postgres/template.ts';
import { createLoad } from '../../../local/services/load.ts';
import type { TaskMetrics } from '../../../local/services/task.ts';
import { type OpenWorld, openWorld } from '../../../local/world/context.ts';
import { CACHE_DIR } from '../../../local/world/state.ts';

// Processes are started and load runs for some seconds.
jest.setTimeout(60_000);
const TASK = join(import.meta.dirname, '../../../local/services/task.ts');
let root: string;
let world: OpenWorld;
const children: ChildProcess[] = [];
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'nightshift-task-'));
  world = await openWorld({ name: 'task-test', timeScale: 1, report: () => {}, root });
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});
afterAll(async () => {
  await world.stop();
  rmSync(root, { recursive: true, force: true });
});

async function startTask(environment: Record<string, string>): Promise<{ url: string; child: ChildProcess }> {
  const child = world.spawn(process.execPath, ['--disable-warning=ExperimentalWarning', TASK], {
    env: { ...process.env, NODE_OPTIONS: '', ...environment },
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  children.push(child);
  const { port } = await new Promise<{ port: number }>((resolve, reject) => {
    child.once('message', (message) => resolve(message as { port: number }));
    child.once('exit', (code) => reject(new Error(`the task ended with ${code}`)));
  });
  return { url: `http://127.0.0.1:${port}/`, child };
}
const metricsOf = async (url: string) => (await (await fetch(`${url}metrics`)).json()) as TaskMetrics;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Load for a while after the metrics were reset; what the task reported and what the clients saw. */
async function underLoad(url: string, requestsPerSecond: number, ms: number) {
  await metricsOf(url);
  const load = createLoad({ url, requestsPerSecond });
  await pause(ms);
  const metrics = await metricsOf(url);
  const stats = load.stats();
  load.stop();
  return { metrics, stats };
}

describe('a task', () => {
  it('gets slower by queueing as its CPU fills up', async () => {
    const { url } = await startTask({ SERVICE_COST_MS: '40' });
    const calm = await underLoad(url, 5, 3_000);
    const busy = await underLoad(url, 40, 3_000);
    expect(calm.metrics.cpuPercent).toBeLessThan(40);
    expect(busy.metrics.cpuPercent).toBeGreaterThan(95);
    expect(busy.metrics.meanLatencyMs).toBeGreaterThan(5 * calm.metrics.meanLatencyMs);
    expect(busy.metrics.memoryPercent).toBeGreaterThan(calm.metrics.memoryPercent);
  });

  it('refuses what its queue can’t hold', async () => {
    const { url } = await startTask({ SERVICE_COST_MS: '500', SERVICE_MAX_QUEUE: '2' });
    const answers = await Promise.all(Array.from({ length: 5 }, async () => (await fetch(url)).status));
    expect(answers.sort()).toEqual([200, 200, 503, 503, 503]);
    expect(await metricsOf(url)).toMatchObject({ requests: 2, failed: 3 });
  });

  it('finishes what is under way before it ends', async () => {
    const { url, child } = await startTask({ SERVICE_COST_MS: '400' });
    const answer = fetch(url);
    await pause(100);
    child.kill('SIGTERM');
    expect((await answer).status).toBe(200);
    await new Promise((resolve) => (child.exitCode === null ? child.once('exit', resolve) : resolve(undefined)));
    expect(child.exitCode).toBe(0);
  });

  it('refuses a setting that is no number', async () => {
    await expect(startTask({ SERVICE_COST_MS: 'many' })).rejects.toThrow(/ended with 1/);
  });
});

describe('a task that needs a database', () => {
  let server: PostgresServer;
  const withDatabase = (query: string) =>
    startTask({
      SERVICE_COST_MS: '5',
      SERVICE_DATABASE_URL: `postgres://${SERVER_USER}@localhost/postgres?host=${dirname(server.socketPath)}`,
      SERVICE_DATABASE_QUERY: query,
      SERVICE_DATABASE_CONNECTIONS: '1',
    });
  beforeAll(async () => {
    const installation = await openInstallation(world);
    server = await startServer(world, { installation, name: 'db', cacheDir: CACHE_DIR, settings: {}, hba: [] });
  });

  it('is slow with an idle CPU when the database is the bottleneck', async () => {
    const { url } = await withDatabase('select pg_sleep(0.2)');
    const { metrics } = await underLoad(url, 20, 3_000);
    expect(metrics.cpuPercent).toBeLessThan(10);
    expect(metrics.requests).toBeLessThan(20);
    expect(metrics.meanLatencyMs).toBeGreaterThan(400);
  });

  it('fails its requests when the database is gone, and serves again when it is back', async () => {
    const { url } = await withDatabase('select 1');
    expect((await fetch(url)).status).toBe(200);
    await server.stop('immediate');
    expect((await fetch(url)).status).toBe(500);
    expect((await fetch(`${url}health`)).status).toBe(200);
    await server.start();
    expect((await fetch(url)).status).toBe(200);
  });
});

describe('load', () => {
  it('counts what failed, and keeps to its bound of requests in flight', async () => {
    const { url } = await startTask({ SERVICE_COST_MS: '1000' });
    const load = createLoad({ url, requestsPerSecond: 50, maxInFlight: 5 });
    await pause(1_000);
    const { sent, ok, failed } = load.stats();
    load.stop();
    expect(sent).toBeGreaterThan(20);
    expect(failed).toBeGreaterThanOrEqual(sent - ok - 5);
    expect((await metricsOf(url)).memoryPercent).toBeLessThanOrEqual(31);
  });
  it('stops when it is told to, and follows a new rate', async () => {
    const { url } = await startTask({ SERVICE_COST_MS: '1' });
    const load = createLoad({ url, requestsPerSecond: 0 });
    await pause(300);
    expect(load.stats().sent).toBe(0);
    load.setRate(100);
    await pause(1_000);
    load.stop();
    const { sent } = load.stats();
    expect(sent).toBeGreaterThan(50);
    await pause(300);
    expect(load.stats().sent).toBe(sent);
  });
});
