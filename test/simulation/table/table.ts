/**
 * A model of one DynamoDB table in memory: what the engine's store sends is evaluated as it is, request by request ("TransactWriteItems", "BatchGetItem",
 * "GetItem" and "Query", Amazon DynamoDB API Reference). Each request takes effect at one moment. Reads of an index may be given a lag.
 */
import {
  type AttributeValue,
  BatchGetItemCommand,
  GetItemCommand,
  QueryCommand,
  type QueryCommandInput,
  TransactionCanceledException,
  type TransactWriteItem,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import {
  assertSubstitutions,
  cached,
  condition,
  type Image,
  InvalidExpressionError,
  projection,
  update,
} from './expression.ts';

/** An index with the attributes of its key, `range` being a string or a number. */
interface Index {
  readonly hash: string;
  readonly range: string;
}

/** The journal's indexes (infra/constructs/journal.ts). */
const INDEXES: Readonly<Record<string, Index>> = {
  due: { hash: 'duePk', range: 'dueAt' },
  incidents: { hash: 'incidentsPk', range: 'incidentsSk' },
};
const PRIMARY: Index = { hash: 'pk', range: 'sk' };
const HASHES = Object.entries(INDEXES).map(([name, { hash }]) => ({ name, hash }));

interface Row {
  image: Image | undefined;
  /** As an index still shows it until it has caught up. */
  before: Image | undefined;
  changedAt: number;
}

type Substitutions = {
  readonly ExpressionAttributeNames?: Record<string, string> | undefined;
  readonly ExpressionAttributeValues?: Record<string, AttributeValue> | undefined;
};

/** As the service's own error reaches a caller of the SDK. */
export function awsError(name: string, message: string, httpStatusCode = 400): Error {
  return Object.assign(new Error(message), { name, $metadata: { httpStatusCode } });
}
const invalid = (message: string) => awsError('ValidationException', message);

/** "TransactWriteItems": at most 100 actions, no item twice. */
const MOST_ITEMS = 100;

export interface TableOptions {
  /** Time by which changes reach the indexes. */
  readonly now?: () => number;
  readonly indexLagMs?: number;
}

export type TableCommand = TransactWriteItemsCommand | BatchGetItemCommand | GetItemCommand | QueryCommand;

export class TableModel {
  readonly #partitions = new Map<string, Map<string, Row>>();
  /** By index, then by partition of it. */
  readonly #indexed = new Map<string, Map<string, Set<Row>>>(HASHES.map(({ name }) => [name, new Map()]));
  readonly #now: () => number;
  readonly #lagMs: number;
  /** Grows with every transaction that wrote something. */
  version = 0;

  constructor({ now = () => 0, indexLagMs = 0 }: TableOptions = {}) {
    this.#now = now;
    this.#lagMs = indexLagMs;
  }

  /** @throws what the SDK's client would. */
  execute(command: TableCommand): object {
    try {
      if (command instanceof TransactWriteItemsCommand) return this.transact(command.input.TransactItems ?? []);
      if (command instanceof BatchGetItemCommand) return this.#batchGet(command);
      if (command instanceof GetItemCommand) return withItem(this.#row(command.input.Key)?.image);
      if (command instanceof QueryCommand) return this.query(command.input);
    } catch (error) {
      throw error instanceof InvalidExpressionError ? invalid(error.message) : error;
    }
    throw new Error(`${(command as object).constructor.name} isn't modelled`);
  }

  /** Every item whose partition key begins so; for checks, not for the engine. */
  *itemsOf(prefix: string): Generator<Image> {
    for (const [pk, rows] of this.#partitions)
      if (pk.startsWith(prefix)) for (const { image } of rows.values()) if (image) yield image;
  }

  /** The one item of a partition that has only one; for checks. */
  onlyItemOf(pk: string): Image | undefined {
    for (const { image } of this.#partitions.get(pk)?.values() ?? []) if (image) return image;
    return undefined;
  }

  /** Items of an index's partition, whatever its lag; for checks. */
  *inIndex(name: string, hash: string): Generator<Image> {
    const attribute = INDEXES[name]?.hash ?? '';
    for (const { image } of this.#indexed.get(name)?.get(hash) ?? []) if (image?.[attribute]?.S === hash) yield image;
  }

  transact(items: readonly TransactWriteItem[]): object {
    if (items.length === 0 || items.length > MOST_ITEMS)
      throw invalid(`${items.length} actions, at most ${MOST_ITEMS}`);
    const keys = new Set<string>();
    const writes: { readonly key: Image; readonly image: Image | undefined }[] = [];
    const reasons: { Code: string; Item?: Record<string, AttributeValue> }[] = [];
    let isCancelled = false;
    for (const item of items) {
      const { key, expression, substitutions, returns, apply } = operationOf(item);
      const id = `${key.pk?.S} ${key.sk?.S}`;
      if (keys.has(id)) throw invalid('Transaction request cannot include multiple operations on one item');
      keys.add(id);
      const present = this.#row(key)?.image;
      const scope = {
        item: present ?? {},
        names: substitutions.ExpressionAttributeNames ?? {},
        values: substitutions.ExpressionAttributeValues ?? {},
      };
      if (expression !== undefined && !condition(expression)(scope)) {
        isCancelled = true;
        reasons.push({ Code: 'ConditionalCheckFailed', ...(returns && present && { Item: { ...present } }) });
        continue;
      }
      reasons.push({ Code: 'None' });
      const written = apply?.(scope, present);
      if (written) writes.push({ key, image: written.image });
    }
    if (isCancelled) throw cancelled(reasons);
    for (const { key, image } of writes) this.#write(key, image);
    this.version++;
    return {};
  }

  #rowFor(key: Image): Row {
    const [pk, sk] = [key.pk?.S ?? '', key.sk?.S ?? ''];
    const rows = this.#partitions.get(pk) ?? new Map<string, Row>();
    const known = rows.get(sk);
    if (known) return known;
    const row = { image: undefined, before: undefined, changedAt: Number.NEGATIVE_INFINITY };
    this.#partitions.set(pk, rows.set(sk, row));
    return row;
  }

  #write(key: Image, image: Image | undefined): void {
    const row = this.#rowFor(key);
    // What an index hasn't shown yet it never shows, if the next change comes before.
    if (!this.#isLagging(row)) row.before = row.image;
    row.image = image;
    row.changedAt = this.#now();
    for (const { name, hash } of HASHES) {
      const [now, was] = [image?.[hash]?.S, row.before?.[hash]?.S];
      if (now !== undefined) this.#index(name, now, row);
      if (was !== undefined && was !== now) this.#index(name, was, row);
    }
  }

  #index(name: string, hash: string, row: Row): void {
    const partitions = this.#indexed.get(name);
    const rows = partitions?.get(hash);
    if (rows) rows.add(row);
    else partitions?.set(hash, new Set([row]));
  }

  readonly #isLagging = ({ changedAt }: Row): boolean => this.#lagMs > 0 && this.#now() < changedAt + this.#lagMs;

  #row(key: Image | undefined): Row | undefined {
    return this.#partitions.get(key?.pk?.S ?? '')?.get(key?.sk?.S ?? '');
  }

  #batchGet({ input }: BatchGetItemCommand): object {
    const Responses: Record<string, Image[]> = {};
    for (const [table, { Keys = [] }] of Object.entries(input.RequestItems ?? {})) {
      if (new Set(Keys.map((key) => `${key.pk?.S} ${key.sk?.S}`)).size !== Keys.length || Keys.length > MOST_ITEMS)
        throw invalid('Provided list of item keys contains duplicates, or too many');
      Responses[table] = present(Keys.map((key) => this.#row(key)?.image));
    }
    return { Responses, UnprocessedKeys: {} };
  }

  query(input: Omit<QueryCommandInput, 'TableName'>): object {
    const { IndexName, KeyConditionExpression = '', FilterExpression, ProjectionExpression } = input;
    const names = input.ExpressionAttributeNames ?? {};
    const values = input.ExpressionAttributeValues ?? {};
    assertSubstitutions([KeyConditionExpression, FilterExpression, ProjectionExpression], names, values);
    const index = IndexName === undefined ? PRIMARY : INDEXES[IndexName];
    if (!index) throw invalid(`no index ${IndexName}`);
    if (IndexName !== undefined && input.ConsistentRead) throw invalid('Consistent reads are not supported on indexes');
    const matches = condition(KeyConditionExpression);
    const filter = FilterExpression === undefined ? undefined : condition(FilterExpression);
    const candidates = this.#candidates(IndexName, index, KeyConditionExpression, values);
    if (candidates.length === 0) return { Items: [], Count: 0 };
    const found = candidates
      .filter((item) => item[index.range] !== undefined && matches({ item, names, values }))
      .sort((a, b) => compare(a, b, index.range));
    if (input.ScanIndexForward === false) found.reverse();
    const { page, last } = pageOf(found, input, index);
    const kept = filter ? page.filter((item) => filter({ item, names, values })) : page;
    const Items =
      ProjectionExpression === undefined ? kept : kept.map((item) => projection(ProjectionExpression)(item, names));
    return { Items, Count: Items.length, ...(last && { LastEvaluatedKey: last }) };
  }

  /** Items of the partition that the key condition names first (`pk = :pk AND ...`). */
  #candidates(
    name: string | undefined,
    index: Index,
    keyCondition: string,
    values: Record<string, AttributeValue>,
  ): Image[] {
    const { attribute, value } = partitionNamed(keyCondition);
    if (attribute !== index.hash) throw invalid(`the key condition doesn't begin with ${index.hash}`);
    const hash = values[value]?.S ?? '';
    if (name === undefined) return present([...(this.#partitions.get(hash)?.values() ?? [])].map(({ image }) => image));
    const rows = this.#indexed.get(name)?.get(hash);
    const shown: Image[] = [];
    for (const row of rows ?? []) {
      const isLagging = this.#isLagging(row);
      const image = isLagging ? row.before : row.image;
      if (image?.[index.hash]?.S === hash) shown.push(image);
      // It has left the partition; another write would bring it back.
      else if (!isLagging) rows?.delete(row);
    }
    return shown;
  }
}

/** The attribute and the value by which a key condition begins. */
const partitionNamed = cached((keyCondition: string) => {
  const [, attribute, value = ''] = /^\s*(\w+)\s*=\s*(:\w+)/.exec(keyCondition) ?? [];
  return { attribute, value };
});

const present = (images: readonly (Image | undefined)[]): Image[] => images.filter((image) => image !== undefined);
const withItem = (image: Image | undefined): object => (image ? { Item: image } : {});

function cancelled(reasons: readonly { Code: string; Item?: Record<string, AttributeValue> }[]): Error {
  return new TransactionCanceledException({
    message: `Transaction cancelled, please refer cancellation reasons for specific reasons [${reasons.map(({ Code }) => Code).join(', ')}]`,
    $metadata: { httpStatusCode: 400 },
    CancellationReasons: reasons.map((reason) => ({ ...reason })),
  });
}

/** A transaction that others were in the way of. */
export const conflict = (count: number): Error =>
  cancelled(Array.from({ length: count }, (_, index) => ({ Code: index === 0 ? 'TransactionConflict' : 'None' })));

const NOTHING = {};

interface Operation {
  readonly key: Image;
  readonly expression: string | undefined;
  readonly substitutions: Substitutions;
  /** Whether a failed condition gives the item back. */
  readonly returns: boolean;
  /** Absent: nothing is written. */
  readonly apply?: (
    scope: {
      readonly item: Image;
      readonly names: Record<string, string>;
      readonly values: Record<string, AttributeValue>;
    },
    present: Image | undefined,
  ) => { readonly image: Image | undefined };
}

function operationOf({ Put, Update, Delete, ConditionCheck }: TransactWriteItem): Operation {
  const one = Put ?? Update ?? Delete ?? ConditionCheck;
  if (!one) throw invalid('an action of a transaction is empty');
  const key = Put ? Put.Item : (Update ?? Delete ?? ConditionCheck)?.Key;
  if (key?.pk?.S === undefined || key.sk?.S === undefined) throw invalid('the item has no key');
  const texts = [one.ConditionExpression, Update?.UpdateExpression];
  assertSubstitutions(texts, one.ExpressionAttributeNames ?? NOTHING, one.ExpressionAttributeValues ?? NOTHING);
  const base = {
    key,
    expression: one.ConditionExpression,
    substitutions: one,
    returns: one.ReturnValuesOnConditionCheckFailure === 'ALL_OLD',
  };
  if (Put) return { ...base, apply: () => ({ image: Put.Item }) };
  if (Delete) return { ...base, apply: () => ({ image: undefined }) };
  const text = Update?.UpdateExpression;
  if (text === undefined) return base;
  return {
    ...base,
    apply: (scope, present) => {
      const next: Record<string, AttributeValue> = {
        ...(present ?? { pk: key.pk as AttributeValue, sk: key.sk as AttributeValue }),
      };
      update(text)(scope, next);
      return { image: next };
    },
  };
}

function compare(a: Image, b: Image, range: string): number {
  const [left, right] = [a[range], b[range]];
  if (left?.N !== undefined && right?.N !== undefined) return Number(left.N) - Number(right.N) || tie(a, b);
  return (left?.S ?? '') < (right?.S ?? '') ? -1 : (left?.S ?? '') > (right?.S ?? '') ? 1 : tie(a, b);
}
/** Of an index, items with the same range key come in some order: in this one. */
const tie = (a: Image, b: Image): number => (keyText(a) < keyText(b) ? -1 : keyText(a) > keyText(b) ? 1 : 0);
const keyText = ({ pk, sk }: Image): string => `${pk?.S} ${sk?.S}`;

/** "Paginating table query results": `Limit` counts what is looked at, before the filter. */
function pageOf(
  found: readonly Image[],
  { Limit, ExclusiveStartKey }: Pick<QueryCommandInput, 'Limit' | 'ExclusiveStartKey'>,
  { hash, range }: Index,
): { readonly page: readonly Image[]; readonly last?: Record<string, AttributeValue> } {
  const after =
    ExclusiveStartKey === undefined ? 0 : found.findIndex((item) => keyText(item) === keyText(ExclusiveStartKey)) + 1;
  const rest = found.slice(after);
  if (Limit === undefined || rest.length < Limit) return { page: rest };
  const page = rest.slice(0, Limit);
  const end = page.at(-1);
  if (!end) return { page };
  const last: Record<string, AttributeValue> = {};
  for (const name of new Set(['pk', 'sk', hash, range])) {
    const value = end[name];
    if (value) last[name] = value;
  }
  return { page, last };
}
