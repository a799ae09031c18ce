/** The queue of asynchronous invocations: each event is tried, tried again, and in the end told to its destinations. */
import { randomUUID } from 'node:crypto';
import type { Gateway } from '../../gateway/gateway-types.ts';
import type { WorldContext } from '../../world/types.ts';
import type { Definitions } from './definitions.ts';
import { type Condition, type Finished, sendToDeadLetter, sendToDestination } from './destinations.ts';
import { nextStep } from './retry-policy.ts';
import type { Runner } from './runner.ts';
import type { FunctionDefinition, RunResult } from './types.ts';

interface Queued {
  readonly requestId: string;
  readonly name: string;
  readonly region: string;
  readonly payload: string;
  readonly acceptedAt: number;
  failed: number;
  deferred: number;
  last?: RunResult;
}

/** Attempts to hand a record to a destination before it is given up. */
const SEND_ATTEMPTS = 3;

export class AsyncQueue {
  readonly #world: WorldContext;
  readonly #gateway: Gateway;
  readonly #definitions: Definitions;
  readonly #runner: Runner;
  readonly #timers = new Set<NodeJS.Timeout>();
  /** Names of the functions whose events wait or run, one for each event. */
  readonly #waiting = new Map<string, string>();
  #isStopped = false;

  constructor(world: WorldContext, gateway: Gateway, definitions: Definitions, runner: Runner) {
    this.#world = world;
    this.#gateway = gateway;
    this.#definitions = definitions;
    this.#runner = runner;
  }

  /** How many events are accepted and neither done nor given up. @param counts Of which functions, by name; of all when left out. */
  pending(counts: (functionName: string) => boolean = () => true): number {
    return [...this.#waiting.values()].filter(counts).length;
  }

  /** @param payload JSON text. @throws AwsFault ResourceNotFoundException. */
  async accept(name: string, region: string, payload: string): Promise<{ requestId: string }> {
    await this.#definitions.get(name, region);
    const requestId = randomUUID();
    this.#waiting.set(requestId, name);
    this.#schedule({ requestId, name, region, payload, acceptedAt: Date.now(), failed: 0, deferred: 0 }, 0);
    return { requestId };
  }

  stop(): void {
    this.#isStopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #schedule(queued: Queued, inMs: number): void {
    if (this.#isStopped) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#attempt(queued).catch((error: unknown) => {
        this.#waiting.delete(queued.requestId);
        if (!this.#isStopped)
          this.#world.log('lambda', `asynchronous ${queued.name} ${queued.requestId}: ${String(error)}`);
      });
    }, inMs);
    this.#timers.add(timer);
  }

  async #attempt(queued: Queued): Promise<void> {
    const definition = await this.#definitions.get(queued.name, queued.region);
    // "If you set reserved concurrency to zero, events go to the dead-letter queue or the on-failure destination, without any retries."
    if (definition.reservedConcurrency === 0) return this.#finish(queued, definition, 'RetriesExhausted');
    const { requestId, payload } = queued;
    const attempt = queued.failed + queued.deferred + 1;
    const result = await this.#runner.run({ definition, requestId, payload, type: 'Event', attempt });
    queued.last = result;
    if (result.kind === 'function-error') queued.failed += 1;
    queued.deferred = result.kind === 'throttled' || result.kind === 'system-error' ? queued.deferred + 1 : 0;
    const ageMs = Date.now() - queued.acceptedAt;
    const step = nextStep(result, { ...queued, ageMs }, definition.asynchronous, this.#world.timeScale);
    if (step.kind === 'again') return this.#schedule(queued, step.inMs);
    return this.#finish(queued, definition, step.condition);
  }

  async #finish(queued: Queued, definition: FunctionDefinition, condition: Condition): Promise<void> {
    this.#waiting.delete(queued.requestId);
    const { onFailureArn, onSuccessArn, deadLetterArn } = definition.asynchronous;
    const { requestId, payload, last } = queued;
    const runs = queued.failed + (condition === 'Success' ? 1 : 0);
    const finished: Finished = { definition, requestId, payload, condition, runs, ...(last ? { last } : {}) };
    const destination = condition === 'Success' ? onSuccessArn : onFailureArn;
    if (condition !== 'Success') this.#measure(definition, 'AsyncEventsDropped');
    if (destination)
      await this.#send('DestinationDeliveryFailures', destination, finished, () =>
        this.#toDestination(destination, finished),
      );
    if (condition !== 'Success' && deadLetterArn)
      await this.#send('DeadLetterErrors', deadLetterArn, finished, () =>
        sendToDeadLetter(this.#gateway, deadLetterArn, finished),
      );
  }

  #toDestination(destination: string, finished: Finished): Promise<void> {
    const invoke = (arn: string, payload: unknown) => {
      const [, , , region = '', , , name = ''] = arn.split(':');
      return this.accept(name, region, JSON.stringify(payload));
    };
    return sendToDestination(this.#gateway, invoke, destination, finished);
  }

  async #send(metric: string, to: string, finished: Finished, send: () => Promise<void>): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await send();
      } catch (error) {
        if (this.#isStopped) return;
        this.#world.log(
          'lambda',
          `${finished.definition.name} ${finished.requestId} to ${to}, attempt ${attempt}: ${String(error)}`,
        );
        if (attempt < SEND_ATTEMPTS) continue;
        this.#measure(finished.definition, metric);
        return;
      }
    }
  }

  #measure({ name, region }: FunctionDefinition, metric: string): void {
    const dimensions = { FunctionName: name };
    this.#runner.metrics?.put({
      region,
      namespace: 'AWS/Lambda',
      name: metric,
      dimensions,
      value: 1,
      unit: 'Count',
      at: new Date(),
    });
  }
}
