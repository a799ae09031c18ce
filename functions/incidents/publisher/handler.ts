/**
 * The publisher: nothing is told that wasn't written, nothing written goes untold. It reads the journal's stream, so that a function that
 * dies after writing has still told; a page that may have been sent twice is better than none. Pages come first; only then is the follow-through
 * told, whose trouble never holds a page back.
 */
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { SFNClient } from '@aws-sdk/client-sfn';
import { SNSClient } from '@aws-sdk/client-sns';
import middy from '@middy/core';
import type { DynamoDBBatchResponse, DynamoDBRecord, DynamoDBStreamEvent, Context as LambdaContext } from 'aws-lambda';
import type { JournalEntry } from '../../../events/journal.ts';
import { unmarshall } from '../../engine/attributes.ts';
import { clientDefaults } from '../../engine/clients.ts';
import { runtimeConfig } from '../../engine/config.ts';
import { requiredEnvironment } from '../../engine/handler.ts';
import { log } from '../../engine/log.ts';
import { measure } from '../../engine/metrics.ts';
import { Store } from '../../engine/store.ts';
import { type CallContext, callFor } from './call.ts';
import { canarySeen, isCanaryEnd } from './canary-seen.ts';
import { diagnosing, diagnosingClientDefaults } from './diagnosed.ts';
import { type FollowContext, tellFollowThrough } from './follow.ts';

export interface PublisherContext extends CallContext, FollowContext {}

/** The first record that fails is reported; Lambda delivers again from there, in order. */
export async function publish(
  records: readonly DynamoDBRecord[],
  context: PublisherContext,
): Promise<DynamoDBBatchResponse> {
  const failed = await callAll(records, context);
  await tellFollowThrough(
    records.flatMap((record) => entryOf(record) ?? []),
    context,
  );
  return { batchItemFailures: failed === undefined ? [] : [{ itemIdentifier: failed }] };
}

/** @returns the sequence number of the first record that couldn't be told. */
async function callAll(records: readonly DynamoDBRecord[], context: PublisherContext): Promise<string | undefined> {
  for (const record of records) {
    try {
      if (isCanaryEnd(record)) await canarySeen();
      const entry = entryOf(record);
      const called = entry && (await callFor(entry, context));
      if (called) measure(context.deployment, [{ name: 'Pages', value: 1 }]);
    } catch (error) {
      log('ERROR', 'a journal entry could not be told', {
        error: error instanceof Error ? error.message : String(error),
      });
      measure(context.deployment, [{ name: 'PageFailures', value: 1 }]);
      return record.dynamodb?.SequenceNumber ?? '';
    }
  }
  return undefined;
}

function entryOf({ eventName, dynamodb }: DynamoDBRecord): JournalEntry | undefined {
  const image = dynamodb?.NewImage;
  if (eventName !== 'INSERT' || !image) return undefined;
  const entry = unmarshall(image as Record<string, AttributeValue>) as unknown as JournalEntry & { sk: string };
  return entry.sk?.startsWith('ENTRY#') ? entry : undefined;
}

/** Neither may use up the time in which people are called. */
const wakingClient = () =>
  new SFNClient({
    ...clientDefaults(),
    maxAttempts: 2,
    requestHandler: { ...clientDefaults().requestHandler, requestTimeout: 1_500 },
  });

let kept: Omit<PublisherContext, 'remaining' | 'diagnose'> | undefined;
const diagnostician = new LambdaClient(diagnosingClientDefaults());

function contextFor(lambda: LambdaContext): PublisherContext {
  const config = runtimeConfig();
  kept ??= {
    deployment: config.name,
    store: new Store(requiredEnvironment('NIGHTSHIFT_TABLE')),
    sns: new SNSClient(clientDefaults()),
    topics: {
      everybody: requiredEnvironment('NIGHTSHIFT_PAGE_TOPIC_ARN'),
      own: JSON.parse(requiredEnvironment('NIGHTSHIFT_LEVEL_TOPIC_ARNS')) as Record<string, string>,
    },
    rules: config,
    now: Date.now,
    machine: { sfn: wakingClient(), arn: requiredEnvironment('NIGHTSHIFT_FOLLOW_MACHINE_ARN') },
  };
  const remaining = () => lambda.getRemainingTimeInMillis();
  const functionName = process.env.NIGHTSHIFT_DIAGNOSE_FUNCTION;
  if (!functionName) return { ...kept, remaining };
  return { ...kept, remaining, diagnose: diagnosing({ lambda: diagnostician, functionName, remaining }) };
}

export const handler = middy<DynamoDBStreamEvent, DynamoDBBatchResponse, Error, LambdaContext>().handler(
  (event, lambda) => publish(event.Records, contextFor(lambda)),
);
