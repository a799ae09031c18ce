/**
 * The announcer: what the journal says, Nightshift's bus tells. It reads the stream beside the publisher and not inside it, so that a bus that is
 * throttled or gone never delays a page (docs/decisions/0040).
 */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import middy from '@middy/core';
import type { DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent, Context as LambdaContext } from 'aws-lambda';
import type { JournalEntry } from '../../../events/journal.ts';
import { clientDefaults } from '../../engine/clients.ts';
import { runtimeConfig } from '../../engine/config.ts';
import { requiredEnvironment } from '../../engine/handler.ts';
import { readIncident } from '../../engine/journal-reader.ts';
import { log } from '../../engine/log.ts';
import { Store } from '../../engine/store.ts';
import { type Announcement, announcementOf, happeningOf } from './event.ts';
import { type PutOptions, putAnnouncements } from './put-events.ts';

export interface AnnouncerContext extends PutOptions {
  readonly store: Store;
  readonly deployment: string;
  readonly region: string;
}

interface Told {
  readonly sequenceNumber: string;
  readonly announcement: Announcement;
}

/**
 * Tells the entries of one batch in their order. The first that can't be told is reported, and Lambda delivers again from there; after its last
 * retry the failure queue says where in the stream it lies, and the entry itself stays in the journal.
 */
export async function announce(
  records: readonly DynamoDBRecord[],
  context: AnnouncerContext,
): Promise<DynamoDBBatchResponse> {
  const told: Told[] = [];
  let failed: { sequenceNumber: string; error: unknown } | undefined;
  for (const record of records) {
    const sequenceNumber = record.dynamodb?.SequenceNumber ?? '';
    try {
      const announcement = await announcementFor(record, context);
      if (announcement) told.push({ sequenceNumber, announcement });
    } catch (error) {
      failed = { sequenceNumber, error };
      break;
    }
  }
  const { accepted, error } = await putAnnouncements(
    told.map(({ announcement }) => announcement),
    context,
  );
  if (error) failed = { sequenceNumber: told[accepted]?.sequenceNumber ?? '', error };
  if (!failed) return { batchItemFailures: [] };
  log('ERROR', 'a journal entry could not be announced', {
    error: failed.error instanceof Error ? failed.error.message : String(failed.error),
  });
  return { batchItemFailures: [{ itemIdentifier: failed.sequenceNumber }] };
}

async function announcementFor(record: DynamoDBRecord, context: AnnouncerContext): Promise<Announcement | undefined> {
  const image = record.dynamodb?.NewImage;
  if (record.eventName !== 'INSERT' || !image) return undefined;
  const entry = unmarshall(image as Record<string, AttributeValue>) as JournalEntry & { sk: string };
  if (!entry.sk?.startsWith('ENTRY#') || !happeningOf(entry)) return undefined;
  const { deployment, region } = context;
  return announcementOf(entry, await readIncident(context.store, entry.incidentId), { deployment, region });
}

let context: AnnouncerContext | undefined;

export const handler = middy<DynamoDBStreamEvent, DynamoDBBatchResponse, Error, LambdaContext>().handler((event) => {
  const { name, region } = runtimeConfig();
  context ??= {
    store: new Store(requiredEnvironment('NIGHTSHIFT_TABLE')),
    client: new EventBridgeClient(clientDefaults()),
    bus: requiredEnvironment('NIGHTSHIFT_BUS'),
    deployment: name,
    region,
  };
  return announce(event.Records, context);
});
