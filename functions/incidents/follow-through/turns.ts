/**
 * Turns: deadlines of many incidents fall together when a storm began them together, and each asks CloudWatch and has its target looked at. They draw
 * numbers from one item of the journal, so that all functions together stay below a rate, however short their waits are (docs/storms.md).
 */
import { ConditionalCheckFailedException, type DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '../../engine/attributes.ts';
import { classifyAwsError, RetryableError } from '../../engine/errors.ts';
import { turnsKey } from '../../engine/following.ts';

/** Of `fleet.describesPerSecond`: as much again is the reconciler's. */
const SHARE = 0.5;
/** Nobody is sent further away than this, whatever the item says: a clock that was wrong must not put off deadlines for good. */
export const FURTHEST_MS = 3_600_000;
/** Between the two conditions somebody else may have drawn. */
const TRIES = 5;

/** @param calls how many calls the turn is for. @returns when it is one's turn (epoch milliseconds), `now` where nobody else is waiting. */
export type TakeTurn = (calls: number) => Promise<number>;

/**
 * Draws numbers for one table. An update that others make at the same time isn't cancelled, as a transaction's would be.
 * @param describesPerSecond of the configuration's `fleet`.
 * @throws EngineError when the table can't be written: the look is then made again.
 */
export function turnsIn(
  client: Pick<DynamoDBClient, 'send'>,
  table: string,
  describesPerSecond: number,
  clock: () => number = Date.now,
): TakeTurn {
  const update = async (set: string, condition: string, values: Record<string, number>) => {
    try {
      const { Attributes = {} } = await client.send(
        new UpdateItemCommand({
          TableName: table,
          Key: marshall(turnsKey),
          UpdateExpression: `SET freeAt = ${set}`,
          ConditionExpression: condition,
          ExpressionAttributeValues: marshall(values),
          ReturnValues: 'UPDATED_NEW',
        }),
      );
      return Number(unmarshall(Attributes).freeAt);
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return undefined;
      throw classifyAwsError('wait for a turn to look', error);
    }
  };
  return async (calls) => {
    const takes = Math.ceil((calls * 1000) / (describesPerSecond * SHARE));
    for (let tries = 0; tries < TRIES; tries++) {
      const now = clock();
      const around = { ':now': now, ':furthest': now + FURTHEST_MS };
      const free = 'attribute_not_exists(freeAt) OR freeAt <= :now OR freeAt > :furthest';
      if ((await update(':after', free, { ...around, ':after': now + takes })) !== undefined) return now;
      const behind = 'freeAt > :now AND freeAt <= :furthest';
      const freeAt = await update('freeAt + :takes', behind, { ...around, ':takes': takes });
      if (freeAt !== undefined) return freeAt - takes;
    }
    throw new RetryableError('others drew turns to look at the same time');
  };
}
