/** The simulation's model of the table is held against the emulator: the same requests, the same answers, item by item. */
import { type DynamoDBClient, TransactionCanceledException, type TransactWriteItem } from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { Store } from '../../../functions/engine/store.ts';
import * as writes from '../../../functions/engine/writes.ts';
import { TableModel } from '../../simulation/table/table.ts';
import { type EngineWorld, openEngineWorld } from '../../support/engine-world.ts';

jest.setTimeout(240_000);

let world: EngineWorld;
let prefix = 0;

beforeAll(async () => {
  world = await openEngineWorld();
});
afterAll(() => world.close());

const model = new TableModel();
const modelled = new Store('journal', {
  send: async (command: Parameters<TableModel['execute']>[0]) => model.execute(command),
} as unknown as DynamoDBClient);

const NOW = Date.parse('2026-11-20T03:00:00.000Z');
const TABLE = 'journal';

/** Few keys and few values, so that requests meet. */
const version = fc.integer({ min: 0, max: 2 });
const moment = fc.integer({ min: 0, max: 3 }).map((minutes) => NOW + minutes * 60_000);
const name = fc.constantFrom('a', 'b');
const target = (item: object = {}) => ({
  version: 0,
  cooldownUntil: {},
  recent: {},
  alarms: {},
  verifying: {},
  holds: [],
  ...item,
});
const work = (id: string, dueAt: number) => ({
  kind: 'recheck' as const,
  id,
  remediation: 'raise',
  target: id,
  dueAt,
  attempts: 0,
});

/** The very items that the engine writes, by the functions that make them. */
const engineItem = (key: (text: string) => string): fc.Arbitrary<TransactWriteItem> =>
  fc.oneof(
    fc
      .record({ name, version, lease: fc.option(moment), now: fc.option(moment) })
      .map(
        ({ name: of, version: seen, lease, now }) =>
          writes.putTarget(
            TABLE,
            key(of),
            seen,
            target(lease === null ? {} : { leaseHolder: 'act-1', leaseUntil: lease }),
            now === null ? undefined : { now, unlessHeldBy: 'act-1' },
          ).item,
      ),
    fc
      .record({ name, now: moment })
      .map(
        ({ name: of, now }) =>
          writes.putEvent(TABLE, key('raise'), of, { requestId: 'r', status: 'committed' }, now).item,
      ),
    name.map((of) => writes.finishEvent(TABLE, key('raise'), of, { kind: 'noted', detail: 'x' }).item),
    fc.integer({ min: 0, max: 1 }).map((copy) => writes.checkSwitch(TABLE, copy).item),
    fc
      .record({ slot: fc.integer({ min: 0, max: 1 }), now: moment })
      .map(
        ({ slot, now }) =>
          writes.claimSlot(TABLE, 'fleet-budget', key('fleet'), slot, 'act-1', now + (slot === 0 ? 3_600_000 : 0)).item,
      ),
    fc
      .record({ name, at: moment })
      .map(
        ({ name: of, at }) =>
          writes.alarmFired(TABLE, { subject: key(of), at: new Date(at).toISOString() } as never).item,
      ),
    fc.record({ name, at: moment }).map(({ name: of, at }) => writes.alarmOk(TABLE, key(of), at).item),
    fc.record({ name, now: moment }).map(({ name: of, now }) => writes.alarmNotOurs(TABLE, key(of), now).item),
    fc.record({ name, at: moment }).map(({ name: of, at }) => writes.putWork(TABLE, work(key(of), at)).item),
    fc
      .record({ name, due: moment, next: moment, handedOut: fc.option(moment) })
      .map(
        ({ name: of, due, next, handedOut }) =>
          writes.bumpWork(TABLE, { ...work(key(of), due), pk: '', sk: '' }, next, handedOut ?? undefined).item,
      ),
    fc
      .record({ name, due: moment })
      .map(({ name: of, due }) => writes.dropWork(TABLE, { ...work(key(of), due), pk: '', sk: '' }).item),
    name.map((of) => writes.checkWork(TABLE, 'recheck', key(of)).item),
    name.map((of) => writes.checkOpen(TABLE, key(of), 'inc-1').item),
    fc
      .record({ name, version })
      .map(({ name: of, version: seen }) => writes.putRollOut(TABLE, key(of), { stage: 'first' }, seen).item),
    fc.record({ name, version }).map(({ name: of, version: seen }) => writes.removeRollOut(TABLE, key(of), seen).item),
    fc.record({ now: moment, since: moment }).map(({ now, since }) => writes.claimStormPage(TABLE, now, since).item),
  );

