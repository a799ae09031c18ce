/** Turns against a table of one item, which compares as DynamoDB does. */

import { ConditionalCheckFailedException, type UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { describe, expect, it } from '@jest/globals';
import { FURTHEST_MS, turnsIn } from '../../../functions/incidents/follow-through/turns.ts';

/** @param clock epoch milliseconds. */
function table(clock: { now: number }, first?: number) {
  const item = { freeAt: first };
  const send = async ({ input }: UpdateItemCommand) => {
    const value = (name: string) => Number(input.ExpressionAttributeValues?.[name]?.N);
    const { freeAt } = item;
    const isFree = freeAt === undefined || freeAt <= value(':now') || freeAt > value(':furthest');
    if (isFree !== input.ConditionExpression?.startsWith('attribute_not_exists'))
      throw new ConditionalCheckFailedException({ message: 'no', $metadata: {} });
    item.freeAt = isFree ? value(':after') : (freeAt ?? 0) + value(':takes');
    return { Attributes: { freeAt: { N: String(item.freeAt) } } };
  };
  const takeTurn = turnsIn({ send } as unknown as Parameters<typeof turnsIn>[0], 'journal', 5, () => clock.now);
  return { takeTurn, item };
}

describe('turns to look', () => {
  it('are at once for one alone, and afterwards for the next one when its calls had their time', async () => {
    const clock = { now: 10_000 };
    const { takeTurn } = table(clock);
    expect(await takeTurn(1)).toBe(10_000);
    clock.now = 10_400;
    expect(await takeTurn(1)).toBe(10_400);
  });

  it('are spread at half of describesPerSecond when 200 deadlines fall together', async () => {
    const { takeTurn } = table({ now: 10_000 });
    const turns = await Promise.all(Array.from({ length: 200 }, () => takeTurn(1)));
    expect(turns).toEqual(Array.from({ length: 200 }, (_, place) => 10_000 + place * 400));
  });

  it('take as long as the calls that they are for', async () => {
    const { takeTurn } = table({ now: 10_000 });
    await takeTurn(5);
    expect(await takeTurn(1)).toBe(12_000);
    expect(await takeTurn(1)).toBe(12_400);
  });

  it('are never so far away that a deadline would be put off for good, as by a clock that was wrong', async () => {
    const { takeTurn, item } = table({ now: 10_000 }, 10_000 + FURTHEST_MS + 1);
    expect(await takeTurn(1)).toBe(10_000);
    expect(item.freeAt).toBe(10_400);
    const behind = table({ now: 10_000 }, 10_000 + FURTHEST_MS);
    expect(await behind.takeTurn(1)).toBe(10_000 + FURTHEST_MS);
  });

  it('fail where the table refuses for another reason', async () => {
    const send = async () => {
      throw Object.assign(new Error('denied'), { name: 'AccessDeniedException', $metadata: { httpStatusCode: 400 } });
    };
    const takeTurn = turnsIn({ send } as unknown as Parameters<typeof turnsIn>[0], 'journal', 5);
    await expect(takeTurn(1)).rejects.toThrow('wait for a turn to look');
  });
});
