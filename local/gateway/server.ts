/** The gateway: one HTTP server on 127.0.0.1 between every SDK client of a world and what answers it. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Need } from '../iam/evaluate.ts';
import { Iam } from '../iam/iam.ts';
import type { AwsCall, AwsReply, Fault, StandIn, WorldContext } from '../world/types.ts';
import { AwsFault } from '../world/types.ts';
import { control } from './control.ts';
import { refusedError, throttledError } from './error-codes.ts';
import { Faults, regionOf } from './faults.ts';
import type { Gateway } from './gateway-types.ts';
import { parseCall, type RawCall } from './parse.ts';
import { Recorder } from './recorder.ts';
import { faultReply } from './reply.ts';
import { resourceOf } from './resource.ts';
import { Transactions } from './transactions.ts';
import { type AwsRequest, flatHeaders, send, toWire, UpstreamUnreachable, understandReply } from './upstream.ts';
import { isChanging } from './verbs.ts';

/** How long a call that times out is held when the fault doesn't say; longer than the call timeouts that clients use. */
const HELD_MS = 10_000;
const SLOW_MS = 1_000;

/** The answer to a call: a reply, or a connection that ends without one. */
type Answer = { readonly reply: AwsReply } | { readonly destroyedAfterMs: number };

/** Opens the gateway for `world`; the world's stop closes it. */
export async function startGateway(world: WorldContext): Promise<Gateway> {
  const gateway = new HttpGateway(world);
  await gateway.listen();
  world.onStop('the gateway', () => gateway.close());
  return gateway;
}

