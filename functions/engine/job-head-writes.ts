/** Writing items that carry their version: pure builders. */
import { marshall } from './attributes.ts';
import { type HeadItem, headKey } from './job-head.ts';
import type { Labelled } from './store.ts';
import { signed } from './writes.ts';

/** Puts an item if the one in the table still is the version that was read (0: there was none). */
export function putVersion(table: string, label: string, item: object, read: number): Labelled {
  return signed(label, {
    Put: {
      TableName: table,
      Item: marshall({ ...item, version: read + 1 }),
      ...(read === 0
        ? { ConditionExpression: 'attribute_not_exists(pk)' }
        : {
            ConditionExpression: '#version = :version',
            ExpressionAttributeNames: { '#version': 'version' },
            ExpressionAttributeValues: marshall({ ':version': read }),
          }),
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    },
  });
}

export const putHead = (table: string, read: number, head: HeadItem): Labelled =>
  putVersion(table, 'head', { ...headKey(head), ...head }, read);