/**
 * Expressions that the engine may come to use: each comparison and function of the grammar, on an item of few attributes. Of one type in each run: DynamoDB
 * refuses BETWEEN over two types or from more to less, and the emulator fails where types differ.
 */
const TYPES = [
  { scalar: fc.integer({ min: -1, max: 2 }), isText: false },
  { scalar: fc.constantFrom('', 'a', 'ab', 'b'), isText: true },
] as const;
const operator = fc.constantFrom('=', '<>', '<', '<=', '>', '>=');
const path = fc.constantFrom('x', 'y', 'm.x', '#n');
const clauseOf = (isText: boolean) =>
  fc.oneof(
    fc.record({ path, operator }).map(({ path: of, operator: by }) => `${of} ${by} :v`),
    path.map((of) => `attribute_exists(${of})`),
    path.map((of) => `attribute_not_exists(${of})`),
    path.map((of) => (isText ? `begins_with(${of}, :s)` : `${of} BETWEEN :v AND :w`)),
  );
const expressionOf = (clause: fc.Arbitrary<string>) =>
  fc.oneof(
    clause,
    fc.record({ a: clause, b: clause, by: fc.constantFrom('AND', 'OR') }).map(({ a, b, by }) => `${a} ${by} ${b}`),
    fc.record({ a: clause, b: clause, c: clause }).map(({ a, b, c }) => `NOT (${a} AND ${b}) OR ${c}`),
    fc.record({ a: clause, b: clause, c: clause }).map(({ a, b, c }) => `${a} OR ${b} AND NOT ${c}`),
  );
const onlyUsed = (text: string, all: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(all).filter(([each]) => text.includes(each)));
const freeItem =
  ({ scalar, isText }: (typeof TYPES)[number]) =>
  (key: (text: string) => string): fc.Arbitrary<TransactWriteItem> =>
    fc
      .record({
        name,
        condition: fc.option(expressionOf(clauseOf(isText))),
        v: scalar as fc.Arbitrary<number | string>,
        x: fc.option(scalar as fc.Arbitrary<number | string>),
        y: fc.option(scalar as fc.Arbitrary<number | string>),
        kind: fc.constantFrom('Put', 'Update', 'Delete', 'ConditionCheck'),
      })
      .map(({ name: of, condition, v, x, y, kind }) => {
        const Key = marshall({ pk: key(`FREE#${of}`), sk: 'FREE' });
        const UpdateExpression = 'SET x = :v REMOVE y';
        const text = `${condition ?? (kind === 'ConditionCheck' ? 'attribute_exists(x)' : '')}`;
        const used = `${text} ${kind === 'Update' ? UpdateExpression : ''}`;
        const names = onlyUsed(used, { '#n': 'n' }) as Record<string, string>;
        const values = onlyUsed(used, { ':v': v, ':w': Number(v) + 1, ':s': 'a' });
        const common = {
          TableName: TABLE,
          ...(text && { ConditionExpression: text, ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const }),
          ...(Object.keys(names).length > 0 && { ExpressionAttributeNames: names }),
          ...(Object.keys(values).length > 0 && { ExpressionAttributeValues: marshall(values) }),
        };
        const body = { ...(x !== null && { x, m: { x } }), ...(y !== null && { y, n: y }) };
        if (kind === 'Put') return { Put: { ...common, Item: { ...Key, ...marshall(body) } } };
        if (kind === 'Update') return { Update: { ...common, Key, UpdateExpression } };
        if (kind === 'Delete') return { Delete: { ...common, Key } };
        return { ConditionCheck: { ...common, Key, ConditionExpression: text } };
      });

type Answer =
  | { readonly ok: true }
  | { readonly reasons: readonly (readonly [string, unknown])[] }
  | { readonly refused: string };

/** As the caller of the SDK sees it, without the words of messages. */
async function answerOf(send: () => Promise<unknown>): Promise<Answer> {
  try {
    await send();
    return { ok: true };
  } catch (error) {
    if (!(error instanceof TransactionCanceledException)) return { refused: (error as Error).name };
    const reasons = (error.CancellationReasons ?? []).map(
      ({ Code, Item }) => [Code ?? 'None', Item ? unmarshall(Item) : undefined] as const,
    );
    return { reasons };
  }
}

