/**
 * Lets time pass for one target without waiting: every time that the journal keeps of it is put back by the same amount, which is what a
 * function that looks at the real clock sees when nothing happened for that long. Nothing may be under way on the target, but the
 * reconciler may come in between: then it is done again.
 */
import { type DynamoDBClient, TransactionCanceledException, TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import { readItems } from './journal.ts';
import type { ItemKey } from './observer.ts';

const TRIES = 20;
/** Numbers this near to now are times in epoch milliseconds; budgets, attempts and `expiresAt` (seconds) aren't. */
const NEAR_MS = 30 * 24 * 3_600_000;

/** Kinds of items that hold times which are compared. */
const TIMED = /^(TARGET|ACTION|WORK|ALARM|NOTICE|LEASE)#/;
/** What changes whenever an item does. */
const GUARDS = ['version', 'attempt', 'status', 'dueAt', 'stateAt', 'until'];

/** @throws Error when the items kept changing. */
export async function age(
  client: DynamoDBClient,
  table: string,
  keys: readonly ItemKey[],
  byMs: number,
): Promise<void> {
  const timed = keys.filter(({ pk }) => TIMED.test(pk));
  for (let tries = 0; tries < TRIES; tries++) {
    const items = await readItems(client, table, timed);
    if (items.length === 0) return;
    const TransactItems = items.map((item) => ({
      Put: { TableName: table, Item: marshall(earlier(item, byMs) as object), ...unchanged(item) },
    }));
    try {
      await client.send(new TransactWriteItemsCommand({ TransactItems }));
      return;
    } catch (error) {
      if (!(error instanceof TransactionCanceledException)) throw error;
    }
  }
  throw new Error(`the journal of ${timed[0]?.pk} kept changing while time should pass`);
}

/** Pure: the value with every time in it put back. */
export function earlier(value: unknown, byMs: number, now = Date.now()): unknown {
  if (typeof value === 'number') return Math.abs(value - now) < NEAR_MS ? value - byMs : value;
  if (Array.isArray(value)) return value.map((each) => earlier(each, byMs, now));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, earlier(each, byMs, now)]));
}

function unchanged(item: Readonly<Record<string, unknown>>) {
  const guards = GUARDS.filter((name) => item[name] !== undefined);
  return {
    ConditionExpression: guards.map((name) => `#${name} = :${name}`).join(' AND '),
    ExpressionAttributeNames: Object.fromEntries(guards.map((name) => [`#${name}`, name])),
    ExpressionAttributeValues: marshall(Object.fromEntries(guards.map((name) => [`:${name}`, item[name]]))),
  };
}
