/**
 * A journal that is read but never written: what would be written is kept, and answered as if it had been. Slots of budgets are looked at first, because
 * the commit alone finds out that a budget is spent, by slots that it can't claim.
 */
import {
  DynamoDBClient,
  GetItemCommand,
  TransactionCanceledException,
  type TransactWriteItem,
  type TransactWriteItemsCommandInput,
} from '@aws-sdk/client-dynamodb';
import { unmarshall } from '../functions/engine/attributes.ts';
import { clientDefaults } from '../functions/engine/clients.ts';
import { isSlot } from '../functions/engine/items.ts';
import { Store } from '../functions/engine/store.ts';
import type { Place } from './place.ts';

const READS = new Set(['GetItemCommand', 'BatchGetItemCommand', 'QueryCommand']);

export interface DryStore {
  readonly store: Store;
  /** Transactions that would have been written, in order. */
  readonly transactions: readonly (readonly TransactWriteItem[])[];
}

/** The stop is in the client itself, so that no way through the engine leads around it: anything but a read or a transaction is refused. */
export function dryStore({ table, clientSettings }: Pick<Place, 'table' | 'clientSettings'>): DryStore {
  const client = new DynamoDBClient({ ...clientDefaults(), ...clientSettings });
  const transactions: TransactWriteItem[][] = [];
  client.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        if (READS.has(commandName ?? '')) return next(args);
        if (commandName !== 'TransactWriteItemsCommand')
          throw new Error(`${commandName}: nothing is written in a dry run`);
        const items = (args.input as TransactWriteItemsCommandInput).TransactItems ?? [];
        const taken = await Promise.all(items.map((item) => isTaken(client, item)));
        if (taken.includes(true)) throw cancelled(taken);
        transactions.push(items);
        return { output: { $metadata: {} }, response: undefined };
      },
    { step: 'initialize', name: 'dryRun' },
  );
  return { store: new Store(table, client), transactions };
}

/** Whether the item claims a slot that somebody else's change holds: the condition that `claimSlot` puts, on the slot as it is. */
async function isTaken(client: DynamoDBClient, { Put }: TransactWriteItem): Promise<boolean> {
  const { pk, sk } = Put?.Item ?? {};
  if (!Put || !pk?.S || !sk || !isSlot(pk.S)) return false;
  const { Item } = await client.send(
    new GetItemCommand({ TableName: Put.TableName, Key: { pk, sk }, ConsistentRead: true }),
  );
  return Item !== undefined && Number(Item.claimedAt?.N) > Number(Put.ExpressionAttributeValues?.[':hourAgo']?.N);
}

/** As DynamoDB cancels it ("TransactWriteItems", Amazon DynamoDB API Reference): a reason for each item, in their order. */
const cancelled = (failed: readonly boolean[]): TransactionCanceledException =>
  new TransactionCanceledException({
    $metadata: { httpStatusCode: 400 },
    message: 'Transaction cancelled',
    CancellationReasons: failed.map((each) => ({ Code: each ? 'ConditionalCheckFailed' : 'None' })),
  });

/** The conditions of a transaction in the order of its items: what it is about, and what must hold for it. */
export function conditionsOf(items: readonly TransactWriteItem[]): { item: string; condition: string }[] {
  return items.flatMap(({ Put, Update, Delete, ConditionCheck }) => {
    const part = Put ?? Update ?? Delete ?? ConditionCheck;
    if (!part?.ConditionExpression) return [];
    const key = unmarshall(Put?.Item ?? Update?.Key ?? Delete?.Key ?? ConditionCheck?.Key ?? {});
    const item = [key.pk, key.sk].filter((each) => typeof each === 'string').join(' ');
    return [{ item, condition: readable(part) }];
  });
}

type Condition = Pick<
  NonNullable<TransactWriteItem['Update']>,
  'ConditionExpression' | 'ExpressionAttributeNames' | 'ExpressionAttributeValues'
>;

/** The expression with names and values in place of their placeholders. */
function readable({
  ConditionExpression = '',
  ExpressionAttributeNames = {},
  ExpressionAttributeValues = {},
}: Condition): string {
  const values = unmarshall(ExpressionAttributeValues);
  return ConditionExpression.replace(/[#:]\w+/g, (word) =>
    word.startsWith('#') ? (ExpressionAttributeNames[word] ?? word) : JSON.stringify(values[word] ?? word),
  );
}