async function send(items: readonly TransactWriteItem[]) {
  const labelled = items.map((item, index) => ({ label: `${index}`, item }));
  return { real: await answerRaw(world.store, labelled), model: await answerRaw(modelled, labelled) };
}
/** The store's own answer, which is all that the engine sees. */
const answerRaw = (store: Store, labelled: Parameters<Store['transactOnce']>[0]) =>
  answerOf(async () => {
    const result = await store.transactOnce(labelled);
    if (result.ok) return;
    throw new TransactionCanceledException({
      message: '',
      $metadata: {},
      CancellationReasons: labelled.map(({ label }) => {
        const item = result.failed.get(label);
        return item
          ? { Code: 'ConditionalCheckFailed', Item: marshall(item, { removeUndefinedValues: true }) }
          : { Code: 'None' };
      }),
    });
  });

const distinct = (items: readonly TransactWriteItem[]): TransactWriteItem[] => {
  const keyOf = ({ Put, Update, Delete, ConditionCheck }: TransactWriteItem) =>
    JSON.stringify(
      Put
        ? [Put.Item?.pk, Put.Item?.sk]
        : [(Update ?? Delete ?? ConditionCheck)?.Key?.pk, (Update ?? Delete ?? ConditionCheck)?.Key?.sk],
    );
  return [...new Map(items.map((item) => [keyOf(item), item])).values()];
};

const RUNS = 25;
/** Transactions one after the other on a few items of their own; then both tables hold the same. */
const compared = (item: (key: (text: string) => string) => fc.Arbitrary<TransactWriteItem>, kind: string) =>
  fc.assert(
    fc.asyncProperty(
      fc.integer().chain(() => {
        const run = `${kind}-${prefix++}`;
        const key = (text: string) => `${run}-${text}`;
        return fc.record({
          run: fc.constant(run),
          transactions: fc.array(fc.array(item(key), { minLength: 1, maxLength: 4 }).map(distinct), {
            minLength: 3,
            maxLength: 8,
          }),
        });
      }),
      async ({ transactions }) => {
        const keys = new Map<string, { pk: string; sk: string }>();
        for (const items of transactions) {
          const { real, model: said } = await send(items);
          expect(said).toEqual(real);
          for (const { Put, Update, Delete, ConditionCheck } of items) {
            const { pk, sk } = unmarshall((Put?.Item ?? (Update ?? Delete ?? ConditionCheck)?.Key) as never) as {
              pk: string;
              sk: string;
            };
            keys.set(`${pk} ${sk}`, { pk, sk });
          }
        }
        const all = [...keys.values()];
        for (const each of all) expect(await modelled.read(each)).toEqual(await world.store.read(each));
      },
    ),
    { numRuns: RUNS, seed: 20_261_121, endOnFailure: true },
  );

test('transactions of the items that the engine writes are judged as the emulator judges them', () =>
  compared(engineItem, 'engine'));

test('conditions on numbers are judged as the emulator judges them', () => compared(freeItem(TYPES[0]), 'numbers'));

test('conditions on strings are judged as the emulator judges them', () => compared(freeItem(TYPES[1]), 'strings'));

test('queries of the table and of its indexes give the same items in the same order, page by page', async () => {
  const due = Array.from({ length: 7 }, (_, index) =>
    writes.putWork(TABLE, work(`query-${index}`, NOW + index * 1000)),
  );
  for (const store of [world.store, modelled]) expect(await store.transact(due)).toEqual({ ok: true });
  for (const partition of ['DUE#0', 'DUE#1', 'DUE#2', 'DUE#3'])
    for (const [IndexName, KeyConditionExpression, extra] of [
      ['due', 'duePk = :pk AND dueAt <= :at', {}],
      ['due', 'duePk = :pk AND dueAt <= :at', { ScanIndexForward: false, Limit: 1 }],
      ['due', 'duePk = :pk AND dueAt BETWEEN :from AND :at', { Limit: 2 }],
      ['due', 'duePk = :pk AND dueAt >= :at', { FilterExpression: 'attempts = :none' }],
      [
        'due',
        'duePk = :pk',
        {
          ProjectionExpression: 'dueAt, #signal.#x, target',
          ExpressionAttributeNames: { '#signal': 'signal', '#x': 'x' },
        },
      ],
    ] as const) {
      const values = { ':pk': partition, ':at': NOW + 4000, ':from': NOW + 1000, ':none': 0 };
      const used = `${KeyConditionExpression} ${'FilterExpression' in extra ? extra.FilterExpression : ''}`;
      const input = {
        IndexName,
        KeyConditionExpression,
        ExpressionAttributeValues: marshall(onlyUsed(used, values)),
        ...extra,
      };
      const ours = (items: readonly Record<string, unknown>[]) =>
        items.filter(({ target: of }) => String(of).startsWith('query-'));
      expect(ours(await modelled.query(input))).toEqual(ours(await world.store.query(input)));
    }
});
