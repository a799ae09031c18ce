/** The journal table at the edge: typed reads, and transactions whose refusal says which item refused. */

import { setTimeout as sleep } from 'node:timers/promises';
import {
  BatchGetItemCommand,
  DynamoDBClient,
  GetItemCommand,
  QueryCommand,
  type QueryCommandInput,
  TransactionCanceledException,
  type TransactWriteItem,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import type { JournalEntry } from '../../events/journal.ts';
import { marshall, unmarshall } from './attributes.ts';
import { clientDefaults } from './clients.ts';
import { classifyAwsError, RetryableError } from './errors.ts';
import type { Key } from './items.ts';

/** One item of a transaction with the name by which its refusal is reported. */
export interface Labelled {
  readonly label: string;
  readonly item: TransactWriteItem;
}

/** Why a transaction was cancelled; nothing of it was written. */
export interface Cancelled {
  /** Conditions that failed, by label, with the item as it was. None: other transactions or throttling were in the way, and nothing was refused. */
  readonly failed: ReadonlyMap<string, Record<string, unknown>>;
  /** Labels of the items at which another transaction was. */
  readonly met: ReadonlySet<string>;
}

export type TransactResult = { readonly ok: true } | ({ readonly ok: false } & Cancelled);

const BATCH_LIMIT = 100;
const CONFLICT_TRIES = 6;
const CONFLICT_BASE_MS = 20;

export class Store {
  readonly #client: DynamoDBClient;
  readonly #onEntries: ((entries: readonly JournalEntry[]) => void) | undefined;
  readonly table: string;

  /** @param onEntries told of the timeline entries of each transaction, once they are written. */
  constructor(
    table: string,
    client: DynamoDBClient = new DynamoDBClient(clientDefaults()),
    onEntries?: (entries: readonly JournalEntry[]) => void,
  ) {
    this.table = table;
    this.#client = client;
    this.#onEntries = onEntries;
  }

  /**
   * Strongly consistent read, up to 100 items a call; a missing item is absent from the map (key: `pk`).
   * @throws EngineError when the table can't be read: the caller must then change nothing.
   */
  async readAll(keys: readonly Key[]): Promise<Map<string, Record<string, unknown>>> {
    const found = new Map<string, Record<string, unknown>>();
    // "BatchGetItem", Amazon DynamoDB API Reference: the same key twice, or more than 100, is refused as a whole.
    const once = [...new Map(keys.map((key) => [`${key.pk} ${key.sk}`, key])).values()];
    for (let start = 0; start < once.length; start += BATCH_LIMIT)
      await this.#readBatch(once.slice(start, start + BATCH_LIMIT), found);
    return found;
  }

  async #readBatch(keys: readonly Key[], found: Map<string, Record<string, unknown>>): Promise<void> {
    let pending: Record<string, unknown>[] = keys.map((key) => ({ pk: key.pk, sk: key.sk }));
    for (let tries = 0; pending.length > 0; tries++) {
      if (tries === 4)
        throw new RetryableError(`read ${pending.length} journal items: table ${this.table} is throttling`);
      if (tries > 0) await sleep(Math.random() * CONFLICT_BASE_MS * 2 ** tries);
      const reply = await this.#call('read the journal', () =>
        this.#client.send(
          new BatchGetItemCommand({
            RequestItems: { [this.table]: { ConsistentRead: true, Keys: pending.map((key) => marshall(key)) } },
          }),
        ),
      );
      for (const raw of reply.Responses?.[this.table] ?? []) {
        const item = unmarshall(raw);
        found.set(String(item.pk), item);
      }
      pending = (reply.UnprocessedKeys?.[this.table]?.Keys ?? []).map((key) => unmarshall(key));
    }
  }

  async read(key: Key): Promise<Record<string, unknown> | undefined> {
    const reply = await this.#call(`read ${key.pk}`, () =>
      this.#client.send(
        new GetItemCommand({ TableName: this.table, ConsistentRead: true, Key: marshall({ pk: key.pk, sk: key.sk }) }),
      ),
    );
    return reply.Item ? unmarshall(reply.Item) : undefined;
  }

  /** All pages of a query, up to `limit` items. */
  async query(input: Omit<QueryCommandInput, 'TableName'>, limit = 1000): Promise<Record<string, unknown>[]> {
    const items: Record<string, unknown>[] = [];
    let start: QueryCommandInput['ExclusiveStartKey'];
    do {
      const reply = await this.#call('query the journal', () =>
        this.#client.send(new QueryCommand({ ...input, TableName: this.table, ExclusiveStartKey: start })),
      );
      for (const raw of reply.Items ?? []) items.push(unmarshall(raw));
      start = reply.LastEvaluatedKey;
    } while (start && items.length < limit);
    return items.slice(0, limit);
  }

  /**
   * Writes all items or none, in one try: for a caller who can choose other items when others are at these.
   * @throws EngineError when the table can't be written.
   */
  async transactOnce(items: readonly Labelled[]): Promise<TransactResult> {
    const cancelled = await this.#tryTransact(items);
    if (cancelled) return { ok: false, ...cancelled };
    this.#onEntries?.(items.flatMap(entryIn));
    return { ok: true };
  }

  /**
   * Writes all items or none. A conflict with another transaction is tried again with jitter; a failed condition is not.
   * @throws EngineError when the table can't be written.
   */
  async transact(items: readonly Labelled[]): Promise<TransactResult> {
    for (let tries = 1; ; tries++) {
      const result = await this.transactOnce(items);
      if (result.ok || result.failed.size > 0 || tries === CONFLICT_TRIES) return result;
      await sleep(Math.random() * CONFLICT_BASE_MS * 2 ** tries);
    }
  }

  /** Undefined when written. */
  async #tryTransact(items: readonly Labelled[]): Promise<Cancelled | undefined> {
    try {
      await this.#client.send(new TransactWriteItemsCommand({ TransactItems: items.map((each) => each.item) }));
      return undefined;
    } catch (error) {
      if (!(error instanceof TransactionCanceledException)) throw classifyAwsError('write the journal', error);
      return whyCancelled(items, error);
    }
  }

  async #call<Reply>(what: string, send: () => Promise<Reply>): Promise<Reply> {
    try {
      return await send();
    } catch (error) {
      throw classifyAwsError(what, error);
    }
  }
}

