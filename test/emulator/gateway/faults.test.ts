/** What an SDK client sees when a fault is on the wire: AWS's own error names, and effects that did or didn't happen. */

import { ApplicationAutoScalingClient, DescribeScalableTargetsCommand } from '@aws-sdk/client-application-auto-scaling';
import { CloudWatchClient, DescribeAlarmsCommand } from '@aws-sdk/client-cloudwatch';
import {
  CreateTableCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import { DescribeServicesCommand, ECSClient, UpdateServiceCommand } from '@aws-sdk/client-ecs';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { DescribeDBInstancesCommand, RDSClient } from '@aws-sdk/client-rds';
import { GetScheduleCommand, SchedulerClient } from '@aws-sdk/client-scheduler';
import { ListTopicsCommand, SNSClient } from '@aws-sdk/client-sns';
import { ListQueuesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Fault } from '../../../local/world/types.ts';
import { type SmallWorld, smallWorld } from './support.ts';

let small: SmallWorld;
let table: DynamoDBClient;
const TableName = 'items';

beforeAll(async () => {
  small = await smallWorld();
  table = new DynamoDBClient(small.client);
  await table.send(
    new CreateTableCommand({
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
      AttributeDefinitions: [
        { AttributeName: 'pk', AttributeType: 'S' },
        { AttributeName: 'sk', AttributeType: 'S' },
      ],
    }),
  );
});
afterEach(() => {
  for (const { name } of small.gateway.faults.list()) small.gateway.faults.remove(name);
  small.gateway.transactions.overlapMs = { min: 0, max: 0 };
});
afterAll(() => small.stop());

const item = (pk: string, extra: Record<string, { S: string }> = {}) => ({ pk: { S: pk }, sk: { S: 'x' }, ...extra });
const put = (pk: string) => new PutItemCommand({ TableName, Item: item(pk) });
const has = async (pk: string) =>
  (await table.send(new GetItemCommand({ TableName, Key: item(pk) }))).Item !== undefined;
const set = (fault: Omit<Fault, 'name'>) => small.gateway.faults.add({ name: 'test', ...fault });

/** The error a call ends with. @throws when it doesn't. */
async function failure(call: Promise<unknown>): Promise<{ name: string; message: string; status: number | undefined }> {
  try {
    await call;
  } catch (error) {
    const { name, message, $metadata } = error as Error & { $metadata?: { httpStatusCode?: number } };
    return { name, message, status: $metadata?.httpStatusCode };
  }
  throw new Error('the call succeeded');
}

/** One call of each service, by the protocol its SDK client speaks. */
const calls: readonly [service: string, throttled: string, refused: string, call: () => Promise<unknown>][] = [
  ['dynamodb', 'ThrottlingException', 'AccessDeniedException', () => table.send(put('x'))],
  [
    'ecs',
    'ThrottlingException',
    'AccessDeniedException',
    () => new ECSClient(small.client).send(new DescribeServicesCommand({ services: ['web'] })),
  ],
  [
    'application-autoscaling',
    'ThrottlingException',
    'AccessDeniedException',
    () =>
      new ApplicationAutoScalingClient(small.client).send(
        new DescribeScalableTargetsCommand({ ServiceNamespace: 'ecs' }),
      ),
  ],
  [
    'monitoring',
    'ThrottlingException',
    'AccessDeniedException',
    () => new CloudWatchClient(small.client).send(new DescribeAlarmsCommand({})),
  ],
  ['rds', 'Throttling', 'AccessDenied', () => new RDSClient(small.client).send(new DescribeDBInstancesCommand({}))],
  [
    'sns',
    'ThrottledException',
    'AuthorizationErrorException',
    () => new SNSClient(small.client).send(new ListTopicsCommand({})),
  ],
  ['sqs', 'RequestThrottled', 'AccessDenied', () => new SQSClient(small.client).send(new ListQueuesCommand({}))],
  [
    'lambda',
    'TooManyRequestsException',
    'AccessDeniedException',
    () => new LambdaClient(small.client).send(new InvokeCommand({ FunctionName: 'f' })),
  ],
  [
    'scheduler',
    'ThrottlingException',
    'AccessDeniedException',
    () => new SchedulerClient(small.client).send(new GetScheduleCommand({ Name: 's' })),
  ],
];

describe('the error a client raises', () => {
  it.each(calls)('is the service’s own when %s throttles', async (service, throttled, _, call) => {
    set({ match: { service }, kind: 'throttled' });
    expect((await failure(call())).name).toBe(throttled);
  });

  it.each(calls)('is the service’s own when %s refuses', async (service, _, refused, call) => {
    set({ match: { service }, kind: 'refused' });
    expect((await failure(call())).name).toBe(refused);
  });

  it('names the caller and the action when a change is refused', async () => {
    set({ match: { service: 'ecs', operation: 'UpdateService' }, kind: 'refused' });
    const { message } = await failure(new ECSClient(small.client).send(new UpdateServiceCommand({ service: 'web' })));
    expect(message).toContain('is not authorized to perform: ecs:UpdateService');
  });
});

describe('a timeout', () => {
  it('before the effect leaves nothing behind', async () => {
    set({ match: { service: 'dynamodb', operation: 'PutItem' }, kind: 'timeout-before', delayMs: 5, times: 1 });
    await failure(table.send(put('before')));
    expect(await has('before')).toBe(false);
  });

  it('after the effect loses only the reply', async () => {
    set({ match: { service: 'dynamodb', operation: 'PutItem' }, kind: 'timeout-after', delayMs: 5, times: 1 });
    await failure(table.send(put('after')));
    expect(await has('after')).toBe(true);
  });

  it('is recorded with the fault’s name and without a status', async () => {
    set({ match: { resource: TableName, operation: 'PutItem' }, kind: 'timeout-before', delayMs: 5, times: 1 });
    await failure(table.send(put('recorded')));
    const recorded = small.gateway.calls().findLast((call) => call.operation === 'PutItem');
    expect(recorded).toMatchObject({ fault: 'test', status: 0, changing: true, resource: TableName });
  });
});

describe('a region that is cut off', () => {
  it('answers nothing, while the other region does', async () => {
    set({ match: { region: 'us-east-1' }, kind: 'cut-off' });
    expect((await failure(table.send(put('cut')))).status).toBeUndefined();
    const other = new SQSClient({ ...small.client, region: 'us-west-2' });
    await expect(other.send(new ListQueuesCommand({}))).resolves.toBeDefined();
  });
});

describe('transactions', () => {
  const write = (...keys: string[]) =>
    table.send(
      new TransactWriteItemsCommand({ TransactItems: keys.map((key) => ({ Put: { TableName, Item: item(key) } })) }),
    );

  it('that overlap on one item: the later is cancelled, with the reason at the item’s place', async () => {
    small.gateway.transactions.overlapMs = { min: 30, max: 30 };
    const first = write('shared', 'mine');
    const reasons = await write('other', 'shared').catch(
      (error: { CancellationReasons: object[] }) => error.CancellationReasons,
    );
    expect(reasons).toEqual([{ Code: 'None' }, { Code: 'TransactionConflict', Message: expect.any(String) }]);
    await first;
    expect([await has('mine'), await has('other')]).toEqual([true, false]);
  });

  it('refuse a single write of an item they hold, and let others through', async () => {
    small.gateway.transactions.overlapMs = { min: 30, max: 30 };
    const first = write('held');
    expect((await failure(table.send(put('held')))).name).toBe('TransactionConflictException');
    await table.send(put('free'));
    await first;
  });

  it('that follow one another don’t conflict', async () => {
    await write('again');
    await expect(write('again')).resolves.toBeDefined();
  });

  it('aren’t in conflict with their own retry, which is told to wait', async () => {
    small.gateway.transactions.overlapMs = { min: 30, max: 30 };
    const command = () =>
      table.send(
        new TransactWriteItemsCommand({
          ClientRequestToken: 'token',
          TransactItems: [{ Put: { TableName, Item: item('mine-too') } }],
        }),
      );
    const first = command();
    expect((await failure(command())).name).toBe('TransactionInProgressException');
    await first;
  });
});

describe('the gateway’s own pages', () => {
  const page = (path: string, options: RequestInit = {}) => fetch(`${small.gateway.url}/_nightshift/${path}`, options);

  it('set and take away a named fault', async () => {
    expect((await page('faults', { method: 'POST', body: '{"name":"ecs-throttled"}' })).status).toBe(200);
    expect(small.gateway.faults.list()).toMatchObject([{ name: 'ecs-throttled', kind: 'throttled', met: 0 }]);
    expect((await page('faults/ecs-throttled', { method: 'DELETE' })).status).toBe(200);
    expect(small.gateway.faults.list()).toEqual([]);
  });

  it('refuse a fault they don’t know, saying what there is', async () => {
    const reply = await page('faults', { method: 'POST', body: '{"name":"nope"}' });
    expect(reply.status).toBe(400);
    expect(await reply.text()).toContain('ecs-throttled');
  });

  it('give the calls since a position, and the next position', async () => {
    const { next } = (await (await page('calls?since=0')).json()) as { next: number };
    await has('x');
    const { calls: seen } = (await (await page(`calls?since=${next}`)).json()) as { calls: { operation: string }[] };
    expect(seen.map(({ operation }) => operation)).toEqual(['GetItem']);
  });
});
