/** Time limits, heartbeats, task tokens, and the quotas on data and history. */
import { describe, expect, it } from '@jest/globals';
import type { ExecutionRecord } from '../../../local/stand-ins/step-functions/execution-record.ts';
import { type Answer, INVOKE, only, type Stage, stage, typesOf } from './support.ts';

const CALLBACK = `${INVOKE}.waitForTaskToken`;
const never: Answer = (_, clock, signal) => clock.wait(1_000_000, signal).then(() => null);
const takes =
  (seconds: number): Answer =>
  (_, clock, signal) =>
    clock.wait(seconds, signal).then(() => 'done');
const task = (more: object) => only({ Type: 'Task', Resource: INVOKE, ...more });

describe('TimeoutSeconds of a task', () => {
  it.each<[string, number | string, object]>([
    ['a number', 5, {}],
    ['an expression', '{% $states.input.limit %}', { limit: 5 }],
  ])('given as %s ends it with States.Timeout', async (_, TimeoutSeconds, input) => {
    const set = stage(never);
    const record = await set.run(task({ TimeoutSeconds }), input as { limit: number });
    // AWS fails the execution then; TIMED_OUT is for the machine's own limit.
    expect(record.outcome).toEqual({ status: 'FAILED', error: 'States.Timeout' });
    expect(set.clock.seconds).toBe(5);
    expect(typesOf(record).slice(-2)).toEqual(['TaskTimedOut', 'ExecutionFailed']);
  });

  it('counts for each attempt anew', async () => {
    const set = stage(never);
    const Retry = [{ ErrorEquals: ['States.Timeout'], IntervalSeconds: 2, MaxAttempts: 1 }];
    await set.run(task({ TimeoutSeconds: 5, Retry }));
    expect(set.clock.seconds).toBe(5 + 2 + 5);
  });

  it('does nothing to a task that is in time', async () => {
    const set = stage(takes(4));
    expect((await set.run(task({ TimeoutSeconds: 5 }))).outcome?.output).toBe('"done"');
    expect(set.clock.seconds).toBe(4);
  });

  it('has to be a whole number from 1', async () => {
    const record = await stage().run(task({ TimeoutSeconds: '{% 0 %}' }));
    expect(record.outcome).toMatchObject({ error: 'States.QueryEvaluationError' });
  });
});

describe('TimeoutSeconds of the machine', () => {
  it('ends the execution as TIMED_OUT, whatever its states would catch', async () => {
    const set = stage(never);
    const Catch = [{ ErrorEquals: ['States.ALL'], Next: 'S' }];
    const record = await set.run({ ...task({ Catch }), TimeoutSeconds: 60 });
    expect(record.outcome).toEqual({ status: 'TIMED_OUT', error: 'States.Timeout' });
    expect(set.clock.seconds).toBe(60);
    expect(typesOf(record).at(-1)).toBe('ExecutionTimedOut');
  });

  it('counts over several states', async () => {
    const set = stage(takes(40));
    const A = { Type: 'Task', Resource: INVOKE, Next: 'B' };
    const B = { Type: 'Task', Resource: INVOKE, End: true };
    const record = await set.run({ StartAt: 'A', States: { A, B }, TimeoutSeconds: 60 });
    expect([record.status, set.clock.seconds]).toEqual(['TIMED_OUT', 60]);
  });

  it('is five minutes at most for an Express machine', async () => {
    const set = stage(never);
    const record = await set.run(task({}), {}, 'EXPRESS');
    expect([record.status, set.clock.seconds]).toEqual(['TIMED_OUT', 300]);
  });
});

/** A task that waits for its token. @returns the stage, the execution, and the token that was handed out. */
async function waiting(more: object, input: object = {}): Promise<[Stage, ExecutionRecord, string]> {
  const set = stage(() => 'submitted');
  const Arguments = { FunctionName: 'f', Payload: { token: '{% $states.context.Task.Token %}' } };
  const record = set.start(only({ Type: 'Task', Resource: CALLBACK, Arguments, ...more }), input as { n: number });
  await set.clock.settle();
  const [call] = set.calls;
  if (!call) throw new Error('the task was not handed out');
  const { Payload } = call.arguments as { Payload: { token: string } };
  return [set, record, Payload.token];
}

