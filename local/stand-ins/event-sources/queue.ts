/**
 * Polling an SQS queue for a function (Lambda developer guide, "Using Lambda with Amazon SQS"): what succeeded is deleted, what failed becomes
 * visible again by the queue's own timeout and goes to its dead-letter queue by its own redrive policy.
 */
import type { Gateway } from '../../gateway/gateway-types.ts';
import { parseArn } from '../../gateway/services.ts';
import type { WorldContext } from '../../world/types.ts';
import type { LocalLambda } from '../lambda/types.ts';
import type { Mapping } from './mapping.ts';
import { batchOutcome, invokeSafely } from './outcome.ts';

interface ReceivedMessage {
  readonly MessageId: string;
  readonly ReceiptHandle: string;
  readonly Body: string;
  readonly MD5OfBody?: string;
  readonly Attributes?: Readonly<Record<string, string>>;
  readonly MessageAttributes?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** One receive gives ten at most. */
const MAX_RECEIVED = 10;
const WAIT_SECONDS = 1;
const AFTER_ERROR_MS = 500;
/** Lambda starts with five pollers. */
const DEFAULT_CONCURRENCY = 5;

const lowerFirst = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1);

/** A message as the function sees it. */
export function toRecord(
  message: ReceivedMessage,
  mapping: Pick<Mapping, 'region' | 'input'>,
): Record<string, unknown> {
  const attributes = Object.entries(message.MessageAttributes ?? {}).map(([name, value]) => [
    name,
    Object.fromEntries(Object.entries(value).map(([key, inner]) => [lowerFirst(key), inner])),
  ]);
  return {
    messageId: message.MessageId,
    receiptHandle: message.ReceiptHandle,
    body: message.Body,
    attributes: message.Attributes ?? {},
    messageAttributes: Object.fromEntries(attributes),
    md5OfBody: message.MD5OfBody,
    eventSource: 'aws:sqs',
    eventSourceARN: mapping.input.EventSourceArn,
    awsRegion: mapping.region,
  };
}

/** Filters look into a body that is JSON (developer guide, "Using event filtering with an Amazon SQS event source"). */
function filterable(record: Record<string, unknown>): Record<string, unknown> {
  try {
    return { ...record, body: JSON.parse(String(record.body)) };
  } catch {
    return record;
  }
}

export class QueuePoller {
  lastResult = 'No records processed';
  readonly #world: WorldContext;
  readonly #gateway: Gateway;
  readonly #lambda: LocalLambda;
  readonly #mapping: Mapping;
  readonly #finished: Promise<unknown>;
  #isStopped = false;

  constructor(given: { world: WorldContext; gateway: Gateway; lambda: LocalLambda; mapping: Mapping }) {
    this.#world = given.world;
    this.#gateway = given.gateway;
    this.#lambda = given.lambda;
    this.#mapping = given.mapping;
    const pollers = given.mapping.input.ScalingConfig?.MaximumConcurrency ?? DEFAULT_CONCURRENCY;
    this.#finished = this.#poll(Math.max(1, Math.min(pollers, DEFAULT_CONCURRENCY)));
  }

  poke(): void {}

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#finished;
  }

  /** One receiver feeds up to `concurrency` invocations at a time. */
  async #poll(concurrency: number): Promise<void> {
    const running = new Set<Promise<void>>();
    while (!this.#isStopped) {
      try {
        const messages = await this.#receive();
        if (messages.length === 0) continue;
        const one = this.#process(messages)
          .catch((error: unknown) => this.#log(error))
          .finally(() => running.delete(one));
        running.add(one);
        if (running.size >= concurrency) await Promise.race(running);
      } catch (error) {
        if (this.#isStopped) break;
        this.#log(error);
        await new Promise((resolve) => setTimeout(resolve, AFTER_ERROR_MS));
      }
    }
    await Promise.allSettled(running);
  }

  #log(error: unknown): void {
    if (!this.#isStopped) this.#world.log('event-sources', `${this.#mapping.input.EventSourceArn}: ${String(error)}`);
  }

  #ask(operation: string, body: Record<string, unknown>): Promise<unknown> {
    const { account, resource } = parseArn(this.#mapping.input.EventSourceArn);
    return this.#gateway.askEmulator({
      service: 'sqs',
      region: this.#mapping.region,
      target: `AmazonSQS.${operation}`,
      body: { QueueUrl: `${this.#gateway.url}/${account}/${resource}`, ...body },
    });
  }

  async #receive(): Promise<readonly ReceivedMessage[]> {
    const reply = (await this.#ask('ReceiveMessage', {
      MaxNumberOfMessages: Math.min(MAX_RECEIVED, this.#mapping.batchSize),
      WaitTimeSeconds: WAIT_SECONDS,
      AttributeNames: ['All'],
      MessageAttributeNames: ['All'],
    })) as { Messages?: readonly ReceivedMessage[] };
    return reply.Messages ?? [];
  }

  async #process(messages: readonly ReceivedMessage[]): Promise<void> {
    const { wants, input } = this.#mapping;
    const both = messages.map((message) => ({ message, record: toRecord(message, this.#mapping) }));
    const wanted = both.filter(({ record }) => wants(filterable(record)));
    // A message that the filter doesn't want is gone: that is how AWS has it for queues.
    await this.#delete(both.filter((one) => !wanted.includes(one)).map(({ message }) => message));
    if (wanted.length === 0) return;
    const result = await invokeSafely(
      this.#lambda,
      this.#mapping,
      wanted.map(({ record }) => record),
    );
    const ids = wanted.map(({ message }) => message.MessageId);
    const outcome = batchOutcome(result, ids, input.FunctionResponseTypes.length > 0);
    this.lastResult = outcome.kind === 'done' ? 'OK' : 'PROBLEM: Function call failed';
    if (outcome.kind === 'failed' || outcome.kind === 'not-run') return;
    const isDone = (id: string) => outcome.kind === 'done' || !outcome.failed.has(id);
    await this.#delete(wanted.map(({ message }) => message).filter(({ MessageId }) => isDone(MessageId)));
  }

  async #delete(messages: readonly ReceivedMessage[]): Promise<void> {
    if (messages.length === 0) return;
    const entries = messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
    await this.#ask('DeleteMessageBatch', { Entries: entries });
  }
}
