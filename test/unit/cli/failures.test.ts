import { describe, expect, it } from '@jest/globals';
import { dlq } from '../../../cli/commands/dlq.ts';
import { type FailureQueue, type Failures, failureIn, ownQueues, type Received } from '../../../cli/failures.ts';
import { main } from '../../../cli/main.ts';
import { eventsOf, whyNotTaken } from '../../../cli/stream-failures.ts';
import type { JournalEntry } from '../../../events/journal.ts';
import { dlqDocument, failuresDocument } from '../../../events/published/dlq.ts';
import { LOCAL_PLACE, recorder } from './harness.ts';

const record = {
  version: '1.0',
  requestContext: { condition: 'RetriesExhausted', approximateInvokeCount: 3 },
  requestPayload: { id: 'event-1' },
  responsePayload: { errorMessage: 'table is gone', errorType: 'RetryableError' },
};

/** As "Retain discarded records for a DynamoDB event source in Lambda" shows it. */
const streamRecord = {
  requestContext: { condition: 'RetryAttemptsExhausted', approximateInvokeCount: 11 },
  DDBStreamBatchInfo: {
    shardId: 'shardId-00000001573689847184-864758bb',
    startSequenceNumber: '800000000003126276362',
    endSequenceNumber: '800000000003126276363',
    approximateArrivalOfFirstRecord: '2026-11-20T03:00:00.500Z',
    approximateArrivalOfLastRecord: '2026-11-20T03:00:02Z',
    batchSize: 2,
    streamArn: 'arn:aws:dynamodb:us-east-1:000000000000:table/nightshift-test-journal/stream/2026-01-01T00:00:00.000',
  },
};

describe('a message of a failure queue', () => {
  it('of Lambda tells condition, attempts and error, and holds the payload', () => {
    expect(failureIn(JSON.stringify(record), {})).toEqual({
      reason: 'RetriesExhausted after 3 attempts: table is gone',
      payload: '{"id":"event-1"}',
    });
  });

  it('of EventBridge is the event itself, with the reason beside it', () => {
    const attributes = { ERROR_CODE: 'NO_PERMISSIONS', ERROR_MESSAGE: 'not allowed' };
    expect(failureIn('{"id":"event-2"}', attributes)).toEqual({
      reason: 'EventBridge could not deliver it: NO_PERMISSIONS: not allowed',
      payload: '{"id":"event-2"}',
    });
  });

  it('of a stream says when its entries were written, since it does not hold them', () => {
    expect(failureIn(JSON.stringify(streamRecord), {})).toEqual({
      reason: expect.stringMatching(/ \(2 entries of the journal, written 2026-11-20T03:00:00.500Z to .*:02.000Z\)$/),
      batch: { from: Date.parse('2026-11-20T03:00:00.500Z'), to: Date.parse('2026-11-20T03:00:02.000Z'), records: 2 },
    });
  });

  it('of nothing known says that it holds no payload', () => {
    const { requestContext } = record;
    const body = JSON.stringify({ requestContext, DDBStreamBatchInfo: { shardId: '1' } });
    expect(failureIn(body, {})).toEqual({ reason: expect.stringMatching(/holds no payload/) });
  });

  it.each(['hello', '{}', '[1]', 'null'])('%s is told as something else', (body) => {
    expect(failureIn(body, {})).toEqual({ reason: 'it is no record of a failed invocation' });
  });
});

const queue: FailureQueue = { unit: 'reconciler', functionName: 'nightshift-demo-reconciler', url: 'q', messages: 2 };
const messages: Received[] = [
  { id: '1', at: '2026-11-20T03:00:00.000Z', reason: 'one', payload: '{"a":1}', receipt: 'r1' },
  { id: '2', at: '2026-11-20T03:00:01.000Z', reason: 'two', receipt: 'r2' },
];

interface StreamParts {
  readonly found?: Received[];
  readonly tell?: Failures['tell'];
  readonly written?: readonly JournalEntry[];
}

