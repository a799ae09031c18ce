/**
 * Lambda: the emulator keeps functions, this runs them (Lambda developer guide and API reference, "Invoke"). What it leaves out is in
 * docs/local-world.md: published versions run the latest code, environments aren't frozen between invocations, no processor share by memory.
 */
import { randomUUID } from 'node:crypto';
import type { Gateway } from '../../gateway/gateway-types.ts';
import { jsonReply } from '../../gateway/reply.ts';
import { type AwsCall, AwsFault, type AwsReply, type WorldContext } from '../../world/types.ts';
import { AsyncQueue } from './async-queue.ts';
import { Definitions, functionName } from './definitions.ts';
import { Runner } from './runner.ts';
import type { LocalLambda, RunResult } from './types.ts';

export type { Invocation, LocalLambda, RegisteredSettings, RunResult } from './types.ts';

/** Quotas of the payload ("Lambda quotas"): 6 MB when waited for, 1 MB when not. */
const MAX_SYNC_BYTES = 6_291_456;
const MAX_ASYNC_BYTES = 1_048_576;

/** Makes the Lambda of `world` and registers it with the gateway; the world's stop ends its processes. */
export async function createLambda(world: WorldContext, gateway: Gateway): Promise<LocalLambda> {
  const definitions = new Definitions(gateway);
  const runner = new Runner(world, gateway, definitions);
  const queue = new AsyncQueue(world, gateway, definitions, runner);
  const byKey = (accessKeyId: string) => runner.pool.kill((worker) => worker.accessKeyId === accessKeyId);
  const stopListening = gateway.onKillCaller((call) => {
    if (byKey(call.accessKeyId) === 0)
      world.log('lambda', `no worker to kill after ${call.service} ${call.operation} (${call.caller})`);
  });

  const lambda: LocalLambda = {
    services: ['lambda'],
    handle: (call) => handle(call, definitions, runner, queue),
    async invoke(reference, region, payload) {
      const found = functionName(reference, region);
      const definition = await definitions.get(found.name, found.region);
      return runner.run({
        definition,
        requestId: randomUUID(),
        payload: JSON.stringify(payload ?? {}),
        type: 'RequestResponse',
        attempt: 1,
      });
    },
    async invokeAsync(functionArn, payload) {
      const { name, region } = functionName(functionArn, world.region);
      return queue.accept(name, region, JSON.stringify(payload ?? {}));
    },
    registerInvokeConfig: (name, region, settings) => definitions.register(name, region, settings),
    logs: (name, region = world.region) => runner.logs.read(name, region),
    onInvocation: (listener) => runner.onInvocation(listener),
    killWorker: (which) =>
      'accessKeyId' in which
        ? byKey(which.accessKeyId)
        : runner.pool.killFunction(which.functionName, which.region ?? world.region),
    setMetrics(sink) {
      runner.metrics = sink;
    },
    setNameServer(port) {
      runner.dnsPort = port;
    },
    setAccountConcurrency(limit) {
      runner.concurrency.accountLimit = limit;
    },
    refresh: () => definitions.refresh(),
    pending: (counts) => queue.pending(counts),
    async stop() {
      stopListening();
      queue.stop();
      await runner.stop();
    },
  };
  gateway.register(lambda);
  world.onStop('Lambda workers', () => lambda.stop());
  return lambda;
}

/** Operations after which a cached definition may be wrong. */
const CHANGES = /^(Create|Update|Delete|Put|Publish)/;

async function handle(
  call: AwsCall,
  definitions: Definitions,
  runner: Runner,
  queue: AsyncQueue,
): Promise<AwsReply | undefined> {
  if (CHANGES.test(call.operation)) definitions.refresh();
  if (call.operation !== 'Invoke') return undefined;
  const { name, region } = functionName(String(call.params.FunctionName), call.region);
  const definition = await definitions.get(name, region);
  const type = call.headers['x-amz-invocation-type'] ?? 'RequestResponse';
  if (type === 'DryRun') return { ...jsonReply(call, undefined), status: 204 };
  const payload = checkedPayload(call.body, type === 'Event' ? MAX_ASYNC_BYTES : MAX_SYNC_BYTES);
  if (type === 'Event') {
    const { requestId } = await queue.accept(name, region, payload);
    return { status: 202, headers: { 'x-amzn-requestid': requestId, 'x-amz-executed-version': '$LATEST' }, body: '' };
  }
  const requestId = randomUUID();
  const wantsLog = call.headers['x-amz-log-type'] === 'Tail';
  return reply(
    requestId,
    await runner.run({ definition, requestId, payload, type: 'RequestResponse', attempt: 1 }),
    wantsLog,
  );
}

function checkedPayload(body: Buffer, limitBytes: number): string {
  if (body.length > limitBytes)
    throw new AwsFault(
      'RequestTooLargeException',
      `Request must be smaller than ${limitBytes} bytes for the InvokeFunction operation`,
      413,
    );
  const text = body.length === 0 ? '{}' : body.toString('utf8');
  try {
    JSON.parse(text);
  } catch {
    throw new AwsFault('InvalidRequestContentException', 'Could not parse request body into json', 400);
  }
  return text;
}

function reply(requestId: string, result: RunResult, wantsLog: boolean): AwsReply {
  if (result.kind === 'throttled')
    throw new AwsFault('TooManyRequestsException', `Rate Exceeded. (${result.reason})`, 429);
  if (result.kind === 'system-error') throw new AwsFault('ServiceException', result.message, 500);
  return {
    status: 200,
    headers: {
      'content-type': 'application/json',
      'x-amzn-requestid': requestId,
      'x-amz-executed-version': '$LATEST',
      ...(wantsLog ? { 'x-amz-log-result': Buffer.from(result.logTail).toString('base64') } : {}),
      ...(result.kind === 'function-error' ? { 'x-amz-function-error': 'Unhandled' } : {}),
    },
    body: result.payload,
  };
}
