/** EventBridge with real rules in the emulator: what matches arrives, what can't be delivered is tried again and kept. */

import {
  EventBridgeClient,
  PutEventsCommand,
  type PutEventsRequestEntry,
  PutRuleCommand,
  PutTargetsCommand,
  type Target,
  TestEventPatternCommand,
} from '@aws-sdk/client-eventbridge';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { compilePattern } from '../../../local/stand-ins/eventbridge/pattern.ts';
import { eventually, makeFunction, makeQueue, nextMessage, type SmallWorld, smallWorld } from '../gateway/support.ts';

let small: SmallWorld;
let events: EventBridgeClient;

beforeAll(async () => {
  small = await smallWorld();
  events = new EventBridgeClient(small.client);
});
afterAll(() => small.stop());

async function makeRule(name: string, pattern: object, target: Target, region = 'us-east-1'): Promise<void> {
  const client = new EventBridgeClient({ ...small.client, region });
  await client.send(new PutRuleCommand({ Name: name, EventPattern: JSON.stringify(pattern) }));
  await client.send(new PutTargetsCommand({ Rule: name, Targets: [target] }));
}

const put = (entry: PutEventsRequestEntry) => events.send(new PutEventsCommand({ Entries: [entry] }));

describe('delivery', () => {
  it('hands a matching event to SQS in the published envelope, and nothing that doesn’t match', async () => {
    const queue = await makeQueue(small, 'matching');
    await makeRule(
      'matching',
      { source: ['shop'], detail: { state: [{ 'anything-but': 'OK' }] } },
      { Id: 'q', Arn: queue.arn },
    );
    await put({ Source: 'shop', DetailType: 'Order', Detail: '{"state":"OK"}' });
    const { Entries } = await put({
      Source: 'shop',
      DetailType: 'Order',
      Detail: '{"state":"LATE"}',
      Resources: ['arn:x'],
    });
    const received = JSON.parse((await nextMessage(small, queue)).Body ?? '');
    expect(received).toEqual({
      version: '0',
      id: Entries?.[0]?.EventId,
      'detail-type': 'Order',
      source: 'shop',
      account: '000000000000',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      region: 'us-east-1',
      resources: ['arn:x'],
      detail: { state: 'LATE' },
    });
  });

  it('invokes a function with an event that a service of AWS publishes, which customers may not', async () => {
    const arn = await makeFunction(
      small,
      'sees',
      'export const handler = async (event) => { console.log("saw", event.id); };',
    );
    await makeRule('alarms', { source: ['aws.cloudwatch'] }, { Id: 'f', Arn: arn });
    const refused = await put({ Source: 'aws.cloudwatch', DetailType: 'x', Detail: '{}' });
    expect(refused.Entries?.[0]?.ErrorCode).toBe('NotAuthorizedForSourceException');
    const { id } = await small.bridge.publish({
      source: 'aws.cloudwatch',
      detailType: 'CloudWatch Alarm State Change',
      resources: [],
      detail: {},
      region: 'us-east-1',
      time: new Date(),
    });
    await eventually(async () => (await small.lambda.logs('sees')).includes(`saw ${id}`), 'the function saw the event');
  });

  it('keeps an event for a missing function in the dead-letter queue, with the reason and without retries', async () => {
    const queue = await makeQueue(small, 'dead');
    const missing = 'arn:aws:lambda:us-east-1:000000000000:function:missing';
    await makeRule('lost', { source: ['lost'] }, { Id: 'f', Arn: missing, DeadLetterConfig: { Arn: queue.arn } });
    await put({ Source: 'lost', DetailType: 'x', Detail: '{"n":1}' });
    const message = await nextMessage(small, queue);
    expect(JSON.parse(message.Body ?? '').detail).toEqual({ n: 1 });
    const attributes = message.MessageAttributes ?? {};
    expect(attributes.TARGET_ARN?.StringValue).toBe(missing);
    expect(attributes.ERROR_CODE?.StringValue).toBe('ResourceNotFoundException');
    expect(attributes.RETRY_ATTEMPTS?.StringValue).toBe('0');
    expect(attributes.EXHAUSTED_RETRY_CONDITION).toBeUndefined();
  });

  it('tries a target again while its region is cut off, as often as the policy says', async () => {
    const dead = await makeQueue(small, 'exhausted');
    const target = 'arn:aws:sqs:eu-west-1:000000000000:far';
    await makeRule(
      'far',
      { source: ['far'] },
      {
        Id: 'q',
        Arn: target,
        RetryPolicy: { MaximumRetryAttempts: 2 },
        DeadLetterConfig: { Arn: dead.arn },
      },
    );
    small.gateway.faults.add({ name: 'cut', match: { region: 'eu-west-1' }, kind: 'cut-off' });
    await put({ Source: 'far', DetailType: 'x', Detail: '{}' });
    const attributes = (await nextMessage(small, dead)).MessageAttributes ?? {};
    small.gateway.faults.remove('cut');
    expect(attributes.RETRY_ATTEMPTS?.StringValue).toBe('2');
    expect(attributes.EXHAUSTED_RETRY_CONDITION?.StringValue).toBe('MaximumRetryAttempts');
  });

  it('forwards to a bus in another region, where that region’s rules apply', async () => {
    const standby = { client: { ...small.client, region: 'us-west-2' } };
    const queue = await makeQueue(standby, 'standby');
    await makeRule('there', { source: ['both'] }, { Id: 'q', Arn: queue.arn }, 'us-west-2');
    await makeRule(
      'over',
      { source: ['both'] },
      {
        Id: 'b',
        Arn: 'arn:aws:events:us-west-2:000000000000:event-bus/default',
        RoleArn: 'arn:aws:iam::000000000000:role/forward',
      },
    );
    await put({ Source: 'both', DetailType: 'x', Detail: '{}' });
    const received = JSON.parse((await nextMessage(standby, queue)).Body ?? '');
    expect(received.region).toBe('us-east-1');
  });

  it('gives a target the text that its input transformer makes', async () => {
    const queue = await makeQueue(small, 'transformed');
    await makeRule(
      'transformed',
      { source: ['transform'] },
      {
        Id: 'q',
        Arn: queue.arn,
        InputTransformer: {
          InputPathsMap: { name: '$.detail.name', when: '$.time' },
          InputTemplate: '{"text":"<name> at <when>","name":<name>,"rule":<aws.events.rule-name>}',
        },
      },
    );
    await put({
      Source: 'transform',
      DetailType: 'x',
      Detail: '{"name":"disk"}',
      Time: new Date('2026-01-02T03:04:05Z'),
    });
    expect(JSON.parse((await nextMessage(small, queue)).Body ?? '')).toEqual({
      text: 'disk at 2026-01-02T03:04:05Z',
      name: 'disk',
      rule: 'transformed',
    });
  });
});

