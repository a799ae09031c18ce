/** How the follow-through's item is written. */
import { marshall } from '@aws-sdk/util-dynamodb';
import { type FollowItem, followKey } from '../../engine/following.ts';
import type { Labelled } from '../../engine/store.ts';

const clean = { removeUndefinedValues: true } as const;

/** Replaces the item if it is still the one that was read: a token that isn't in `next` has been used. */
export function putFollowing(table: string, before: FollowItem | undefined, next: FollowItem): Labelled {
  return {
    label: 'follow',
    item: {
      Put: {
        TableName: table,
        Item: marshall(next, clean),
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

/** Refused when another execution follows the incident by now, or nothing is left to follow. */
export function storeToken(table: string, incidentId: string, generation: number, token: string): Labelled {
  return {
    label: 'follow',
    item: {
      Update: {
        TableName: table,
        Key: marshall(followKey(incidentId)),
        // With a version of its own: who read the item without the token must not write it back without.
        UpdateExpression: 'SET #token = :token ADD #version :one',
        ConditionExpression: 'generation = :generation AND attribute_not_exists(endedAt)',
        ExpressionAttributeNames: { '#token': 'token', '#version': 'version' },
        ExpressionAttributeValues: marshall({ ':token': token, ':generation': generation, ':one': 1 }),
      },
    },
  };
}