function type(
  argv: readonly string[],
  answer?: boolean,
  invoke: Failures['invoke'] = async () => {},
  { found = messages, tell = async () => undefined, written = [] }: StreamParts = {},
) {
  const done: string[] = [];
  const failures: Failures = {
    queues: async () => [queue],
    receive: async (_queue, hideForSeconds) => {
      done.push(`receive, hidden ${hideForSeconds}`);
      return found;
    },
    invoke: async (name, payload) => {
      await invoke(name, payload);
      done.push(`invoke ${name} ${payload}`);
    },
    written: async () => [...written],
    tell: async (name, payload) => {
      const { Records } = JSON.parse(payload) as { Records: { dynamodb: { SequenceNumber: string } }[] };
      done.push(`tell ${name} ${Records.map(({ dynamodb }) => dynamodb.SequenceNumber).join(' ')}`);
      return tell(name, payload);
    },
    remove: async (_queue, receipt) => {
      done.push(`remove ${receipt}`);
    },
    destroy: () => {},
  };
  const io = recorder(answer);
  const run = main(argv, io, { commands: [dlq(() => failures)], find: async () => LOCAL_PLACE });
  return run.then((code) => ({ code, done, last: () => JSON.parse(io.stdout.at(-1) ?? ''), err: io.stderr }));
}