/** `putEntry` labels what it makes. */
const entryIn = ({ label, item: { Put } }: Labelled): JournalEntry[] =>
  label === 'entry' && Put?.Item ? [unmarshall(Put.Item) as unknown as JournalEntry] : [];

const CONFLICT = 'TransactionConflict';
const PASSING = new Set([CONFLICT, 'ThrottlingError', 'ProvisionedThroughputExceeded', 'RequestLimitExceeded']);

function whyCancelled(items: readonly Labelled[], error: TransactionCanceledException): Cancelled {
  const failed = new Map<string, Record<string, unknown>>();
  const met = new Set<string>();
  for (const [index, reason] of (error.CancellationReasons ?? []).entries()) {
    const label = items[index]?.label ?? `item ${index}`;
    if (reason.Code === CONFLICT) met.add(label);
    if (reason.Code === 'ConditionalCheckFailed') failed.set(label, reason.Item ? unmarshall(reason.Item) : {});
    else if (reason.Code && reason.Code !== 'None' && !PASSING.has(reason.Code)) {
      // ItemCollectionSizeLimitExceeded, ValidationError: a fault of ours, not of the moment.
      throw classifyAwsError(
        `write the journal (${label})`,
        Object.assign(new Error(reason.Message ?? ''), { name: reason.Code, $metadata: { httpStatusCode: 400 } }),
      );
    }
  }
  return { failed, met };
}
