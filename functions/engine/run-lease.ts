/**
 * One run at a time of something that is started by a schedule. Schedules start a run whether or not the last one has ended, and deliver at
 * least once; two at a time would read the customer's APIs twice as fast as allowed.
 */
import { marshall } from './attributes.ts';
import { runLeaseKey } from './items.ts';
import type { Labelled, Store } from './store.ts';

/**
 * Takes the lease of `job` until `until` (epoch milliseconds), unless another run holds it and its time isn't over: a run that died is
 * followed by the next one after that.
 * @param holder identifies the run; a retry of the same run has the same.
 * @returns whether this run may go on.
 * @throws EngineError when the journal can't be written.
 */
export async function takeRunLease(
  store: Store,
  job: string,
  holder: string,
  now: number,
  until: number,
): Promise<boolean> {
  const item: Labelled = {
    label: 'run-lease',
    item: {
      Put: {
        TableName: store.table,
        Item: marshall({ ...runLeaseKey(job), holder, until, expiresAt: Math.floor(until / 1000) + 86_400 }),
        ConditionExpression: 'attribute_not_exists(pk) OR #until <= :now OR holder = :holder',
        ExpressionAttributeNames: { '#until': 'until' },
        ExpressionAttributeValues: marshall({ ':now': now, ':holder': holder }),
      },
    },
  };
  return (await store.transact([item])).ok;
}

/** Lets the lease go, if this run still holds it. @throws EngineError when the journal can't be written: it then ends by its time. */
export async function releaseRunLease(store: Store, job: string, holder: string): Promise<void> {
  const item: Labelled = {
    label: 'run-lease',
    item: {
      Delete: {
        TableName: store.table,
        Key: marshall(runLeaseKey(job)),
        ConditionExpression: 'holder = :holder',
        ExpressionAttributeValues: marshall({ ':holder': holder }),
      },
    },
  };
  await store.transact([item]);
}