describe('patterns', () => {
  const event = {
    version: '0',
    id: 'i',
    'detail-type': 'T',
    source: 's',
    account: '000000000000',
    time: '2026-01-01T00:00:00Z',
    region: 'us-east-1',
    resources: ['arn:one', 'arn:two'],
    detail: {
      text: 'Alarm-7',
      count: 7,
      empty: null,
      on: true,
      ip: '10.0.1.9',
      list: [1, 'x'],
      deep: { a: { b: 'c' } },
    },
  };
  const patterns: readonly object[] = [
    { source: ['s'] },
    { source: ['t'] },
    { resources: ['arn:two'] },
    { detail: { text: [{ prefix: 'Alarm' }] } },
    { detail: { text: [{ suffix: '-7' }] } },
    { detail: { text: [{ prefix: { 'equals-ignore-case': 'aLaRm' } }] } },
    { detail: { text: [{ 'equals-ignore-case': 'alarm-7' }] } },
    { detail: { text: [{ wildcard: 'A*m-*' }] } },
    { detail: { text: [{ wildcard: 'A*n-*' }] } },
    { detail: { text: [{ 'anything-but': ['Alarm-7', 'y'] }] } },
    { detail: { text: [{ 'anything-but': { prefix: 'B' } }] } },
    { detail: { text: [{ 'anything-but': { prefix: 'Al' } }] } },
    { detail: { count: [{ numeric: ['>', 0, '<=', 7] }] } },
    { detail: { count: [{ numeric: ['>', 7] }] } },
    { detail: { count: ['7'] } },
    { detail: { count: [7] } },
    { detail: { on: [true] } },
    { detail: { empty: [null] } },
    { detail: { missing: [{ exists: false }] } },
    { detail: { text: [{ exists: false }] } },
    { detail: { missing: { below: [{ exists: false }] } } },
    { detail: { ip: [{ cidr: '10.0.0.0/16' }] } },
    { detail: { ip: [{ cidr: '10.1.0.0/16' }] } },
    { detail: { list: ['x'] } },
    { detail: { list: [2] } },
    { detail: { deep: { a: { b: ['c'] } } } },
    { detail: { $or: [{ count: [8] }, { text: [{ prefix: 'Alarm' }] }] } },
    { detail: { $or: [{ count: [8] }, { text: ['no'] }] } },
  ];

  it.each(patterns.map((pattern) => [JSON.stringify(pattern)]))(
    'are judged as the emulator’s TestEventPattern judges them: %s',
    async (pattern) => {
      const { Result } = await events.send(
        new TestEventPatternCommand({ EventPattern: pattern, Event: JSON.stringify(event) }),
      );
      expect(compilePattern(pattern)(event)).toBe(Result);
    },
  );
});
