/**
 * A service's task: an HTTP process whose CPU is a model (`cpu-model.ts`), so that its utilisation and latency follow the load.
 * Started by the ECS stand-in with an IPC channel, on which it says `{ port }`; it ends when the channel closes.
 *
 * Environment: SERVICE_COST_MS (CPU per request, default 40), SERVICE_MAX_QUEUE (requests under way, default 200; more get 503),
 * SERVICE_BASE_MEMORY_PERCENT (default 30), SERVICE_MEMORY_PERCENT_PER_REQUEST (of those under way, default 0.2) or SERVICE_MEMORY_MIB_PER_REQUEST,
 * SERVICE_FAIL_START (ends at once, for tests of deployments), SERVICE_CRASH_AFTER_MS (ends by itself so long after its start),
 * SERVICE_FAIL_HEALTH (/health answers 500; so it does after SIGUSR2, too), SERVICE_FAIL_REQUESTS (every request is answered with 500), SERVICE_MEMORY_MIB (memory that it
 * needs for itself, in place of SERVICE_BASE_MEMORY_PERCENT; more than its limit TASK_MEMORY_MIB and it is killed), and the database of
 * `dependency.ts`.
 * GET /health, GET /metrics (since the metrics were last read), anything else is a request.
 */
import { randomUUID } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createCpuModel } from './cpu-model.ts';
import { dependencyFrom } from './dependency.ts';

/** What /metrics answers. */
export interface TaskMetrics {
  readonly cpuPercent: number;
  readonly memoryPercent: number;
  readonly requests: number;
  readonly failed: number;
  /** Mean time from arrival to answer, over the requests answered; 0 without any. */
  readonly meanLatencyMs: number;
}

const setting = (name: string, fallback: number): number => {
  const value = Number(process.env[name] ?? fallback);
  if (!Number.isFinite(value) || value < 0)
    throw new Error(`${name}: expected a number from 0, got "${process.env[name]}"`);
  return value;
};

const costMs = setting('SERVICE_COST_MS', 40);
const maxQueue = setting('SERVICE_MAX_QUEUE', 200);
const limitMib = setting('TASK_MEMORY_MIB', 512);
const baseMemory = process.env.SERVICE_MEMORY_MIB
  ? (100 * setting('SERVICE_MEMORY_MIB', 0)) / limitMib
  : setting('SERVICE_BASE_MEMORY_PERCENT', 30);
const memoryPerRequest = process.env.SERVICE_MEMORY_MIB_PER_REQUEST
  ? (100 * setting('SERVICE_MEMORY_MIB_PER_REQUEST', 0)) / limitMib
  : setting('SERVICE_MEMORY_PERCENT_PER_REQUEST', 0.2);
if (process.env.SERVICE_FAIL_START) {
  console.error('SERVICE_FAIL_START is set: this task ends at once');
  process.exit(1);
}

/** Long enough to be seen running first. */
const OUT_OF_MEMORY_AFTER_MS = 500;

/** What the kernel does to a container that needs more than its limit: the stand-in kills the process and says why. */
const tellOutOfMemory = (): void => {
  process.send?.({ outOfMemory: true });
};

const dependency = await dependencyFrom(process.env);
const cpu = createCpuModel();
let ending = false;
let sick = Boolean(process.env.SERVICE_FAIL_HEALTH);
process.on('SIGUSR2', () => {
  sick = true;
});
let underWay = 0;
let peakUnderWay = 0;
let since = { atMs: performance.now(), busyMs: 0, requests: 0, failed: 0, latencyMs: 0 };

function takeMetrics(): TaskMetrics {
  const nowMs = performance.now();
  const busyMs = cpu.busyMs(nowMs);
  const elapsedMs = Math.max(1, nowMs - since.atMs);
  const answered = since.requests + since.failed;
  const metrics = {
    cpuPercent: Math.min(100, (100 * (busyMs - since.busyMs)) / elapsedMs),
    memoryPercent: Math.min(100, baseMemory + memoryPerRequest * peakUnderWay),
    requests: since.requests,
    failed: since.failed,
    meanLatencyMs: answered > 0 ? since.latencyMs / answered : 0,
  };
  since = { atMs: nowMs, busyMs, requests: 0, failed: 0, latencyMs: 0 };
  peakUnderWay = underWay;
  return metrics;
}

const send = (response: ServerResponse, status: number, body: unknown): void => {
  // A kept connection would keep an ending task alive.
  if (ending) response.setHeader('connection', 'close');
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
};

async function serve(response: ServerResponse, requestId: string): Promise<void> {
  if (process.env.SERVICE_FAIL_REQUESTS) {
    since.failed += 1;
    send(response, 500, { error: 'SERVICE_FAIL_REQUESTS is set' });
    return;
  }
  if (underWay >= maxQueue) {
    since.failed += 1;
    send(response, 503, { error: 'overloaded' });
    return;
  }
  const arrivedMs = performance.now();
  underWay += 1;
  peakUnderWay = Math.max(peakUnderWay, underWay);
  if (baseMemory + memoryPerRequest * underWay > 100) tellOutOfMemory();
  let status = 200;
  try {
    await dependency.use(requestId);
    const nowMs = performance.now();
    const { doneAtMs } = cpu.add(costMs, nowMs);
    await new Promise((resolve) => setTimeout(resolve, doneAtMs - nowMs));
    since.requests += 1;
  } catch (error) {
    console.error(`request failed: ${String(error)}`);
    since.failed += 1;
    status = 500;
  }
  underWay -= 1;
  since.latencyMs += performance.now() - arrivedMs;
  send(response, status, status === 200 ? { ok: true } : { error: 'a dependency failed' });
}

const server = createServer((request, response) => {
  if (request.url === '/health') send(response, sick ? 500 : 200, { ok: !sick });
  else if (request.url === '/metrics') send(response, 200, takeMetrics());
  else void serve(response, String(request.headers['x-request-id'] ?? randomUUID()));
});
// Longer than the balancer keeps its connections, so that it is never the task that closes one under a request.
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));

/** Finishes what is under way, then ends. */
function end(): void {
  ending = true;
  server.close(() => {
    dependency.close().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  });
  server.closeIdleConnections();
}
const crashAfterMs = setting('SERVICE_CRASH_AFTER_MS', 0);
if (crashAfterMs > 0) setTimeout(() => process.exit(1), crashAfterMs);
if (baseMemory > 100) setTimeout(tellOutOfMemory, OUT_OF_MEMORY_AFTER_MS);
process.once('SIGTERM', end);
process.once('disconnect', () => process.exit(0));