describe('dlq', () => {
  it('lists queues with what is in them', async () => {
    const { last } = await type(['dlq', 'list', '--json']);
    expect(dlqDocument.parse(last()).queues).toEqual([{ function: 'reconciler', messages: 2 }]);
  });

  it('shows reasons without hiding a message from anybody', async () => {
    const { last, done } = await type(['dlq', 'show', 'reconciler', '--json']);
    expect(failuresDocument.parse(last()).failures.map(({ redrivable }) => redrivable)).toEqual([true, false]);
    expect(done).toEqual(['receive, hidden 0']);
  });

  it('redrives after a yes: invokes first, deletes then, and leaves what holds no payload', async () => {
    const { last, done, err } = await type(['dlq', 'redrive', 'reconciler', '--json'], true);
    expect(failuresDocument.parse(last()).failures.map(({ redriven }) => redriven)).toEqual([true, false]);
    expect(done).toEqual(['receive, hidden 120', 'invoke nightshift-demo-reconciler {"a":1}', 'remove r1']);
    expect(err.at(-1)).toMatch(/^message 2 stays, .*it holds no payload$/);
  });

  const batch = { from: 1, to: 2, records: 2 };
  const lost: Received[] = [{ id: '3', at: '2026-11-20T03:00:00.000Z', reason: 'three', batch, receipt: 'r3' }];
  const entry = (id: string): JournalEntry => ({
    ...{ id, incidentId: 'inc-1', at: '2026-11-20T03:00:01.000Z', kind: 'escalated', by: 'test' },
    ...{ summary: 'a test', data: {} },
  });
  const redriveLost = (parts: StreamParts) =>
    type(['dlq', 'redrive', 'reconciler', '--json'], true, undefined, { found: lost, ...parts });

  it('tells a function again what the journal holds of a batch that it gave up on, and only then deletes the message', async () => {
    const { done, last, code } = await redriveLost({ written: [entry('e1'), entry('e2')] });
    expect(done).toEqual(['receive, hidden 120', 'tell nightshift-demo-reconciler e1 e2', 'remove r3']);
    expect(failuresDocument.parse(last()).failures).toMatchObject([{ redrivable: true, redriven: true }]);
    expect(code).toBe(0);
  });

  it('tells once what several messages are about, and only what was taken counts as told', async () => {
    const found: Received[] = ['3', '4', '5'].map((id) => ({ ...(lost[0] as Received), id, receipt: `r${id}` }));
    let calls = 0;
    const { done, last } = await redriveLost({
      found,
      written: [entry('e1'), entry('e2')],
      tell: async () => (++calls === 1 ? 'a moment' : undefined),
    });
    const tell = 'tell nightshift-demo-reconciler e1 e2';
    expect(done).toEqual(['receive, hidden 120', tell, tell, 'remove r4', 'remove r5']);
    expect(failuresDocument.parse(last()).failures.map(({ redriven }) => redriven)).toEqual([false, true, true]);
  });

  it.each<[string, StreamParts, RegExp]>([
    [
      'the function does not take it',
      { written: [entry('e1')], tell: async () => 'SNS is out of reach' },
      /SNS is out/,
    ],
    ['the journal holds nothing of it', { written: [] }, /holds nothing that was written then/],
  ])('keeps a message when %s', async (_, parts, why) => {
    const { done, last, err } = await redriveLost(parts);
    expect(done).not.toContain('remove r3');
    expect(failuresDocument.parse(last()).failures).toMatchObject([{ redriven: false }]);
    expect(err.at(-1)).toMatch(why);
  });

  it('tells hundreds of entries in batches as the stream has them, in order, and stops at the first that is not taken', async () => {
    const many = Array.from({ length: 250 }, (_, index) => entry(`e${String(index).padStart(3, '0')}`));
    const events = eventsOf(many).map((each) => JSON.parse(each) as { Records: { eventID: string }[] });
    expect(events.map(({ Records }) => Records.length)).toEqual([100, 100, 50]);
    expect(events.flatMap(({ Records }) => Records.map(({ eventID }) => eventID))).toEqual(many.map(({ id }) => id));
    let calls = 0;
    const { done } = await redriveLost({ written: many, tell: async () => (++calls === 2 ? 'no' : undefined) });
    expect(done.filter((each) => each.startsWith('tell'))).toHaveLength(2);
  });

  it.each<[string | undefined, string, RegExp | undefined]>([
    [undefined, '', undefined],
    [undefined, 'null', undefined],
    [undefined, '{"batchItemFailures":[]}', undefined],
    [undefined, '{"batchItemFailures":[{"itemIdentifier":"e1"}]}', /could not tell entry e1/],
    ['Unhandled', '{"errorType":"Sandbox.Timedout"}', /Unhandled: .*Timedout/],
  ])('takes an answer with error %s and %s for what it says', (error, payload, why) => {
    const found = whyNotTaken(error, payload);
    if (why) expect(found).toMatch(why);
    else expect(found).toBeUndefined();
  });

  it('touches no message after a no', async () => {
    expect(await type(['dlq', 'redrive', 'reconciler'], false)).toMatchObject({ code: 1, done: [] });
  });

  it('keeps a message whose function can not be invoked', async () => {
    const failed = await type(['dlq', 'redrive', 'reconciler'], true, async () => {
      throw new Error('throttled');
    });
    expect(failed).toMatchObject({ code: 1, done: ['receive, hidden 120'] });
  });

  it.each([
    [['dlq']],
    [['dlq', 'show']],
    [['dlq', 'list', 'more']],
    [['dlq', 'drop', 'x']],
    [['dlq', 'show', 'nobody']],
  ])('refuses %j as wrong usage', async (argv) => {
    expect((await type(argv)).code).toBe(2);
  });
});

describe('failure queues that a prefix finds', () => {
  const at = (name: string) => `https://sqs.us-east-1.amazonaws.com/000000000000/${name}`;
  const found = [
    'nightshift-main-reconciler-failures',
    'nightshift-main-eu-reconciler-failures',
    'nightshift-main-eu-notes',
  ];

  it('are those that the reconciler was told of: not those of a deployment whose name goes on', () => {
    const told = [at('nightshift-main-reconciler-failures'), at('nightshift-main-notify-failures')];
    expect(ownQueues(found.map(at), told)).toEqual([at('nightshift-main-reconciler-failures')]);
  });

  it('are all of them where there is no reconciler to ask', () => {
    expect(ownQueues(found.map(at), undefined)).toEqual(found.slice(0, 2).map(at));
  });
});
