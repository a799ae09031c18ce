/** How the sources of these functions deliver, and deliver again. */

import { marshall } from '@aws-sdk/util-dynamodb';
import type { DynamoDBBatchResponse, DynamoDBRecord } from 'aws-lambda';
import type { JournalEntry } from '../../../events/journal.ts';
import { entryKey } from '../../../functions/engine/items.ts';
import { REGION } from '../place.ts';
import type { Site } from './types.ts';

/** Lambda's own run and its two retries ("Asynchronous invocation", AWS Lambda Developer Guide). */
export const ASYNCHRONOUS_RUNS = 3;
/** "How Lambda processes records from stream and queue-based event sources": the mapping's 10 retries after the first run. */
const STREAM_RUNS = 11;

/** One try of one copy of a delivery: whether it was taken. */
type Try = () => Promise<boolean>;

/**
 * Tries all copies at once, again and again until each was taken; `between` is what happens in the time that the source waits.
 * @returns a sentence for each copy that was given up.
 */
export async function inRounds(
  copies: readonly Try[],
  runs: number,
  between: () => Promise<void> = async () => {},
): Promise<string[]> {
  let left = copies;
  for (let run = 1; run <= runs; run++) {
    const taken = await Promise.all(left.map((attempt) => attempt()));
    left = left.filter((_, at) => !taken[at]);
    if (left.length === 0) return [];
    await between();
  }
  return left.map(() => `I1: a delivery was given up after ${runs} runs`);
}

const times = <Item>(count: number, make: () => Item): Item[] => Array.from({ length: count }, make);

/** A batch of the journal's stream: again from the first record that the function reports, the whole when it dies. */
export function fromStream({ place, functionName }: Site, entries: readonly JournalEntry[], copies: number) {
  const copy = (): Try => {
    let rest = entries.map(recordOf);
    return async () => {
      const result = await place.lambda.invoke(functionName, REGION, { Records: rest });
      if (result.kind !== 'ok') return false;
      const { batchItemFailures } = JSON.parse(result.payload) as DynamoDBBatchResponse;
      const [failed] = batchItemFailures;
      if (!failed) return true;
      const first = rest.findIndex(({ dynamodb }) => dynamodb?.SequenceNumber === failed.itemIdentifier);
      if (first < 0) throw new Error(`the function reported ${failed.itemIdentifier}, which isn't in the batch`);
      rest = rest.slice(first);
      return false;
    };
  };
  return inRounds(times(copies, copy), STREAM_RUNS);
}

/** An entry as the stream tells of it; its id is the sequence number. */
const recordOf = (entry: JournalEntry): DynamoDBRecord => ({
  eventName: 'INSERT',
  dynamodb: {
    SequenceNumber: entry.id,
    ApproximateCreationDateTime: Math.floor(Date.parse(entry.at) / 1000),
    NewImage: marshall({ ...entryKey(entry.incidentId, entry.id), ...entry }) as never,
  },
});

/** An asynchronous invocation, `between` standing for the minute or two that Lambda waits before it tries again. */
export function asynchronously(
  { place, functionName }: Site,
  payload: unknown,
  copies: number,
  options: { readonly runs?: number; readonly between?: () => Promise<void> } = {},
) {
  const attempt = async () => (await place.lambda.invoke(functionName, REGION, payload)).kind === 'ok';
  return inRounds(
    times(copies, () => attempt),
    options.runs ?? ASYNCHRONOUS_RUNS,
    options.between,
  );
}

/** A person presses, or a vendor posts, again as long as the answer is a failure of the server. */
export function overHttp({ place, functionName }: Site, request: unknown, copies: number) {
  const attempt = async () => {
    const result = await place.lambda.invoke(functionName, REGION, request);
    return result.kind === 'ok' && (JSON.parse(result.payload) as { statusCode: number }).statusCode < 500;
  };
  return inRounds(
    times(copies, () => attempt),
    PRESSES,
  );
}
const PRESSES = 4;
