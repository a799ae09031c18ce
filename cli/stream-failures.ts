/**
 * What a function that follows the journal's stream gave up on. The message says when it was written, not what ("Retain discarded records for a DynamoDB event
 * source in Lambda"); but what was written is the journal, which keeps it. So it is read again from there and given to the function once more, as the stream
 * gave it (docs/decisions/0227).
 */

import type { JournalEntry } from '../events/journal.ts';
import { marshall } from '../functions/engine/attributes.ts';
import { entryKey } from '../functions/engine/items.ts';
import { listIncidentIds, readEntries } from '../functions/engine/journal-reader.ts';
import type { Store } from '../functions/engine/store.ts';

/** Records of the stream that were given up on together: when the first and the last of them were written, in ms since 1970. */
export interface Batch {
  readonly from: number;
  readonly to: number;
  readonly records: number;
}

/** The records that a message is about; undefined when it isn't about records of a stream. Pure. */
export function batchIn(record: object): Batch | undefined {
  const { DDBStreamBatchInfo: info } = record as { readonly DDBStreamBatchInfo?: Readonly<Record<string, unknown>> };
  const from = Date.parse(String(info?.approximateArrivalOfFirstRecord));
  const to = Date.parse(String(info?.approximateArrivalOfLastRecord));
  if (!Number.isFinite(from) || !Number.isFinite(to)) return undefined;
  return { from, to, records: Number(info?.batchSize) };
}

/** An entry bears the time at which its function began, which may be as long before it was written as a function may run ("Lambda quotas": 15 minutes). */
const BEGUN_BEFORE_MS = 15 * 60_000;
/** Clocks of functions and of DynamoDB differ a little. */
const CLOCKS_MS = 60_000;
/** Incidents are found by the month in which they were opened; what is older was resolved long ago. */
const MONTHS = 2;
const READ_AT_ONCE = 16;

/**
 * Every entry that may have been among those records, in the order of their ids: rather more than too few, since whoever is told knows what it was told before.
 * @throws EngineError when the journal can't be read.
 */
export async function writtenIn(store: Store, { from, to }: Batch): Promise<JournalEntry[]> {
  const limit = Number.POSITIVE_INFINITY;
  const waiting = await listIncidentIds(store, { limit, months: MONTHS, now: new Date(to + CLOCKS_MS) });
  const found: JournalEntry[] = [];
  const worker = async (): Promise<void> => {
    for (let id = waiting.shift(); id !== undefined; id = waiting.shift())
      found.push(...(await readEntries(store, id)));
  };
  await Promise.all(Array.from({ length: READ_AT_ONCE }, worker));
  const isMeant = (at: number) => at >= from - BEGUN_BEFORE_MS && at <= to + CLOCKS_MS;
  return found.filter(({ at }) => isMeant(Date.parse(at))).sort((a, b) => a.id.localeCompare(b.id));
}

/** As the mapping's own batches ("CreateEventSourceMapping", BatchSize, in infra/constructs/journal-stream.ts). */
const RECORDS_AT_ONCE = 100;

/** The events that tell a function of new entries, as the stream does; without the time of writing, which nobody knows any more. Pure. */
export function eventsOf(entries: readonly JournalEntry[]): string[] {
  const records = entries.map((entry) => ({
    eventID: entry.id,
    eventName: 'INSERT',
    eventSource: 'aws:dynamodb',
    dynamodb: {
      SequenceNumber: entry.id,
      NewImage: marshall({ ...entryKey(entry.incidentId, entry.id), ...entry }),
    },
  }));
  const count = Math.ceil(records.length / RECORDS_AT_ONCE);
  return Array.from({ length: count }, (_, part) =>
    JSON.stringify({ Records: records.slice(part * RECORDS_AT_ONCE, (part + 1) * RECORDS_AT_ONCE) }),
  );
}

/** Why a function didn't take all of such an event; undefined when it did. Pure. */
export function whyNotTaken(functionError: string | undefined, payload: string): string | undefined {
  if (functionError !== undefined) return `${functionError}: ${payload}`;
  // "Configuring partial batch response with DynamoDB and Lambda": no list, or an empty one, is success.
  const answer = JSON.parse(payload || 'null') as { batchItemFailures?: readonly { itemIdentifier?: string }[] } | null;
  const [first] = answer?.batchItemFailures ?? [];
  return first && `it could not tell entry ${first.itemIdentifier ?? ''}: its log says why`;
}