class HttpGateway implements Gateway {
  upstreamUrl: string | undefined;
  httpApi: Gateway['httpApi'];
  readonly faults = new Faults();
  readonly #guard = new Transactions((asked) => this.askEmulator(asked));
  readonly transactions = this.#guard.settings;
  readonly iam: Iam;
  readonly #world: WorldContext;
  readonly #recorder = new Recorder();
  readonly #standIns = new Map<string, StandIn[]>();
  readonly #killers = new Set<(call: AwsCall) => void>();
  readonly #callers = new Map<string, string>();
  readonly #closing = new AbortController();
  readonly #server = createServer((request, response) => {
    this.#serve(request, response).catch((error: unknown) => {
      this.#world.log(
        'gateway',
        `${request.method} ${request.url}: ${error instanceof Error ? error.stack : String(error)}`,
      );
      response.destroy();
    });
  });
  #nextId = 1;
  #port = 0;

  constructor(world: WorldContext) {
    this.#world = world;
    this.iam = new Iam(world.accountId);
    // Clients keep connections longer than Node's default of 5 s; one closed under a request looks like a fault.
    this.#server.keepAliveTimeout = 120_000;
    this.#server.requestTimeout = 0;
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve, reject) => this.#server.once('error', reject).listen(0, '127.0.0.1', resolve));
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the gateway has no port');
    this.#port = address.port;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    if (!this.#server.listening) return;
    const closed = new Promise((done) => this.#server.close(done));
    this.#server.closeAllConnections();
    await closed;
  }

  register(standIn: StandIn): void {
    for (const service of standIn.services)
      this.#standIns.set(service, [...(this.#standIns.get(service) ?? []), standIn]);
  }

  calls() {
    return this.#recorder.calls();
  }

  callsSince(position: number) {
    return { calls: this.#recorder.since(position), next: this.#recorder.position };
  }

  onCall(listener: Parameters<Gateway['onCall']>[0]): () => void {
    return this.#recorder.onCall(listener);
  }

  onKillCaller(listener: (call: AwsCall) => void): () => void {
    this.#killers.add(listener);
    return () => this.#killers.delete(listener);
  }

  nameCaller(accessKeyId: string, caller: string): void {
    this.#callers.set(accessKeyId, caller);
  }

  permits(accessKeyId: string, region: string, need: Need): boolean {
    return this.iam.permits(this.#callers.get(accessKeyId) ?? '', region, need);
  }

  async ask(asked: AwsRequest): Promise<unknown> {
    const { method, path, headers, body } = toWire(asked);
    const call = this.#parse({ method, path, headers, body: Buffer.from(body), id: 0, at: new Date() });
    const isCutOff = this.faults
      .list()
      .some(({ kind, match }) => kind === 'cut-off' && match.caller === undefined && match.region === regionOf(call));
    if (isCutOff) throw new UpstreamUnreachable(`${call.service} in ${call.region} is cut off`);
    return understandReply(await this.#answer(call));
  }

  async askEmulator(asked: AwsRequest): Promise<unknown> {
    if (!this.upstreamUrl) throw new UpstreamUnreachable('the emulator isn’t up yet');
    return understandReply(await send(this.upstreamUrl, toWire(asked)));
  }

  #parse(raw: RawCall): AwsCall {
    return parseCall(raw, this.#world.region, (key) => this.#callers.get(key));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const raw: RawCall = {
      id: this.#nextId++,
      method: request.method ?? 'GET',
      path: request.url ?? '/',
      headers: flatHeaders(request.headersDistinct),
      body: Buffer.concat(chunks),
      at: new Date(),
    };
    if (raw.path.startsWith('/_nightshift/')) return write(response, control(this, raw), raw.method);
    if (this.httpApi && raw.path.startsWith('/_aws/execute-api/'))
      return write(response, await this.httpApi(raw), raw.method);
    if (raw.path.startsWith('/_ministack/')) return write(response, await this.#passOn(raw), raw.method);
    await this.#serveCall(this.#parse(raw), response);
  }

  async #serveCall(call: AwsCall, response: ServerResponse): Promise<void> {
    const started = performance.now();
    const resource = resourceOf(call);
    const needs = this.iam.needsOf(call);
    const fault = this.faults.meet(call, resource);
    const answer = fault ? await this.#meet(fault, call) : { reply: await this.#answer(call) };
    this.#recorder.add({
      id: call.id,
      at: call.at.toISOString(),
      service: call.service,
      region: call.region,
      operation: call.operation,
      caller: call.caller,
      status: 'reply' in answer ? answer.reply.status : 0,
      durationMs: Math.round((performance.now() - started) * 100) / 100,
      changing: isChanging(call.service, call.operation),
      resource,
      ...(needs ? { needs } : {}),
      ...(fault ? { fault: fault.name } : {}),
    });
    if ('reply' in answer) write(response, answer.reply, call.method);
    else {
      await this.#hold(answer.destroyedAfterMs);
      response.destroy();
    }
  }

  async #meet(fault: Fault, call: AwsCall): Promise<Answer> {
    switch (fault.kind) {
      case 'throttled':
        await this.#hold(fault.delayMs ?? 0);
        return { reply: faultReply(call, throttledError(call.service)) };
      case 'refused':
        await this.#hold(fault.delayMs ?? 0);
        return { reply: faultReply(call, refusedError(call.service, call.operation, call.caller)) };
      case 'slow':
        await this.#hold(fault.delayMs ?? SLOW_MS);
        return { reply: await this.#answer(call) };
      case 'timeout-before':
        return { destroyedAfterMs: fault.delayMs ?? HELD_MS };
      case 'timeout-after':
        await this.#answer(call);
        return { destroyedAfterMs: fault.delayMs ?? HELD_MS };
      case 'kill-caller-after':
        await this.#answer(call);
        for (const kill of this.#killers) kill(call);
        return { destroyedAfterMs: 0 };
      case 'cut-off':
        return { destroyedAfterMs: 0 };
    }
  }

  async #hold(ms: number): Promise<void> {
    if (ms > 0) await sleep(ms, undefined, { signal: this.#closing.signal }).catch(() => {}); // Closing ends the waiting.
  }

  /** Without faults: permissions, conflicts, stand-ins, emulator. */
  async #answer(call: AwsCall): Promise<AwsReply> {
    const refusal = this.iam.refusalOf(call);
    if (refusal) return faultReply(call, refusal);
    if (call.service === 'dynamodb') return this.#guard.guard(call, () => this.#answerUnguarded(call));
    return this.#answerUnguarded(call);
  }

  async #answerUnguarded(call: AwsCall): Promise<AwsReply> {
    try {
      for (const standIn of this.#standIns.get(call.service) ?? []) {
        const reply = await standIn.handle(call);
        if (reply) return reply;
      }
    } catch (error) {
      if (error instanceof AwsFault) return faultReply(call, error);
      this.#world.log(
        'gateway',
        `${call.service} ${call.operation}: ${error instanceof Error ? error.stack : String(error)}`,
      );
      return faultReply(call, {
        code: 'InternalFailure',
        status: 500,
        message: `the local ${call.service} failed: ${String(error)}`,
      });
    }
    return this.#passOn(call);
  }

  async #passOn(call: RawCall & Partial<AwsCall>): Promise<AwsReply> {
    const known = { protocol: 'rest' as const, service: 's3', operation: '', ...call };
    if (!this.upstreamUrl)
      return faultReply(known, { code: 'ServiceUnavailable', status: 503, message: 'the emulator isn’t up yet' });
    try {
      return await send(this.upstreamUrl, call);
    } catch (error) {
      this.#world.log('gateway', String(error));
      return faultReply(known, { code: 'ServiceUnavailable', status: 503, message: 'the emulator doesn’t answer' });
    }
  }
}

const NOT_OURS = new Set(['connection', 'keep-alive', 'transfer-encoding']);

function write(response: ServerResponse, reply: AwsReply, method: string): void {
  // The client gave up: there is nobody to answer.
  if (response.destroyed) return;
  const kept = Object.entries(reply.headers).filter(([name]) => !NOT_OURS.has(name));
  const headers = Object.fromEntries(kept);
  const isBodiless = method === 'HEAD' || reply.status === 204 || reply.status === 304;
  if (!isBodiless) headers['content-length'] = String(Buffer.byteLength(reply.body));
  response.writeHead(reply.status, headers);
  response.end(isBodiless ? undefined : reply.body);
}
