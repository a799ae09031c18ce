/** Parallel and Map: order, variables, failures, concurrency. */
import { describe, expect, it } from '@jest/globals';
import { StatesError } from '../../../local/stand-ins/step-functions/errors.ts';
import type { Json } from '../../../local/stand-ins/step-functions/types.ts';
import { type Answer, INVOKE, only, outputOf, stage, typesOf } from './support.ts';

const pass = (name: string, Output: Json) => ({
  StartAt: name,
  States: { [name]: { Type: 'Pass', Output, End: true } },
});
const taskBlock = (name: string, more: object = {}) => ({
  StartAt: name,
  States: { [name]: { Type: 'Task', Resource: INVOKE, End: true, ...more } },
});
/** Takes the seconds it is asked for; fails when asked to. */
const asked: Answer = async ({ arguments: given }, clock, signal) => {
  const { seconds = 0, fail, value = null } = given as { seconds?: number; fail?: string; value?: Json };
  await clock.wait(seconds, signal);
  if (fail) throw new StatesError(fail, `cause of ${fail}`);
  return value;
};

describe('Parallel', () => {
  it('gives the outputs in the order of the branches, each with the state’s arguments', async () => {
    const machine = only({
      Type: 'Parallel',
      Arguments: { n: '{% $states.input.n + 1 %}' },
      Branches: [pass('A', 'a'), pass('B', '{% $states.input.n %}')],
    });
    expect(await outputOf(machine, { n: 1 })).toEqual(['a', 2]);
  });

  it('shows branches the variables outside, and keeps theirs from each other and from outside', async () => {
    const branch = (name: string) => ({
      StartAt: `${name}1`,
      States: {
        [`${name}1`]: { Type: 'Pass', Assign: { inner: name }, Next: `${name}2` },
        [`${name}2`]: { Type: 'Pass', Output: '{% $outer & $inner %}', End: true },
      },
    });
    const machine = {
      StartAt: 'Start',
      States: {
        Start: { Type: 'Pass', Assign: { outer: 'o' }, Next: 'P' },
        P: { Type: 'Parallel', Branches: [branch('x'), branch('y')], Next: 'End' },
        End: { Type: 'Pass', Output: { got: '{% $states.input %}', seen: '{% $exists($inner) %}' }, End: true },
      },
    };
    expect(await outputOf(machine)).toEqual({ got: ['ox', 'oy'], seen: false });
  });

  it('stops the others when a branch fails, and fails with that branch’s error', async () => {
    const set = stage(asked);
    const Branches = [
      taskBlock('Slow', { Arguments: { seconds: 100 } }),
      taskBlock('Bad', { Arguments: { seconds: 3, fail: 'E' } }),
    ];
    const record = await set.run(only({ Type: 'Parallel', Branches }));
    expect(record.outcome).toEqual({ status: 'FAILED', error: 'E', cause: 'cause of E' });
    expect(set.clock.seconds).toBe(3);
    expect(typesOf(record).slice(-4)).toEqual([
      'TaskFailed',
      'TaskStateAborted',
      'ParallelStateFailed',
      'ExecutionFailed',
    ]);
  });

  it('is retried as a whole, and caught by the branch’s error or States.BranchFailed', async () => {
    const set = stage(asked);
    const Branches = [taskBlock('Good', { Arguments: { value: 1 } }), taskBlock('Bad', { Arguments: { fail: 'E' } })];
    const machine = {
      StartAt: 'P',
      States: {
        P: {
          Type: 'Parallel',
          Branches,
          Retry: [{ ErrorEquals: ['E'], MaxAttempts: 1 }],
          Catch: [{ ErrorEquals: ['States.BranchFailed'], Next: 'Caught' }],
          End: true,
        },
        Caught: { Type: 'Succeed', Output: '{% $states.input.Error %}' },
      },
    };
    const record = await set.run(machine);
    expect(record.outcome?.output).toBe('"E"');
    expect(set.calls).toHaveLength(4);
  });

  it('assigns and puts out what expressions make of the result', async () => {
    const machine = {
      StartAt: 'P',
      States: {
        P: {
          Type: 'Parallel',
          Branches: [pass('A', 1), pass('B', 2)],
          Assign: { total: '{% $sum($states.result) %}' },
          Output: '{% $states.result[1] %}',
          Next: 'E',
        },
        E: { Type: 'Succeed', Output: '{% [$states.input, $total] %}' },
      },
    };
    expect(await outputOf(machine)).toEqual([2, 3]);
  });
});

