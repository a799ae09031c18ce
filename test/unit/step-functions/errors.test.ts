/** Retry and Catch ("Handling errors in Step Functions workflows"). */
import { describe, expect, it } from '@jest/globals';
import { heartbeatTimeout, matches, StatesError } from '../../../local/stand-ins/step-functions/errors.ts';
import type { Json } from '../../../local/stand-ins/step-functions/types.ts';
import { type Answer, INVOKE, only, stage, typesOf } from './support.ts';

/** Fails with these errors one after the other, then answers. */
const failing =
  (...errors: readonly string[]): Answer =>
  () => {
    const error = rest(errors);
    if (error) throw new StatesError(error, `cause of ${error}`);
    return 'well';
  };
const taken = new WeakMap<readonly string[], number>();
function rest(errors: readonly string[]): string | undefined {
  const next = taken.get(errors) ?? 0;
  taken.set(errors, next + 1);
  return errors[next];
}
const task = (handling: object) => only({ Type: 'Task', Resource: INVOKE, ...handling });

describe('which names mean an error', () => {
  it.each([
    ['Shop.Closed', 'Shop.Closed', true],
    ['Shop.Closed', 'Shop.closed', false],
    ['States.ALL', 'Shop.Closed', true],
    ['States.TaskFailed', 'Shop.Closed', true],
    ['States.TaskFailed', 'Lambda.TooManyRequestsException', true],
    ['States.TaskFailed', 'States.Timeout', false],
    ['States.ALL', 'States.Timeout', true],
    ['States.ALL', 'States.DataLimitExceeded', false],
    ['States.TaskFailed', 'States.DataLimitExceeded', false],
    ['States.DataLimitExceeded', 'States.DataLimitExceeded', true],
    ['States.ALL', 'States.Runtime', false],
  ])('%s means %s: %s', (name, error, expected) => {
    expect(matches(name, new StatesError(error))).toBe(expected);
  });

  it.each([
    ['States.HeartbeatTimeout', true],
    ['States.Timeout', true],
    ['States.ALL', true],
    ['States.TaskFailed', false],
  ])('%s means a missed heartbeat: %s', (name, expected) => {
    expect(matches(name, heartbeatTimeout())).toBe(expected);
  });
});

describe('Retry', () => {
  it.each<[string, object, string[], number, number]>([
    ['three times by default, after 1, 2 and 4 s', {}, ['E', 'E', 'E'], 7, 4],
    ['as often as it says', { MaxAttempts: 1 }, ['E'], 1, 2],
    ['in its own intervals', { IntervalSeconds: 10, BackoffRate: 3, MaxAttempts: 2 }, ['E', 'E'], 40, 3],
    ['never later than its maximum', { IntervalSeconds: 10, BackoffRate: 10, MaxDelaySeconds: 15 }, ['E', 'E'], 25, 3],
    ['with jitter, by chance within the interval', { IntervalSeconds: 8, JitterStrategy: 'FULL' }, ['E'], 4, 2],
  ])('repeats %s', async (_, retrier, errors, seconds, calls) => {
    const set = stage(failing(...errors), { random: 0.5 });
    const record = await set.run(task({ Retry: [{ ErrorEquals: ['E'], ...retrier }] }));
    expect(record.outcome).toMatchObject({ status: 'SUCCEEDED', output: '"well"' });
    expect([set.clock.seconds, set.calls.length]).toEqual([seconds, calls]);
  });

  it('counts each retrier for itself, as in the page’s example: A, B, C and B again', async () => {
    const set = stage(failing('ErrorA', 'ErrorB', 'ErrorC', 'ErrorB'));
    const Retry = [
      { ErrorEquals: ['ErrorA', 'ErrorB'], IntervalSeconds: 1, BackoffRate: 2, MaxAttempts: 2 },
      { ErrorEquals: ['ErrorC'], IntervalSeconds: 5 },
    ];
    const record = await set.run(task({ Retry }));
    expect(record.outcome).toMatchObject({ status: 'FAILED', error: 'ErrorB' });
    expect([set.clock.seconds, set.calls.length]).toEqual([1 + 2 + 5, 4]);
  });

  it('lets the first retrier that matches decide: with 0 attempts, a later one isn’t asked', async () => {
    const set = stage(failing('E'));
    const Retry = [{ ErrorEquals: ['E'], MaxAttempts: 0 }, { ErrorEquals: ['States.ALL'] }];
    expect((await set.run(task({ Retry }))).status).toBe('FAILED');
    expect(set.calls).toHaveLength(1);
  });

  it('tells the attempt in the context', async () => {
    const set = stage(failing('E'));
    const machine = task({ Retry: [{ ErrorEquals: ['E'] }], Output: '{% $states.context.State.RetryCount %}' });
    expect((await set.run(machine)).outcome?.output).toBe('1');
  });
});

describe('Catch', () => {
  const handled = (Catch: readonly object[], more: object = {}) => ({
    StartAt: 'T',
    States: {
      T: { Type: 'Task', Resource: INVOKE, End: true, Catch, ...more },
      Caught: { Type: 'Pass', Output: { by: '{% $by %}', got: '{% $states.input %}' }, End: true },
    },
  });

  it('goes on with the error output, after the retries', async () => {
    const set = stage(failing('E', 'E'));
    const Catch = [{ ErrorEquals: ['E'], Next: 'Caught', Assign: { by: '{% $states.errorOutput.Error %}' } }];
    const record = await set.run(handled(Catch, { Retry: [{ ErrorEquals: ['E'], MaxAttempts: 1 }] }));
    expect(JSON.parse(record.outcome?.output ?? '')).toEqual({ by: 'E', got: { Error: 'E', Cause: 'cause of E' } });
    expect(typesOf(record).slice(4, 11)).toEqual([
      'TaskFailed',
      'TaskScheduled',
      'TaskStarted',
      'TaskFailed',
      'TaskStateExited',
      'PassStateEntered',
      'PassStateExited',
    ]);
  });

  it('takes the first catcher that matches, and its output', async () => {
    const Catch = [
      { ErrorEquals: ['Other'], Next: 'Caught' },
      { ErrorEquals: ['States.TaskFailed'], Next: 'Caught', Output: '{% $states.input.n %}', Assign: { by: 2 } },
      { ErrorEquals: ['States.ALL'], Next: 'Caught' },
    ];
    const record = await stage(failing('E')).run(handled(Catch), { n: 7 });
    expect(JSON.parse(record.outcome?.output ?? '')).toEqual({ by: 2, got: 7 });
  });

  it.each<[string, Json]>([
    ['Arguments', { FunctionName: '{% $states.input.missing %}' }],
    ['Output', '{% $number("x") %}'],
  ])('takes an expression in %s that fails', async (field, template) => {
    const Catch = [{ ErrorEquals: ['States.QueryEvaluationError'], Next: 'Caught', Assign: { by: 1 } }];
    const record = await stage().run(handled(Catch, { [field]: template }));
    expect(record.status).toBe('SUCCEEDED');
    expect(typesOf(record)).toContain('EvaluationFailed');
  });
});
