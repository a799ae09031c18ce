/** The journal as it stands about one target. */
import {
  BatchGetItemCommand,
  DeleteItemCommand,
  type DynamoDBClient,
  type KeysAndAttributes,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import type { JournalEntry } from '../../events/journal.ts';
import type { ActionItem, EventItem, Key, TargetItem, WorkItem } from '../../functions/engine/items.ts';
import type { ItemKey } from './observer.ts';

export interface Journal {
  readonly target: TargetItem | undefined;
  /** In the order of their commits. */
  readonly actions: readonly ActionItem[];
  /** By signal id. */
  readonly events: ReadonlyMap<string, EventItem>;
  readonly work: readonly WorkItem[];
  readonly entries: readonly JournalEntry[];
}

const BATCH = 100;

type Item = Key & Record<string, unknown>;

/** Reads the items with these keys, strongly consistent; those that aren't there are left out. */
export async function readItems(client: DynamoDBClient, table: string, keys: readonly ItemKey[]): Promise<Item[]> {
  const items: Item[] = [];
  for (let start = 0; start < keys.length; start += BATCH) {
    let wanted: Record<string, KeysAndAttributes> | undefined = {
      [table]: { ConsistentRead: true, Keys: keys.slice(start, start + BATCH).map((key) => marshall(key)) },
    };
    while (wanted?.[table]) {
      const reply: Awaited<ReturnType<typeof get>> = await get(client, wanted);
      for (const raw of reply.Responses?.[table] ?? []) items.push(unmarshall(raw) as Item);
      wanted = reply.UnprocessedKeys;
    }
  }
  return items;
}

/** What the journal says, sorted by kind. */
export async function readJournal(client: DynamoDBClient, table: string, keys: readonly ItemKey[]): Promise<Journal> {
  const items = await readItems(client, table, keys);
  const of = <Kind>(prefix: string) => items.filter(({ pk }) => pk.startsWith(prefix)) as unknown as (Kind & Key)[];
  return {
    target: of<TargetItem>('TARGET#')[0],
    actions: of<ActionItem>('ACTION#').sort((a, b) => (a.actionId < b.actionId ? -1 : 1)),
    events: new Map(of<EventItem>('EVENT#').map((item) => [item.pk.split('#').slice(2).join('#'), item])),
    work: of<WorkItem>('WORK#'),
    entries: of<JournalEntry>('INCIDENT#').sort((a, b) => (a.id < b.id ? -1 : 1)),
  };
}

const get = (client: DynamoDBClient, RequestItems: Record<string, KeysAndAttributes>) =>
  client.send(new BatchGetItemCommand({ RequestItems }));

/** Takes a target's due work away, so that the reconciler has nothing more to do with a target that is gone. */
export async function dropWork(client: DynamoDBClient, table: string, keys: readonly ItemKey[]): Promise<void> {
  for (const { pk, sk } of keys.filter((key) => key.pk.startsWith('WORK#')))
    await client.send(new DeleteItemCommand({ TableName: table, Key: marshall({ pk, sk }) }));
}

/** Time until work that was handed out is due again. */
const HANDED_OUT_FOR_MS = 20_000;

/** Hands a target's work out as the reconciler does, so that the reconciler itself doesn't just now. */
export async function claimOrder(
  client: DynamoDBClient,
  table: string,
  work: readonly WorkItem[],
  kind: WorkItem['kind'],
): Promise<void> {
  for (const { pk, sk, attempts } of work.filter((each) => each.kind === kind))
    await client.send(
      new UpdateItemCommand({
        TableName: table,
        Key: marshall({ pk, sk }),
        UpdateExpression: 'SET dueAt = :due, attempts = :attempts',
        ExpressionAttributeValues: marshall({ ':due': Date.now() + HANDED_OUT_FOR_MS, ':attempts': attempts + 1 }),
      }),
    );
}
