/** The items of a run's transactions: pure builders. */
import { marshall } from '@aws-sdk/util-dynamodb';
import type { Labelled } from '../engine/store.ts';
import { signed } from '../engine/writes.ts';
import { type HeadItem, headKey, RUN_KEPT_SECONDS, type RunItem, runKey } from './items.ts';
import type { RunIdentity } from './job.ts';

const flat = (item: object) => marshall(item, { removeUndefinedValues: true });

/** Puts an item if the one in the table still is the version that was read (0: there was none). */
function putVersion(table: string, label: string, item: object, read: number): Labelled {
  return signed(label, {
    Put: {
      TableName: table,
      Item: flat({ ...item, version: read + 1 }),
      ...(read === 0
        ? { ConditionExpression: 'attribute_not_exists(pk)' }
        : {
            ConditionExpression: '#version = :version',
            ExpressionAttributeNames: { '#version': 'version' },
            ExpressionAttributeValues: flat({ ':version': read }),
          }),
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    },
  });
}

export function putRun(table: string, run: RunItem): Labelled {
  const expiresAt = Math.floor(run.startedAt / 1000) + RUN_KEPT_SECONDS;
  return putVersion(table, 'run', { ...runKey(run), ...run, expiresAt }, run.version);
}

export const putHead = (table: string, run: RunIdentity, read: number, head: HeadItem): Labelled =>
  putVersion(table, 'head', { ...headKey(run), ...head }, read);
