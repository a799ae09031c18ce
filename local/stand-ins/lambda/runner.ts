/** Running a function once: quota, environment, invocation, log lines, metrics. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { transformSync } from 'esbuild';
import type { Gateway } from '../../gateway/gateway-types.ts';
import type { MetricSink, WorldContext } from '../../world/types.ts';
import { unzippedCode } from './code.ts';
import { Concurrency } from './concurrency.ts';
import type { Definitions } from './definitions.ts';
import { embeddedMetrics } from './embedded-metrics.ts';
import { workerEnvironment } from './environment.ts';
import { FunctionLogs } from './logs.ts';
import { Pool } from './pool.ts';
import type { FunctionDefinition, Invocation, RunResult } from './types.ts';
import { Worker, type WorkerAnswer } from './worker.ts';

/** Processes of about 45 MB each: more than this would slow the whole world down on a small machine. */
const MAX_WORKERS = 16;
/** 6 MB, the quota of a synchronous response. */
const MAX_RESPONSE_BYTES = 6_291_556;

export interface Run {
  readonly definition: FunctionDefinition;
  readonly requestId: string;
  /** JSON text. */
  readonly payload: string;
  readonly type: Invocation['type'];
  readonly attempt: number;
}

export class Runner {
  readonly concurrency = new Concurrency();
  readonly logs: FunctionLogs;
  readonly pool: Pool;
  metrics: MetricSink | undefined;
  dnsPort: number | undefined;
  readonly #world: WorldContext;
  readonly #gateway: Gateway;
  readonly #definitions: Definitions;
  readonly #listeners = new Set<(invocation: Invocation) => void>();
  readonly #runtimeFile: string;

  constructor(world: WorldContext, gateway: Gateway, definitions: Definitions) {
    this.#world = world;
    this.#gateway = gateway;
    this.#definitions = definitions;
    this.logs = new FunctionLogs(world);
    this.#runtimeFile = writeRuntime(world);
    this.pool = new Pool({ maxWorkers: MAX_WORKERS, start: (definition, key) => this.#start(definition, key) });
  }

  onInvocation(listener: (invocation: Invocation) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Never rejects: what goes wrong is a result. */
  async run(run: Run): Promise<RunResult> {
    const giveBack = await this.pool.seat();
    try {
      return await this.#runSeated(run);
    } finally {
      giveBack();
    }
  }

  async #runSeated(run: Run): Promise<RunResult> {
    const { definition } = run;
    const startedAt = new Date();
    const entered = this.concurrency.enter(definition, await this.#definitions.reserved(definition.region));
    if ('throttled' in entered) {
      const result: RunResult = { kind: 'throttled', reason: entered.throttled };
      this.#tell(run, startedAt, 0, false, result);
      return result;
    }
    try {
      return await this.#runIn(run, startedAt);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#world.log('lambda', `${definition.name} ${run.requestId}: ${message}`);
      return { kind: 'system-error', message };
    } finally {
      entered.leave();
    }
  }

  async stop(): Promise<void> {
    await this.pool.stop();
    await this.logs.close();
  }

  async #runIn(run: Run, startedAt: Date): Promise<RunResult> {
    const { definition, requestId } = run;
    const { worker, release } = await this.pool.take(definition);
    const isCold = !worker.hasRun;
    const log = (line: string) => this.logs.write(definition.name, definition.region, line);
    log(`START RequestId: ${requestId} Version: $LATEST`);
    const answer = await worker.invoke({
      requestId,
      payload: run.payload,
      timeoutMs: definition.timeoutSeconds * 1_000,
      functionArn: definition.arn,
    });
    const durationMs = worker.lastRunMs;
    const logTail = await worker.lastOutput();
    log(`END RequestId: ${requestId}`);
    log(report(run, durationMs, isCold ? worker.initMs : undefined, answer));
    release();
    const result = toResult(answer, logTail);
    this.#tell(run, startedAt, durationMs, isCold, result);
    return result;
  }

  async #start(definition: FunctionDefinition, accessKeyId: string): Promise<Worker> {
    const folder = await unzippedCode(join(this.#world.dir, 'lambda', 'code'), definition.codeSha256, () =>
      this.#fetchZip(definition),
    );
    this.#gateway.nameCaller(accessKeyId, definition.name);
    const environment = workerEnvironment(this.#world, {
      definition,
      folder,
      gatewayUrl: this.#gateway.url,
      accessKeyId,
      dnsPort: this.dnsPort,
    });
    return new Worker({
      world: this.#world,
      definition,
      folder,
      runtimeFile: this.#runtimeFile,
      environment,
      accessKeyId,
      onLine: (line) => {
        this.logs.write(definition.name, definition.region, line);
        for (const { values, ...metric } of embeddedMetrics(line))
          for (const value of values) this.metrics?.put({ ...metric, region: definition.region, value });
      },
    });
  }

  async #fetchZip({ name, region }: FunctionDefinition): Promise<Uint8Array> {
    const url = `${this.#gateway.upstreamUrl}/_ministack/lambda-code/${this.#world.accountId}/${region}/${name}`;
    const reply = await fetch(url);
    if (!reply.ok) throw new Error(`the emulator has no code for ${name} in ${region}: ${reply.status}`);
    return new Uint8Array(await reply.arrayBuffer());
  }

