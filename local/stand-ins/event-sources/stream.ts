/**
 * Following a DynamoDB stream for a function (Lambda developer guide, "Using AWS Lambda with Amazon DynamoDB", "Process DynamoDB records"):
 * in order, again from the first record that failed, halved where asked for, and told to the failure destination when it is given up.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Gateway } from '../../gateway/gateway-types.ts';
import { parseArn, publishToTopic, sendToQueue } from '../../gateway/services.ts';
import { AwsCallError } from '../../gateway/upstream.ts';
import type { WorldContext } from '../../world/types.ts';
import type { LocalLambda } from '../lambda/types.ts';
import type { Mapping } from './mapping.ts';
import { batchOutcome, invokeSafely } from './outcome.ts';

/** A stream record as GetRecords gives it. */
export interface StreamRecord {
  readonly eventID: string;
  readonly eventName: string;
  readonly awsRegion?: string;
  readonly dynamodb: { readonly SequenceNumber: string; readonly ApproximateCreationDateTime: number };
}

/** The stream is looked at this often without a sign; a write through the gateway is a sign. */
const POLL_MS = 500;
const READ_AT_ONCE = 1_000;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;

interface Given {
  readonly world: WorldContext;
  readonly gateway: Gateway;
  readonly lambda: LocalLambda;
  readonly mapping: Mapping;
}

export class StreamFollower {
  lastResult = 'No records processed';
  readonly #given: Given;
  readonly #stopping = new AbortController();
  readonly #finished: Promise<void>;
  #poke: () => void = () => {};

  constructor(given: Given) {
    this.#given = given;
    this.#finished = this.#follow();
  }

  /** Something was written: look now. */
  poke(): void {
    this.#poke();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#poke();
    await this.#finished;
  }

