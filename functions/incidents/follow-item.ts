/** How the follow-through's item is written, by it and by who revives it. */
import { marshall } from '../engine/attributes.ts';
import { type FollowItem, followKey } from '../engine/following.ts';
import type { Labelled } from '../engine/store.ts';

/** An execution that waits. */
export interface Wait {
  readonly incidentId: string;
  readonly generation: number;
  readonly token: string;
}

/** Replaces the item if it is still the one that was read: a token that isn't in `next` has been used. */
export function putFollowing(table: string, before: FollowItem | undefined, next: FollowItem): Labelled {
  return {
    label: 'follow',
    item: {
      Put: {
        TableName: table,
        Item: marshall(next),
        ...(before
          ? {
              ConditionExpression: '#version = :version',
              ExpressionAttributeNames: { '#version': 'version' },
              ExpressionAttributeValues: marshall({ ':version': before.version }),
            }
          : { ConditionExpression: 'attribute_not_exists(pk)' }),
      },
    },
  };
}

/** A state that waits, by its place in its execution: later ones have higher numbers. */
export const orderOfWait = (round: number, retry: number): number => round * 1000 + retry;

/**
 * Refused when another execution follows the incident by now, a later state of this one waits already, or nothing is left to follow.
 * @param order as `orderOfWait` tells it; absent for executions of an older definition.
 */
export function storeToken(
  table: string,
  { incidentId, generation, token, order = 0 }: Wait & { readonly order?: number | undefined },
): Labelled {
  return {
    label: 'follow',
    item: {
      Update: {
        TableName: table,
        Key: marshall(followKey(incidentId)),
        // With a version of its own: who read the item without the token must not write it back without.
        UpdateExpression: 'SET #token = :token, waitOrder = :order ADD #version :one',
        ConditionExpression:
          'generation = :generation AND attribute_not_exists(endedAt) AND (attribute_not_exists(waitOrder) OR waitOrder <= :order)',
        ExpressionAttributeNames: { '#token': 'token', '#version': 'version' },
        ExpressionAttributeValues: marshall({ ':token': token, ':generation': generation, ':order': order, ':one': 1 }),
      },
    },
  };
}