describe('a task with a token', () => {
  it('has the result that SendTaskSuccess gives', async () => {
    const [set, record, token] = await waiting({});
    expect(record.status).toBe('RUNNING');
    set.tokens.succeed(token, '{"approved":true}');
    await set.clock.until(record.ended);
    expect(record.outcome).toEqual({ status: 'SUCCEEDED', output: '{"approved":true}' });
    expect(typesOf(record).slice(2, 6)).toEqual(['TaskScheduled', 'TaskStarted', 'TaskSubmitted', 'TaskSucceeded']);
  });

  it('fails as SendTaskFailure says', async () => {
    const [set, record, token] = await waiting({});
    set.tokens.fail(token, 'Person.Refused', 'too risky');
    await set.clock.until(record.ended);
    expect(record.outcome).toEqual({ status: 'FAILED', error: 'Person.Refused', cause: 'too risky' });
  });

  it('can fail while nobody listens yet, without an unhandled rejection', async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown) => unhandled.push(reason);
    process.on('unhandledRejection', note);
    const { tokens, clock } = stage();
    const open = tokens.open('arn:aws:states:us-east-1:000000000000:execution:tested:one');
    tokens.fail(open.token, 'Too.Quick', undefined);
    await clock.settle();
    process.off('unhandledRejection', note);
    expect(unhandled).toEqual([]);
    await expect(open.answered).rejects.toMatchObject({ error: 'Too.Quick' });
  });

  it('takes an answer that comes before the call that hands the token out has ended', async () => {
    const set = stage((call) => {
      set.tokens.fail((call.arguments as { token: string }).token, 'Too.Quick', undefined);
      return 'submitted';
    });
    const Arguments = { token: '{% $states.context.Task.Token %}' };
    const record = await set.run(only({ Type: 'Task', Resource: CALLBACK, Arguments }));
    expect(record.outcome).toEqual({ status: 'FAILED', error: 'Too.Quick' });
  });

  it.each([
    ['a heartbeat was missed', { HeartbeatSeconds: 10 }, 10],
    ['a heartbeat by expression was missed', { HeartbeatSeconds: '{% $states.input.n %}' }, 10],
    ['its time was over', { TimeoutSeconds: 25 }, 25],
  ])('ends with States.Timeout when %s', async (_, more, seconds) => {
    const [set, record, token] = await waiting(more, { n: 10 });
    await set.clock.until(record.ended);
    expect(record.outcome).toMatchObject({ status: 'FAILED', error: 'States.Timeout' });
    expect(set.clock.seconds).toBe(seconds);
    expect(typesOf(record)).toContain('TaskTimedOut');
    expect(() => set.tokens.succeed(token, '1')).toThrow(/Task Timed Out/);
  });

  it('lives as long as heartbeats come, but not beyond its time limit', async () => {
    const [set, record, token] = await waiting({ HeartbeatSeconds: 10, TimeoutSeconds: 25 });
    const beating = new AbortController();
    const beat = async () => {
      for (;;) {
        await set.clock.wait(6, beating.signal);
        set.tokens.heartbeat(token);
      }
    };
    const beats = beat().catch((error: unknown) => error);
    await set.clock.until(record.ended);
    beating.abort(new Error('enough'));
    expect(await beats).toMatchObject({ name: expect.stringMatching(/Error|TaskTimedOut/) });
    expect([record.outcome?.error, set.clock.seconds]).toEqual(['States.Timeout', 25]);
  });

  it('is caught by the name States.HeartbeatTimeout', async () => {
    const Catch = [{ ErrorEquals: ['States.HeartbeatTimeout'], Next: 'S2' }];
    const set = stage(() => null);
    const S = { Type: 'Task', Resource: CALLBACK, HeartbeatSeconds: 3, Catch, End: true };
    const record = await set.run({ StartAt: 'S', States: { S, S2: { Type: 'Succeed', Output: 'page somebody' } } });
    expect(record.outcome?.output).toBe('"page somebody"');
  });

  it('answers once: later answers and unknown tokens are refused', async () => {
    const [set, record, token] = await waiting({});
    expect(() => set.tokens.succeed(token, 'no json')).toThrow(/Invalid Output/);
    set.tokens.succeed(token, '1');
    await set.clock.until(record.ended);
    for (const late of [
      () => set.tokens.succeed(token, '2'),
      () => set.tokens.fail(token, 'E', 'c'),
      () => set.tokens.heartbeat(token),
    ])
      expect(late).toThrow(expect.objectContaining({ code: 'TaskTimedOut' }));
    expect(() => set.tokens.succeed('nonsense', '1')).toThrow(expect.objectContaining({ code: 'InvalidToken' }));
  });
});

describe('quotas', () => {
  const big = { Type: 'Pass', Output: '{% $pad("", 262143, "x") %}', End: true };

  it('fails a state whose output has more than 256 KiB, which States.ALL doesn’t catch', async () => {
    const record = await stage(() => 'x'.repeat(262_143)).run(
      task({ Catch: [{ ErrorEquals: ['States.ALL'], Next: 'S' }] }),
    );
    expect(record.outcome).toMatchObject({ status: 'FAILED', error: 'States.DataLimitExceeded' });
  });

  it('takes exactly 256 KiB', async () => {
    const exactly = { ...big, Output: '{% $pad("", 262142, "x") %}' };
    expect((await stage().run(only(exactly))).status).toBe('SUCCEEDED');
    expect((await stage().run(only(big))).outcome).toMatchObject({ error: 'States.DataLimitExceeded' });
  });

  it('fails an execution that fills its history', async () => {
    const loop = {
      StartAt: 'A',
      States: { A: { Type: 'Pass', Next: 'B' }, B: { Type: 'Pass', Next: 'A' } },
    };
    const record = await stage(undefined, { historyLimit: 50 }).run(loop);
    expect(record.outcome).toEqual({
      status: 'FAILED',
      error: 'States.Runtime',
      cause: 'The execution reached the maximum number of history events (50).',
    });
    expect(record.history.events).toHaveLength(50);
    expect(typesOf(record).at(-1)).toBe('ExecutionFailed');
  });
});
