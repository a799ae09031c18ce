/** Holding DynamoDB calls against each other: overlapping writes of one item are refused as AWS does, where the emulator would run one after the other. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { AwsCall, AwsReply } from '../world/types.ts';
import { type Access, ItemLocks } from './item-locks.ts';
import { faultReply } from './reply.ts';
import type { AwsRequest } from './upstream.ts';

type Attributes = Readonly<Record<string, unknown>>;
type Ask = (asked: AwsRequest) => Promise<unknown>;

interface Touched {
  readonly table: string;
  /** The key, or a whole item that holds it. */
  readonly attributes: Attributes;
}

interface TransactAction {
  readonly TableName?: string;
  readonly Key?: Attributes;
  readonly Item?: Attributes;
}

const tableName = (nameOrArn: unknown): string => String(nameOrArn ?? '').replace(/^.*:table\//, '');

function touchedByTransaction(params: AwsCall['params']): readonly Touched[] {
  const items = (params.TransactItems ?? []) as readonly Record<string, TransactAction>[];
  return items.map((item) => {
    const action = Object.values(item)[0] ?? {};
    return { table: tableName(action.TableName), attributes: action.Key ?? action.Item ?? {} };
  });
}

interface Footprint {
  readonly access: Access;
  readonly touched: readonly Touched[];
}

const single = (params: AwsCall['params']): Footprint => ({
  access: 'write',
  touched: [{ table: tableName(params.TableName), attributes: (params.Key ?? params.Item ?? {}) as Attributes }],
});

/** The items a call writes (or reads in a transaction); nothing for every other call. */
function footprint(call: AwsCall): Footprint | undefined {
  switch (call.operation) {
    case 'TransactWriteItems':
      return { access: 'transaction', touched: touchedByTransaction(call.params) };
    case 'TransactGetItems':
      return { access: 'transactional-read', touched: touchedByTransaction(call.params) };
    case 'PutItem':
    case 'UpdateItem':
    case 'DeleteItem':
      return single(call.params);
    default:
      return undefined;
  }
}

const CONFLICT = { Code: 'TransactionConflict', Message: 'Transaction is ongoing for the item' };

function cancelled(call: AwsCall, count: number, conflicts: readonly number[]): AwsReply {
  const reasons = Array.from({ length: count }, (_, index) =>
    conflicts.includes(index) ? CONFLICT : { Code: 'None' },
  );
  const codes = reasons.map(({ Code }) => Code).join(', ');
  const message = `Transaction cancelled, please refer cancellation reasons for specific reasons [${codes}]`;
  return faultReply(
    call,
    { code: 'TransactionCanceledException', status: 400, message },
    { CancellationReasons: reasons },
  );
}

export interface TransactionSettings {
  /** Each transaction is held open for a random time between these before it takes effect, so that overlaps happen; 0 and 0 is off. */
  overlapMs: { min: number; max: number };
}

/** Guards every DynamoDB write; one for each gateway. */
export class Transactions {
  readonly settings: TransactionSettings = { overlapMs: { min: 0, max: 0 } };
  readonly #locks = new ItemLocks();
  readonly #keys = new Map<string, Promise<readonly string[]>>();
  readonly #tokens = new Set<string>();
  readonly #ask: Ask;
  readonly #random: () => number;

  constructor(ask: Ask, random: () => number = Math.random) {
    this.#ask = ask;
    this.#random = random;
  }

  /** Runs `effect` while the call's items are taken, or answers with the conflict. */
  async guard(call: AwsCall, effect: () => Promise<AwsReply>): Promise<AwsReply> {
    if (/^(Create|Delete|Update)Table$/.test(call.operation)) this.#keys.clear();
    const found = footprint(call);
    if (!found) return effect();
    const token = call.operation === 'TransactWriteItems' && call.params.ClientRequestToken;
    const tokenKey = token ? `${call.region} ${String(token)}` : undefined;
    // A retry that overtakes its own first attempt isn't a conflict (API reference, TransactionInProgressException).
    if (tokenKey && this.#tokens.has(tokenKey))
      return faultReply(call, {
        code: 'TransactionInProgressException',
        status: 400,
        message: 'The transaction with the given request token is already in progress.',
      });
    const items = await Promise.all(found.touched.map((touched) => this.#identify(call.region, touched)));
    const taken = this.#locks.take(found.access, items);
    if ('conflicts' in taken) return refusal(call, items.length, taken.conflicts);
    if (tokenKey) this.#tokens.add(tokenKey);
    try {
      if (found.access === 'transaction') await this.#stretch();
      return await effect();
    } finally {
      taken.release();
      if (tokenKey) this.#tokens.delete(tokenKey);
    }
  }

  async #stretch(): Promise<void> {
    const { min, max } = this.settings.overlapMs;
    if (max > 0) await sleep(min + this.#random() * (max - min));
  }

  /** Region, table and key attributes in one string. */
  async #identify(region: string, { table, attributes }: Touched): Promise<string> {
    const names = await this.#keyNames(region, table);
    return JSON.stringify([region, table, ...names.map((name) => attributes[name])]);
  }

  #keyNames(region: string, table: string): Promise<readonly string[]> {
    const cacheKey = `${region} ${table}`;
    const known = this.#keys.get(cacheKey);
    if (known) return known;
    const asked = this.#describe(region, table).catch(() => {
      // Such as a table that doesn't exist: the emulator answers the call with that; it is asked again next time.
      this.#keys.delete(cacheKey);
      return [];
    });
    this.#keys.set(cacheKey, asked);
    return asked;
  }

  async #describe(region: string, table: string): Promise<readonly string[]> {
    const reply = (await this.#ask({
      service: 'dynamodb',
      region,
      target: 'DynamoDB_20120810.DescribeTable',
      body: { TableName: table },
    })) as { Table: { KeySchema: readonly { AttributeName: string }[] } };
    return reply.Table.KeySchema.map(({ AttributeName }) => AttributeName);
  }
}

function refusal(call: AwsCall, count: number, conflicts: readonly number[]): AwsReply {
  if (call.operation !== 'PutItem' && call.operation !== 'UpdateItem' && call.operation !== 'DeleteItem')
    return cancelled(call, count, conflicts);
  return faultReply(call, {
    code: 'TransactionConflictException',
    status: 400,
    message: 'Transaction is ongoing for the item',
  });
}