  get #isStopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  async #follow(): Promise<void> {
    let iterator: string | undefined;
    while (!this.#isStopped) {
      try {
        iterator ??= await this.#iterator();
        const { records, next } = await this.#read(iterator);
        await this.#deliver(records);
        iterator = next;
        if (records.length < READ_AT_ONCE) await this.#pause();
      } catch (error) {
        if (this.#isStopped) return;
        this.#log(`can't be read: ${error instanceof Error ? error.message : String(error)}`);
        if (error instanceof AwsCallError && error.code.startsWith('ExpiredIterator')) iterator = undefined;
        await this.#pause();
      }
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, POLL_MS);
      this.#poke = () => {
        clearTimeout(timer);
        resolve();
      };
      if (this.#isStopped) this.#poke();
    });
  }

  #ask(operation: string, body: Record<string, unknown>): Promise<unknown> {
    const target = `DynamoDBStreams_20120810.${operation}`;
    return this.#given.gateway.askEmulator({ service: 'dynamodb', region: this.#given.mapping.region, target, body });
  }

  /** The emulator keeps one shard a stream. */
  async #iterator(): Promise<string> {
    const { input } = this.#given.mapping;
    const StreamArn = input.EventSourceArn;
    const { StreamDescription } = (await this.#ask('DescribeStream', { StreamArn })) as {
      StreamDescription: { Shards: readonly { ShardId: string }[] };
    };
    const [shard] = StreamDescription.Shards;
    if (!shard) throw new Error('the stream has no shard');
    const asked = { StreamArn, ShardId: shard.ShardId, ShardIteratorType: input.StartingPosition };
    return ((await this.#ask('GetShardIterator', asked)) as { ShardIterator: string }).ShardIterator;
  }

  async #read(iterator: string): Promise<{ records: readonly StreamRecord[]; next: string }> {
    const reply = (await this.#ask('GetRecords', { ShardIterator: iterator, Limit: READ_AT_ONCE })) as {
      Records: readonly StreamRecord[];
      NextShardIterator: string;
    };
    return { records: reply.Records, next: reply.NextShardIterator };
  }

  async #deliver(read: readonly StreamRecord[]): Promise<void> {
    const { mapping } = this.#given;
    const records = read
      .map((record) => ({
        ...record,
        eventVersion: '1.1',
        eventSource: 'aws:dynamodb',
        awsRegion: mapping.region,
        eventSourceARN: mapping.input.EventSourceArn,
      }))
      .filter((record) => mapping.wants(record));
    for (let at = 0; at < records.length && !this.#isStopped; at += mapping.batchSize)
      await this.#process(records.slice(at, at + mapping.batchSize));
  }

  /** Until the batch is done or given up. Nothing after it is read meanwhile: that is what keeps the order. */
  async #process(batch: readonly StreamRecord[]): Promise<void> {
    const { lambda, mapping } = this.#given;
    const { input } = mapping;
    let rest = batch;
    let failures = 0;
    for (let waits = 0; rest.length > 0 && !this.#isStopped; ) {
      const result = await invokeSafely(lambda, mapping, rest);
      const identifiers = rest.map(({ dynamodb }) => dynamodb.SequenceNumber);
      const outcome = batchOutcome(result, identifiers, input.FunctionResponseTypes.length > 0);
      this.lastResult = outcome.kind === 'done' ? 'OK' : 'PROBLEM: Function call failed';
      if (outcome.kind === 'done') return;
      if (outcome.kind === 'partly') {
        const first = identifiers.findIndex((id) => outcome.failed.has(id));
        // What came before the first failure is done, and the count starts anew for what is left.
        if (first > 0) failures = 0;
        rest = rest.slice(first);
      }
      if (outcome.kind === 'failed' && input.BisectBatchOnFunctionError && rest.length > 1) {
        const half = Math.ceil(rest.length / 2);
        await this.#process(rest.slice(0, half));
        return this.#process(rest.slice(half));
      }
      if (outcome.kind !== 'not-run') failures += 1;
      const condition = this.#givenUp(rest, failures);
      if (condition) return this.#tellFailure(rest, condition, failures);
      await this.#backOff(waits++);
    }
  }

  #givenUp(rest: readonly StreamRecord[], failures: number): string | undefined {
    const { MaximumRetryAttempts, MaximumRecordAgeInSeconds } = this.#given.mapping.input;
    if (MaximumRetryAttempts >= 0 && failures > MaximumRetryAttempts) return 'RetryAttemptsExhausted';
    const ageSeconds = Date.now() / 1_000 - (rest[0]?.dynamodb.ApproximateCreationDateTime ?? 0);
    return MaximumRecordAgeInSeconds >= 0 && ageSeconds > MaximumRecordAgeInSeconds ? 'RecordAgeExceeded' : undefined;
  }

  async #backOff(waits: number): Promise<void> {
    const waitMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(waits, 10)) * this.#given.world.timeScale;
    await sleep(waitMs, undefined, { signal: this.#stopping.signal }).catch(() => {}); // Stopping ends the waiting.
  }

  async #tellFailure(rest: readonly StreamRecord[], condition: string, runs: number): Promise<void> {
    const { gateway, mapping } = this.#given;
    const destination = mapping.input.DestinationConfig?.OnFailure?.Destination;
    this.#log(`${rest.length} records given up: ${condition}`);
    if (!destination) return;
    const body = JSON.stringify(failureRecord(mapping, rest, condition, runs));
    try {
      if (parseArn(destination).service === 'sns') await publishToTopic(gateway, destination, body);
      else await sendToQueue(gateway, destination, { body });
    } catch (error) {
      // The records are given up either way; a line in the world's log is what remains.
      this.#log(
        `the failure destination ${destination} failed: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }

  #log(line: string): void {
    const { world, mapping } = this.#given;
    world.log('event-sources', `${mapping.input.EventSourceArn} for ${mapping.functionArn}: ${line}`);
  }
}

/** "Retaining discarded batches", the record for a stream: it names the records, it doesn't hold them. */
export function failureRecord(
  mapping: Mapping,
  records: readonly StreamRecord[],
  condition: string,
  runs: number,
): Record<string, unknown> {
  const [first] = records;
  const last = records.at(-1);
  const at = (record: StreamRecord | undefined) =>
    new Date((record?.dynamodb.ApproximateCreationDateTime ?? 0) * 1_000).toISOString();
  return {
    requestContext: {
      requestId: crypto.randomUUID(),
      functionArn: mapping.functionArn,
      condition,
      approximateInvokeCount: runs,
    },
    responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
    version: '1.0',
    timestamp: new Date().toISOString(),
    DDBStreamBatchInfo: {
      shardId: 'shardId-00000000000000000000-00000000',
      startSequenceNumber: first?.dynamodb.SequenceNumber,
      endSequenceNumber: last?.dynamodb.SequenceNumber,
      approximateArrivalOfFirstRecord: at(first),
      approximateArrivalOfLastRecord: at(last),
      batchSize: records.length,
      streamArn: mapping.input.EventSourceArn,
    },
  };
}