  #tell(run: Run, startedAt: Date, durationMs: number, coldStart: boolean, result: RunResult): void {
    const { definition, requestId, type, attempt } = run;
    const invocation: Invocation = {
      functionName: definition.name,
      region: definition.region,
      requestId,
      type,
      attempt,
      startedAt,
      durationMs,
      coldStart,
      outcome: result.kind,
      ...(result.kind === 'function-error' ? { errorType: result.errorType } : {}),
    };
    for (const listener of this.#listeners) listener(invocation);
    this.#measure(invocation);
  }

  /** "Types of metrics for Lambda functions": invocation and performance metrics. */
  #measure({ functionName, region, outcome, durationMs }: Invocation): void {
    const put = (name: string, value: number, unit: string) =>
      this.metrics?.put({
        region,
        namespace: 'AWS/Lambda',
        name,
        dimensions: { FunctionName: functionName },
        value,
        unit,
        at: new Date(),
      });
    // A throttled request counts as neither an invocation nor an error.
    put('Throttles', outcome === 'throttled' ? 1 : 0, 'Count');
    if (outcome === 'throttled') return;
    put('Invocations', 1, 'Count');
    put('Errors', outcome === 'ok' ? 0 : 1, 'Count');
    put('Duration', durationMs, 'Milliseconds');
  }
}

/** Types are stripped once here, so that a worker's cold start doesn't pay for it. */
function writeRuntime(world: WorldContext): string {
  const folder = join(world.dir, 'lambda');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'runtime.mjs');
  writeFileSync(
    file,
    transformSync(readFileSync(join(import.meta.dirname, 'runtime.ts'), 'utf8'), { loader: 'ts', target: 'node24' })
      .code,
  );
  return file;
}

function toResult(answer: WorkerAnswer, logTail: string): RunResult {
  if ('error' in answer)
    return {
      kind: 'function-error',
      payload: JSON.stringify(answer.error),
      errorType: answer.error.errorType,
      logTail,
    };
  if (Buffer.byteLength(answer.payload) > MAX_RESPONSE_BYTES) {
    const errorMessage = `Response payload size exceeded maximum allowed payload size (${MAX_RESPONSE_BYTES} bytes).`;
    const errorType = 'Function.ResponseSizeTooLarge';
    return { kind: 'function-error', payload: JSON.stringify({ errorType, errorMessage }), errorType, logTail };
  }
  return { kind: 'ok', payload: answer.payload, logTail };
}

function report(run: Run, durationMs: number, initMs: number | undefined, answer: WorkerAnswer): string {
  const { definition, requestId } = run;
  const failed = 'error' in answer && answer.error.errorType.startsWith('Sandbox') ? '\tStatus: timeout' : '';
  const init = initMs === undefined ? '' : `\tInit Duration: ${initMs.toFixed(2)} ms`;
  return (
    `REPORT RequestId: ${requestId}\tDuration: ${durationMs.toFixed(2)} ms\tBilled Duration: ${Math.ceil(durationMs)} ms` +
    `\tMemory Size: ${definition.memoryMegabytes} MB${init}${failed}`
  );
}
