/** What recorded calls and invocations are billed as, without prices. Pure. */
import type { RecordedCall } from '../../local/world/types.ts';
import type { Amounts, Priced } from './prices.ts';

export const sumOf = (all: readonly Amounts[]): Amounts => {
  const sum: Partial<Record<Priced, number>> = {};
  for (const amounts of all)
    for (const [what, amount] of Object.entries(amounts) as [Priced, number][]) sum[what] = (sum[what] ?? 0) + amount;
  return sum;
};

export const timesOf = (amounts: Amounts, factor: number): Amounts =>
  Object.fromEntries(Object.entries(amounts).map(([what, amount]) => [what, amount * factor]));

/** Calls of other services that cost by the request; what isn't here is free, such as ECS's, RDS's and IAM's control planes. */
const BY_REQUEST: Readonly<Record<string, Priced>> = {
  'events PutEvents': 'events-custom',
  'sqs SendMessage': 'sqs-request',
  'sqs SendMessageBatch': 'sqs-request',
  'sqs ReceiveMessage': 'sqs-request',
  'sqs DeleteMessage': 'sqs-request',
  'sns Publish': 'sns-publish',
  'monitoring DescribeAlarms': 'cloudwatch-request',
  'monitoring GetMetricData': 'cloudwatch-request',
  'monitoring GetMetricStatistics': 'cloudwatch-request',
  'monitoring ListTagsForResource': 'cloudwatch-request',
  's3 PutObject': 's3-put',
};

/** Each call counts once, as one event, message or metric. DynamoDB's are counted by `unitsOf`. */
export const amountsOfCalls = (calls: readonly Pick<RecordedCall, 'service' | 'operation'>[]): Amounts =>
  sumOf(
    calls.map(({ service, operation }) => {
      const priced = BY_REQUEST[`${service} ${operation}`];
      return priced ? { [priced]: 1 } : {};
    }),
  );

/** Billed by the millisecond, rounded up ("AWS Lambda pricing"). */
export const amountsOfInvocation = (durationMs: number, memoryMegabytes: number): Amounts => ({
  'lambda-request': 1,
  'lambda-gb-second': (Math.ceil(durationMs) / 1000) * (memoryMegabytes / 1024),
});

type Attributes = Readonly<Record<string, unknown>>;
interface Action {
  readonly Item?: Attributes;
  readonly Key?: Attributes;
}

/** Attributes by which an item stands in an index of the journal, too (infra/constructs/journal-table.ts). */
const INDEX_KEYS = ['duePk', 'incidentsPk'];
const sizeOf = (attributes: Attributes): number => Buffer.byteLength(JSON.stringify(attributes));
const keyOf = ({ pk, sk }: Attributes): string => JSON.stringify([pk, sk]);
const KILOBYTE = 1024;

/**
 * Counts DynamoDB's request units ("DynamoDB read and write operations", Amazon DynamoDB Developer Guide): a write costs one for each kB of the item, twice that in a
 * transaction, and as much again for each index in which it stands; a strongly consistent read costs one for each 4 kB. Sizes are those of the items as JSON,
 * which are larger than DynamoDB's own; of an item that was never written here, 1 kB. A query counts as 4 kB, because its answer isn't seen.
 */
export class RequestUnits {
  readonly #sizes = new Map<string, number>();

  of(operation: string, params: Readonly<Record<string, unknown>>): Amounts {
    switch (operation) {
      case 'TransactWriteItems':
        return sumOf(
          ((params.TransactItems ?? []) as readonly Record<string, Action>[]).map((each) =>
            this.#write(Object.values(each)[0] ?? {}, 2),
          ),
        );
      case 'PutItem':
      case 'UpdateItem':
      case 'DeleteItem':
        return this.#write(params as Action, 1);
      case 'BatchGetItem':
        return sumOf(
          Object.values((params.RequestItems ?? {}) as Record<string, { Keys?: readonly Attributes[] }>).flatMap(
            ({ Keys = [] }) => Keys.map((key) => this.#read(key)),
          ),
        );
      case 'GetItem':
        return this.#read((params.Key ?? {}) as Attributes);
      case 'Query':
        return { 'dynamodb-read-unit': 1 };
      default:
        return {};
    }
  }

  #write({ Item, Key = {} }: Action, factor: number): Amounts {
    const key = keyOf(Item ?? Key);
    if (Item) this.#sizes.set(key, sizeOf(Item));
    const units = Math.max(1, Math.ceil((this.#sizes.get(key) ?? 0) / KILOBYTE));
    const indexes = INDEX_KEYS.filter((name) => Item?.[name] !== undefined).length;
    return { 'dynamodb-write-unit': units * factor + units * indexes };
  }

  #read(key: Attributes): Amounts {
    return { 'dynamodb-read-unit': Math.max(1, Math.ceil((this.#sizes.get(keyOf(key)) ?? 0) / (4 * KILOBYTE))) };
  }
}

interface Embedded {
  readonly _aws?: {
    readonly CloudWatchMetrics?: readonly {
      readonly Namespace: string;
      readonly Dimensions: readonly (readonly string[])[];
      readonly Metrics: readonly { readonly Name: string }[];
    }[];
  };
}

/** Each combination of namespace, name and dimensions is a metric of its own. */
export function metricsIn(line: string): string[] {
  const record = JSON.parse(line.slice(line.indexOf('{'))) as Embedded & Readonly<Record<string, unknown>>;
  return (record._aws?.CloudWatchMetrics ?? []).flatMap(({ Namespace, Dimensions, Metrics }) =>
    Metrics.flatMap(({ Name }) =>
      Dimensions.map((names) => JSON.stringify([Namespace, Name, names.map((name) => [name, record[name]])])),
    ),
  );
}
