/** What the model of the table refuses as DynamoDB does, where the emulator is more lenient: AWS's documentation wins. */
import {
  GetItemCommand,
  QueryCommand,
  type TransactWriteItem,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import { describe, expect, it } from '@jest/globals';
import { TableModel } from '../../simulation/table/table.ts';

const put = (pk: string, body: object = {}, more: object = {}): TransactWriteItem => ({
  Put: { TableName: 'journal', Item: marshall({ pk, sk: 'S', ...body }), ...more },
});
const write = (table: TableModel, ...TransactItems: TransactWriteItem[]) =>
  table.execute(new TransactWriteItemsCommand({ TransactItems }));
const read = (table: TableModel, pk: string) =>
  table.execute(new GetItemCommand({ TableName: 'journal', Key: marshall({ pk, sk: 'S' }) }));
const one = marshall({ ':x': 1 });

describe('a transaction that is refused as a whole', () => {
  it.each<[string, TransactWriteItem[]]>([
    ['two operations on one item', [put('a'), put('a')]],
    ['a name that is not defined', [put('a', {}, { ConditionExpression: '#x = :x', ExpressionAttributeValues: one })]],
    ['a value that is not used', [put('a', {}, { ConditionExpression: 'x = x', ExpressionAttributeValues: one })]],
    ['a condition that is none', [put('a', {}, { ConditionExpression: 'x ==', ExpressionAttributeValues: one })]],
    [
      'a function that is not modelled',
      [put('a', {}, { ConditionExpression: 'size(x) = :x', ExpressionAttributeValues: one })],
    ],
    ['nothing in it', []],
    ['more than 100 items', Array.from({ length: 101 }, (_, index) => put(`a${index}`))],
  ])('%s', (_what, items) => {
    const table = new TableModel();
    expect(() => write(table, ...items)).toThrow(expect.objectContaining({ name: 'ValidationException' }));
    expect(read(table, 'a')).toEqual({});
  });
});

describe('conditions', () => {
  it.each<[string, object, boolean]>([
    ['x = :x', { x: 1 }, true],
    ['x <> :x', {}, true],
    ['x < :x', {}, false],
    ['x >= :x', { x: 1 }, true],
    ['x > :x', { x: 'a' }, false],
    ['attribute_not_exists(x) OR x = :x', {}, true],
    ['NOT x = :x AND attribute_exists(pk)', { x: 2 }, true],
    ['x = :x OR x = :x AND attribute_not_exists(pk)', { x: 1 }, true],
    ['(x = :x OR attribute_exists(pk)) AND attribute_not_exists(y)', { y: 1 }, false],
    ['x BETWEEN :x AND :x', { x: 1 }, true],
    ['m.x = :x', { m: { x: 1 } }, true],
  ])('%s of %j: %s', (ConditionExpression, body, holds) => {
    const table = new TableModel();
    write(table, put('a', body));
    const again = () =>
      write(table, put('a', { was: 'written' }, { ConditionExpression, ExpressionAttributeValues: one }));
    if (holds) expect(again()).toEqual({});
    else expect(again).toThrow(expect.objectContaining({ name: 'TransactionCanceledException' }));
  });
});

it('writes all of a transaction or nothing, and gives back what refused it', () => {
  const table = new TableModel();
  write(table, put('a', { x: 1 }));
  const absent = { ConditionExpression: 'attribute_not_exists(pk)', ReturnValuesOnConditionCheckFailure: 'ALL_OLD' };
  expect(() => write(table, put('b'), put('a', { x: 2 }, absent))).toThrow(
    expect.objectContaining({
      CancellationReasons: [
        { Code: 'None' },
        { Code: 'ConditionalCheckFailed', Item: marshall({ pk: 'a', sk: 'S', x: 1 }) },
      ],
    }),
  );
  expect(read(table, 'b')).toEqual({});
});

it('shows a change in an index only after its lag, and keeps the order of the index', () => {
  let now = 0;
  const table = new TableModel({ now: () => now, indexLagMs: 100 });
  const due = (pk: string, dueAt: number) => put(pk, { duePk: 'DUE#0', dueAt });
  const query = () => {
    const { Items } = table.execute(
      new QueryCommand({
        TableName: 'journal',
        IndexName: 'due',
        KeyConditionExpression: 'duePk = :pk',
        ExpressionAttributeValues: marshall({ ':pk': 'DUE#0' }),
      }),
    ) as { Items: { pk: { S: string } }[] };
    return Items.map(({ pk }) => pk.S);
  };
  write(table, due('late', 5));
  write(table, due('early', 3));
  expect(query()).toEqual([]);
  now = 100;
  expect(query()).toEqual(['early', 'late']);
  write(table, due('early', 9));
  expect(query()).toEqual(['early', 'late']);
  now = 200;
  expect(query()).toEqual(['late', 'early']);
});
