/** The end of a canary's way: its last entry reached the publisher, as an escalation would have (docs/self-watch.md). */
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { DynamoDBRecord } from 'aws-lambda';
import { clientDefaults } from '../../engine/clients.ts';
import { requiredEnvironment } from '../../engine/handler.ts';
import { CANARY_ENTRY } from '../../engine/items.ts';
import { log } from '../../engine/log.ts';

let sqs: SQSClient | undefined;

/** Whether this is the entry that ends a canary's incident. Pure. */
export const isCanaryEnd = ({ eventName, dynamodb }: DynamoDBRecord): boolean =>
  eventName === 'INSERT' &&
  dynamodb?.NewImage?.sk?.S?.startsWith(CANARY_ENTRY) === true &&
  dynamodb.NewImage.kind?.S === 'resolved';

/** Tells the queue whose silence calls a person. What fails here must not hold up pages: the silence tells. */
export async function canarySeen(): Promise<void> {
  sqs ??= new SQSClient({ ...clientDefaults(), useQueueUrlAsEndpoint: false });
  const QueueUrl = requiredEnvironment('NIGHTSHIFT_CANARY_QUEUE');
  try {
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'seen' }));
  } catch (error) {
    log('ERROR', 'the canary came, but that could not be told', {
      error: error instanceof Error ? error.message : String(error),
    });
  }
}