describe('Map', () => {
  const map = (more: object, block: object = taskBlock('Each')) => only({ Type: 'Map', ItemProcessor: block, ...more });

  it('runs its processor for each item and keeps their order', async () => {
    const machine = map({
      Items: '{% $states.input.list %}',
      ItemSelector: {
        value: '{% $states.context.Map.Item.Value & "-" & $states.context.Map.Item.Index %}',
        seconds: '{% 10 - $states.context.Map.Item.Index %}',
      },
    });
    expect(await outputOf(machine, { list: ['a', 'b', 'c'] }, asked)).toEqual(['a-0', 'b-1', 'c-2']);
  });

  it.each([
    [0, 10],
    [1, 50],
    [2, 30],
    ['{% $count($states.input) %}', 10],
  ])('with MaxConcurrency %s takes %d s for five items of 10 s', async (MaxConcurrency, seconds) => {
    const set = stage(asked);
    await set.run(map({ MaxConcurrency, ItemSelector: { seconds: 10 } }), [1, 2, 3, 4, 5]);
    expect(set.clock.seconds).toBe(seconds);
  });

  it('runs forty at once at most', async () => {
    const set = stage(asked);
    const items = Array.from({ length: 41 }, () => 0);
    await set.run(map({ MaxConcurrency: 100, ItemSelector: { seconds: 10 } }), items);
    expect(set.clock.seconds).toBe(20);
  });

  it('gives an empty list for no items, and fails for what is no list', async () => {
    expect(await outputOf(map({}), [])).toEqual([]);
    const record = await stage().run(map({}), { not: 'a list' });
    expect(record.outcome).toMatchObject({ error: 'States.QueryEvaluationError' });
  });

  it('stops the other iterations when one fails', async () => {
    const set = stage(asked);
    const machine = map({ ItemSelector: '{% $states.context.Map.Item.Value %}' });
    const record = await set.run(machine, [{ seconds: 50 }, { seconds: 2, fail: 'E' }, { seconds: 1 }]);
    expect([record.outcome?.error, set.clock.seconds]).toEqual(['E', 2]);
    const told = typesOf(record).filter((type) => type.startsWith('Map'));
    expect(told).toEqual([
      'MapStateEntered',
      'MapStateStarted',
      'MapIterationStarted',
      'MapIterationStarted',
      'MapIterationStarted',
      'MapIterationSucceeded',
      'MapIterationFailed',
      'MapIterationAborted',
      'MapStateFailed',
    ]);
  });

  it('gives each iteration variables of its own', async () => {
    const block = {
      StartAt: 'One',
      States: {
        One: { Type: 'Pass', Assign: { doubled: '{% $states.input * 2 %}' }, Next: 'Two' },
        Two: { Type: 'Pass', Output: '{% $doubled %}', End: true },
      },
    };
    expect(await outputOf(map({ MaxConcurrency: 2 }, block), [1, 2, 3])).toEqual([2, 4, 6]);
  });

  it('nests', async () => {
    const inner = { Type: 'Map', ItemProcessor: pass('P', '{% $states.input + 1 %}'), End: true };
    const machine = map({}, { StartAt: 'Inner', States: { Inner: inner } });
    expect(await outputOf(machine, [[1, 2], [], [3]])).toEqual([[2, 3], [], [4]]);
  });
});

describe('where events follow from', () => {
  it('lets the first event of each branch follow from the container’s start', async () => {
    const record = await stage().run(only({ Type: 'Parallel', Branches: [pass('A', 1), pass('B', 2)] }));
    const started = record.history.events.find(({ type }) => type === 'ParallelStateStarted');
    const entered = record.history.events.filter(({ type }) => type === 'PassStateEntered');
    expect(entered.map(({ previousEventId }) => previousEventId)).toEqual([started?.id, started?.id]);
  });
});
