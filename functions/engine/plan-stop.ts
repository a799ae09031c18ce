/** Asking a run of a recovery plan to be backed out: what people and the job `drill` write into a run that isn't theirs. Pure builder. */
import { marshall } from './attributes.ts';
import { runKey } from './plan-items.ts';
import type { Labelled } from './store.ts';
import { signed } from './writes.ts';

/** Who wants it (`person:<name>`, or what else), when (epoch milliseconds), and why. */
export interface Stop {
  readonly by: string;
  readonly at: number;
  readonly reason: string;
}

/** The run takes back what it did, at its next turn; refused when it is over. */
export const requestStop = (
  table: string,
  run: { readonly plan: string; readonly run: string },
  stop: Stop,
): Labelled =>
  signed('run', {
    Update: {
      TableName: table,
      Key: marshall(runKey(run)),
      UpdateExpression: 'SET #stop = :stop ADD #version :one',
      ConditionExpression: 'attribute_exists(pk) AND #phase <> :ended',
      ExpressionAttributeNames: { '#stop': 'stop', '#version': 'version', '#phase': 'phase' },
      ExpressionAttributeValues: marshall({ ':stop': stop, ':one': 1, ':ended': 'ended' }),
    },
  });
