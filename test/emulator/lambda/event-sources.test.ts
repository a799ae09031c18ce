/** Streams and queues that feed functions: order, filters, partial failures, halving, and what is given up. */

import { CreateTableCommand, DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import {
  CreateEventSourceMappingCommand,
  type CreateEventSourceMappingCommandInput,
  DeleteEventSourceMappingCommand,
  LambdaClient,
  ListEventSourceMappingsCommand,
} from '@aws-sdk/client-lambda';
import { CreateQueueCommand, GetQueueAttributesCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createEventSources } from '../../../local/stand-ins/event-sources/index.ts';
import { eventually, makeFunction, makeQueue, nextMessage, type SmallWorld, smallWorld } from '../gateway/support.ts';

/** Logs each batch; fails as the environment says. */
const SOURCE = `
export const handler = async ({ Records }) => {
  const keys = Records.map((record) => record.body ?? record.dynamodb.Keys.pk.S);
  console.log('batch', JSON.stringify(keys));
  const bad = (key) => key.startsWith('bad');
  if (process.env.THROWS && keys.some(bad)) throw new Error('bad batch');
  return { batchItemFailures: Records.filter((_, at) => bad(keys[at])).map((record) => ({
    itemIdentifier: record.messageId ?? record.dynamodb.SequenceNumber })) };
};`;

let small: SmallWorld;
let lambda: LambdaClient;
let table: DynamoDBClient;

beforeAll(async () => {
  small = await smallWorld();
  createEventSources(small.world, small.gateway, small.lambda);
  lambda = new LambdaClient(small.client);
  table = new DynamoDBClient(small.client);
});
afterAll(() => small.stop());

async function makeTable(TableName: string): Promise<string> {
  const made = await table.send(
    new CreateTableCommand({
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
      StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' },
    }),
  );
  return made.TableDescription?.LatestStreamArn ?? '';
}

async function put(TableName: string, keys: readonly string[]): Promise<void> {
  for (const key of keys) await table.send(new PutItemCommand({ TableName, Item: { pk: { S: key } } }));
}

const map = (input: CreateEventSourceMappingCommandInput) => lambda.send(new CreateEventSourceMappingCommand(input));

async function batches(name: string): Promise<string[][]> {
  const lines = (await small.lambda.logs(name)).matchAll(/batch (\[.*\])/g);
  return [...lines].map(([, json]) => JSON.parse(json ?? '[]') as string[]);
}

describe('a DynamoDB stream', () => {
  it('is delivered in order from the beginning, in batches, without what the filter leaves out', async () => {
    const EventSourceArn = await makeTable('ordered');
    await put('ordered', ['keep-1', 'skip', 'keep-2']);
    await makeFunction(small, 'ordered', SOURCE);
    await map({
      FunctionName: 'ordered',
      EventSourceArn,
      StartingPosition: 'TRIM_HORIZON',
      BatchSize: 2,
      FilterCriteria: {
        Filters: [{ Pattern: '{"eventName":["INSERT"],"dynamodb":{"Keys":{"pk":{"S":[{"prefix":"keep"}]}}}}' }],
      },
    });
    await put('ordered', ['keep-3']);
    await eventually(async () => (await batches('ordered')).flat().length === 3, 'three records');
    expect((await batches('ordered')).flat()).toEqual(['keep-1', 'keep-2', 'keep-3']);
  });

  it('goes on from the first failed record, and tells the failure destination when retries are exhausted', async () => {
    const EventSourceArn = await makeTable('partial');
    await put('partial', ['a', 'bad', 'c']);
    const failures = await makeQueue(small, 'partial-failures');
    await makeFunction(small, 'partial', SOURCE);
    await map({
      FunctionName: 'partial',
      EventSourceArn,
      StartingPosition: 'TRIM_HORIZON',
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      MaximumRetryAttempts: 1,
      DestinationConfig: { OnFailure: { Destination: failures.arn } },
    });
    const record = JSON.parse((await nextMessage(small, failures)).Body ?? '');
    expect(await batches('partial')).toEqual([
      ['a', 'bad', 'c'],
      ['bad', 'c'],
    ]);
    expect(record.requestContext.condition).toBe('RetryAttemptsExhausted');
    expect(record.DDBStreamBatchInfo).toMatchObject({ batchSize: 2, streamArn: EventSourceArn });
  });

  it('is halved after an error until only the bad record is given up', async () => {
    const EventSourceArn = await makeTable('halved');
    await put('halved', ['a', 'b', 'bad', 'd']);
    const failures = await makeQueue(small, 'halved-failures');
    await makeFunction(small, 'halved', SOURCE, { environment: { THROWS: 'yes' } });
    await map({
      FunctionName: 'halved',
      EventSourceArn,
      StartingPosition: 'TRIM_HORIZON',
      BisectBatchOnFunctionError: true,
      MaximumRetryAttempts: 0,
      DestinationConfig: { OnFailure: { Destination: failures.arn } },
    });
    const record = JSON.parse((await nextMessage(small, failures)).Body ?? '');
    expect(record.DDBStreamBatchInfo.batchSize).toBe(1);
    await eventually(async () => (await batches('halved')).length === 5, 'the rest was delivered');
    expect(await batches('halved')).toEqual([['a', 'b', 'bad', 'd'], ['a', 'b'], ['bad', 'd'], ['bad'], ['d']]);
  });
});

describe('a queue', () => {
  it('loses what succeeded and keeps what failed for its own dead-letter queue', async () => {
    const sqs = new SQSClient(small.client);
    const dead = await makeQueue(small, 'queue-dead');
    const attributes = {
      VisibilityTimeout: '1',
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn: dead.arn, maxReceiveCount: 1 }),
    };
    const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: 'work', Attributes: attributes }));
    await makeFunction(small, 'worker', SOURCE);
    await map({
      FunctionName: 'worker',
      EventSourceArn: 'arn:aws:sqs:us-east-1:000000000000:work',
      FunctionResponseTypes: ['ReportBatchItemFailures'],
    });
    for (const MessageBody of ['good', 'bad']) await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));
    expect((await nextMessage(small, dead)).Body).toBe('bad');
    const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }));
    expect(Attributes).toMatchObject({ ApproximateNumberOfMessages: '0', ApproximateNumberOfMessagesNotVisible: '0' });
  });
});

describe('the API', () => {
  it('lists, refuses a twin, and deletes', async () => {
    const { EventSourceMappings } = await lambda.send(new ListEventSourceMappingsCommand({ FunctionName: 'worker' }));
    expect(EventSourceMappings).toMatchObject([{ State: 'Enabled', BatchSize: 10 }]);
    const twin = map({ FunctionName: 'worker', EventSourceArn: 'arn:aws:sqs:us-east-1:000000000000:work' });
    await expect(twin).rejects.toMatchObject({ name: 'ResourceConflictException' });
    await lambda.send(new DeleteEventSourceMappingCommand({ UUID: EventSourceMappings?.[0]?.UUID }));
    expect(
      (await lambda.send(new ListEventSourceMappingsCommand({ FunctionName: 'worker' }))).EventSourceMappings,
    ).toEqual([]);
  });

  it('refuses a filter that isn’t a pattern', async () => {
    const made = map({
      FunctionName: 'worker',
      EventSourceArn: 'arn:aws:sqs:us-east-1:000000000000:work',
      FilterCriteria: { Filters: [{ Pattern: '{"body":"text"}' }] },
    });
    await expect(made).rejects.toMatchObject({ name: 'InvalidParameterValueException' });
  });
});
