/**
 * The publisher: nothing is told that wasn't written, nothing written goes untold. It reads the journal's stream, so that a function that
 * dies after writing has still told; a page that may have been sent twice is better than none.
 */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import middy from '@middy/core';
import type { DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent, Context as LambdaContext } from 'aws-lambda';
import type { JournalEntry } from '../../../events/journal.ts';
import { clientDefaults } from '../../engine/clients.ts';
import { runtimeConfig } from '../../engine/config.ts';
import { classifyAwsError } from '../../engine/errors.ts';
import { requiredEnvironment } from '../../engine/handler.ts';
import { entryKey } from '../../engine/items.ts';
import { readIncident } from '../../engine/journal-reader.ts';
import { log } from '../../engine/log.ts';
import { measure } from '../../engine/metrics.ts';
import { Store } from '../../engine/store.ts';
import { putEntry } from '../../engine/writes.ts';
import { canarySeen, isCanaryEnd } from './canary-seen.ts';
import { pageFor } from './page.ts';

const sns = new SNSClient(clientDefaults());

/** The first record that fails is reported; Lambda delivers again from there, in order. */
async function publish(event: DynamoDBStreamEvent): Promise<DynamoDBBatchResponse> {
  const store = new Store(requiredEnvironment('NIGHTSHIFT_TABLE'));
  for (const record of event.Records) {
    try {
      await tell(store, record);
    } catch (error) {
      log('ERROR', 'a journal entry could not be told', {
        error: error instanceof Error ? error.message : String(error),
      });
      measure(runtimeConfig().name, [{ name: 'PageFailures', value: 1 }]);
      return { batchItemFailures: [{ itemIdentifier: record.dynamodb?.SequenceNumber ?? '' }] };
    }
  }
  return { batchItemFailures: [] };
}

async function tell(store: Store, record: DynamoDBRecord): Promise<void> {
  if (isCanaryEnd(record)) return canarySeen();
  const image = record.dynamodb?.NewImage;
  if (record.eventName !== 'INSERT' || !image) return;
  const entry = unmarshall(image as Record<string, AttributeValue>) as JournalEntry & { sk: string };
  if (!entry.sk?.startsWith('ENTRY#') || entry.kind !== 'escalated') return;
  await page(store, entry);
}

async function page(store: Store, entry: JournalEntry): Promise<void> {
  const paged: JournalEntry = {
    id: `${entry.id}-paged`,
    incidentId: entry.incidentId,
    at: new Date().toISOString(),
    kind: 'paged',
    by: 'publisher',
    summary: 'a person was paged',
    data: { for: entry.id },
  };
  if (await store.read(entryKey(paged.incidentId, paged.id))) return;
  const { subject, message } = pageFor(entry, await readIncident(store, entry.incidentId));
  try {
    await sns.send(
      new PublishCommand({
        TopicArn: requiredEnvironment('NIGHTSHIFT_PAGE_TOPIC_ARN'),
        Subject: subject,
        Message: message,
      }),
    );
  } catch (error) {
    throw classifyAwsError('publish a page', error);
  }
  await store.transact([putEntry(store.table, paged)]);
  measure(runtimeConfig().name, [{ name: 'Pages', value: 1 }]);
}

export const handler = middy<DynamoDBStreamEvent, DynamoDBBatchResponse, Error, LambdaContext>().handler(publish);
