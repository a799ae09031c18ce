/**
 * What was told and what waits for a digest, in the journal's table, so that it outlives every function. All items are this part's own; nothing of
 * the engine's is read or written, except lines added to a timeline.
 */
import { ConditionalCheckFailedException, type DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import type { JournalEntry } from '../../../events/journal.ts';
import { marshall, unmarshall } from '../../engine/attributes.ts';
import { classifyAwsError, RetryableError } from '../../engine/errors.ts';
import type { Key } from '../../engine/items.ts';
import type { Labelled, Store } from '../../engine/store.ts';
import { putEntry } from '../../engine/writes.ts';
import type { FoldedLine } from './templates.ts';

/** Longer than the function's hard timeout of 30 s, shorter than the minute after which Lambda delivers again. */
export const LEASE_MS = 45_000;
/** EventBridge's 24 hours, Lambda's 6, and a person's redrive from the failure queue. */
const KEPT_SECONDS = 15 * 24 * 3600;
const MINUTE_MS = 60_000;
/** Most lines of one digest; a later one tells the rest. DynamoDB's transactions take 100 items. */
const DIGEST_MOST = 500;
const TRANSACTION_MOST = 100;

const noticeKey = (channel: string, entryId: string): Key => ({ pk: `NOTICE#${channel}#${entryId}`, sk: 'NOTICE' });
const rateKey = (channel: string, window: number): Key => ({ pk: `NOTICES#${channel}#${window}`, sk: 'RATE' });
const foldKey = (channel: string, entryId: string): Key => ({ pk: `FOLD#${channel}`, sk: `FOLD#${entryId}` });
const digestKey = (channel: string): Key => ({ pk: `DIGEST#${channel}`, sk: 'DIGEST' });
const resolvedKey = (channel: string, incidentId: string): Key => ({
  pk: `NOTICE-RESOLVED#${channel}#${incidentId}`,
  sk: 'RESOLVED',
});

const inHandKey = (channel: string, incidentId: string): Key => ({
  pk: `NOTICE-IN-HAND#${channel}#${incidentId}`,
  sk: 'IN-HAND',
});

const calledKey = (channel: string, incidentId: string): Key => ({
  pk: `NOTICE-CALLED#${channel}#${incidentId}`,
  sk: 'CALLED',
});

/**
 * How a notice ended. `overtaken`: the incident was resolved, or people were called anew, before this could be told. `quiet`: it fell into a quiet window. `nothing`: the channel
 * has no words for it.
 */
export type Ended = 'sent' | 'folded' | 'overtaken' | 'quiet' | 'nothing';

/** `attempts` counts this claim too. */
export type Claim =
  | { readonly state: 'claimed'; readonly attempts: number }
  | { readonly state: 'done' }
  | { readonly state: 'in-flight' };

export class Deliveries {
  readonly #store: Store;
  readonly #client: Pick<DynamoDBClient, 'send'>;
  readonly #now: () => number;

  /** @param client reaches the same table as `store`. */
  constructor(store: Store, client: Pick<DynamoDBClient, 'send'>, now: () => number = Date.now) {
    this.#store = store;
    this.#client = client;
    this.#now = now;
  }

  /**
   * Takes an entry for a channel before it is sent, so that a redelivery doesn't send it again. When the holder dies between sending and `finish`,
   * the lease runs out and it is sent twice: twice is better than never.
   */
  async claim(channel: string, entryId: string): Promise<Claim> {
    const now = this.#now();
    try {
      const { Attributes = {} } = await this.#client.send(
        new UpdateItemCommand({
          TableName: this.#store.table,
          Key: marshall(noticeKey(channel, entryId)),
          UpdateExpression: 'SET #status = :sending, leaseUntil = :until, expiresAt = :expires ADD attempts :one',
          ConditionExpression: 'attribute_not_exists(pk) OR (#status = :sending AND leaseUntil <= :now)',
          ExpressionAttributeNames: { '#status': 'status' },
          ExpressionAttributeValues: marshall({
            ':sending': 'sending',
            ':now': now,
            ':until': now + LEASE_MS,
            ':expires': Math.floor(now / 1000) + KEPT_SECONDS,
            ':one': 1,
          }),
          ReturnValues: 'ALL_NEW',
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        }),
      );
      return { state: 'claimed', attempts: Number(unmarshall(Attributes).attempts) };
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException))
        throw classifyAwsError(`${channel}: claim ${entryId}`, error);
      return { state: error.Item?.status?.S === 'sending' ? 'in-flight' : 'done' };
    }
  }

  /** Gives a claim back after a failure, so that the next delivery needn't wait for the lease. */
  async release(channel: string, entryId: string): Promise<void> {
    await this.#client.send(
      new UpdateItemCommand({
        TableName: this.#store.table,
        Key: marshall(noticeKey(channel, entryId)),
        UpdateExpression: 'SET leaseUntil = :ended',
        ExpressionAttributeValues: marshall({ ':ended': 0 }),
      }),
    );
  }

  /** Writes how it ended, and a line for the incident's timeline. */
  async finish(channel: string, entryId: string, ended: Ended, note?: JournalEntry): Promise<void> {
    const item = { ...noticeKey(channel, entryId), status: ended, at: new Date(this.#now()).toISOString() };
    await this.#write([
      put('notice', this.#store.table, this.#kept(item)),
      ...(note ? [putEntry(this.#store.table, note)] : []),
    ]);
  }

  /** Writes once that a channel couldn't be told; it is there already when it was tried before. */
  async undelivered(entry: JournalEntry): Promise<void> {
    await this.#store.transact([putEntry(this.#store.table, entry)]);
  }

  /** One of `limit` messages of this minute; false when they are used up. A counter of its own item: only its own writers meet there. */
  async takeSlot(channel: string, limit: number): Promise<boolean> {
    const window = Math.floor(this.#now() / MINUTE_MS);
    try {
      await this.#client.send(
        new UpdateItemCommand({
          TableName: this.#store.table,
          Key: marshall(rateKey(channel, window)),
          UpdateExpression: 'SET expiresAt = :expires ADD taken :one',
          ConditionExpression: 'attribute_not_exists(taken) OR taken < :limit',
          ExpressionAttributeValues: marshall({ ':one': 1, ':limit': limit, ':expires': window * 60 + 3600 }),
        }),
      );
      return true;
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw classifyAwsError(`${channel}: count a message`, error);
    }
  }

  /** Puts an entry aside for the next digest. */
  async fold(channel: string, line: FoldedLine): Promise<void> {
    const { table } = this.#store;
    await this.#write([
      put('notice', table, this.#kept({ ...noticeKey(channel, line.entryId), status: 'folded' satisfies Ended })),
      put('fold', table, this.#kept({ ...foldKey(channel, line.entryId), line })),
    ]);
  }

  /** What waits for the channel's digest, oldest first. */
  async folded(channel: string): Promise<FoldedLine[]> {
    const items = await this.#store.query(
      {
        KeyConditionExpression: 'pk = :pk',
        ExpressionAttributeValues: marshall({ ':pk': foldKey(channel, '').pk }),
        ConsistentRead: true,
      },
      DIGEST_MOST,
    );
    return items.map((item) => item.line as FoldedLine);
  }

  /** One sender of digests at a time. */
  async claimDigest(channel: string): Promise<boolean> {
    const now = this.#now();
    const result = await this.#store.transact([
      put(
        'digest',
        this.#store.table,
        { ...digestKey(channel), leaseUntil: now + LEASE_MS },
        {
          ConditionExpression: 'attribute_not_exists(pk) OR leaseUntil <= :now',
          ExpressionAttributeValues: marshall({ ':now': now }),
        },
      ),
    ]);
    return result.ok;
  }

  /** Removes what was told, if anything, and lets the next digest be sent. */
  async endDigest(channel: string, told: readonly FoldedLine[]): Promise<void> {
    const { table } = this.#store;
    for (let from = 0; from < told.length; from += TRANSACTION_MOST)
      await this.#write(
        told.slice(from, from + TRANSACTION_MOST).map((line) => remove('fold', table, foldKey(channel, line.entryId))),
      );
    await this.#write([put('digest', table, { ...digestKey(channel), leaseUntil: 0 })]);
  }

  /** Remembers that the incident's end is being told, so that nothing older opens it again at the vendor's. */
  async markResolved(channel: string, incidentId: string, entryId: string): Promise<void> {
    await this.#write([
      put('resolved', this.#store.table, this.#kept({ ...resolvedKey(channel, incidentId), entryId })),
      remove('in-hand', this.#store.table, inHandKey(channel, incidentId)),
    ]);
  }

  /** Remembers that a person had the incident in hand when this entry was written: the vendor's alert is silent from then on. */
  async markInHand(channel: string, incidentId: string, entryId: string): Promise<void> {
    await this.#write([put('in-hand', this.#store.table, this.#kept({ ...inHandKey(channel, incidentId), entryId }))]);
  }

  /** Remembers that people were called by this entry: what somebody said before it must not silence it. */
  async markCalled(channel: string, incidentId: string, entryId: string): Promise<void> {
    // Refused: a later call is written down already.
    await this.#store.transact([
      put('called', this.#store.table, this.#kept({ ...calledKey(channel, incidentId), entryId }), {
        ConditionExpression: 'attribute_not_exists(pk) OR entryId < :entryId',
        ExpressionAttributeValues: marshall({ ':entryId': entryId }),
      }),
    ]);
  }

  /** Whether people were called after this entry was written. */
  async isCalledSince(channel: string, incidentId: string, entryId: string): Promise<boolean> {
    const called = await this.#store.read(calledKey(channel, incidentId));
    return typeof called?.entryId === 'string' && called.entryId > entryId;
  }

  /** The last entry by which a person took it in hand since the vendor's alert was opened; undefined when there is none. */
  async inHandSince(channel: string, incidentId: string): Promise<string | undefined> {
    const mark = await this.#store.read(inHandKey(channel, incidentId));
    return typeof mark?.entryId === 'string' ? mark.entryId : undefined;
  }

  /** Forgets it, because the vendor has a new alert; unless somebody took it in hand again meanwhile. */
  async forgetInHand(channel: string, incidentId: string, entryId: string): Promise<void> {
    // Refused or not: a mark that stays only has the next call open a new alert, too.
    await this.#store.transact([
      remove('in-hand', this.#store.table, inHandKey(channel, incidentId), {
        ConditionExpression: 'entryId = :entryId',
        ExpressionAttributeValues: marshall({ ':entryId': entryId }),
      }),
    ]);
  }

  /** Whether the incident's end was told after this entry was written. */
  async isOvertaken(channel: string, incidentId: string, entryId: string): Promise<boolean> {
    const resolved = await this.#store.read(resolvedKey(channel, incidentId));
    return typeof resolved?.entryId === 'string' && resolved.entryId > entryId;
  }

  #kept<T extends object>(item: T): T & { expiresAt: number } {
    return { ...item, expiresAt: Math.floor(this.#now() / 1000) + KEPT_SECONDS };
  }

  async #write(items: readonly Labelled[]): Promise<void> {
    const result = await this.#store.transact(items);
    if (!result.ok)
      throw new RetryableError(
        `what was told could not be written: ${[...result.failed.keys()].join(', ') || 'contended'}`,
      );
  }
}

type Condition = Pick<
  NonNullable<Labelled['item']['Put']>,
  | 'ConditionExpression'
  | 'ExpressionAttributeNames'
  | 'ExpressionAttributeValues'
  | 'ReturnValuesOnConditionCheckFailure'
>;

const put = (label: string, table: string, item: object, condition: Partial<Condition> = {}): Labelled => ({
  label,
  item: { Put: { TableName: table, Item: marshall(item), ...condition } },
});

const remove = (label: string, table: string, key: Key, condition: Partial<Condition> = {}): Labelled => ({
  label,
  item: { Delete: { TableName: table, Key: marshall(key), ...condition } },
});
