import { describe, expect, it } from '@jest/globals';
import { dlq } from '../../../cli/commands/dlq.ts';
import { type FailureQueue, type Failures, failureIn, type Received } from '../../../cli/failures.ts';
import { main } from '../../../cli/main.ts';
import { dlqDocument, failuresDocument } from '../../../events/published/dlq.ts';
import { LOCAL_PLACE, recorder } from './harness.ts';

const record = {
  version: '1.0',
  requestContext: { condition: 'RetriesExhausted', approximateInvokeCount: 3 },
  requestPayload: { id: 'event-1' },
  responsePayload: { errorMessage: 'table is gone', errorType: 'RetryableError' },
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

  it('of a stream says that it holds no payload', () => {
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

function type(argv: readonly string[], answer?: boolean, invoke: Failures['invoke'] = async () => {}) {
  const done: string[] = [];
  const failures: Failures = {
    queues: async () => [queue],
    receive: async (_queue, hideForSeconds) => {
      done.push(`receive, hidden ${hideForSeconds}`);
      return messages;
    },
    invoke: async (name, payload) => {
      await invoke(name, payload);
      done.push(`invoke ${name} ${payload}`);
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
    expect(err.at(-1)).toMatch(/^1 messages hold no payload/);
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
