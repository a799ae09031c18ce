/** Executions: their names, ends, events and redrives. */
import { describe, expect, it } from '@jest/globals';
import { StatesError } from '../../../local/stand-ins/step-functions/errors.ts';
import { describeExecution } from '../../../local/stand-ins/step-functions/execution-record.ts';
import { type Answer, INVOKE, only, stage, typesOf } from './support.ts';

const WAIT = only({ Type: 'Wait', Seconds: 1_000 });
const refused = (code: string) => expect.objectContaining({ code });

describe('a name', () => {
  it('starts one execution while it runs with the same input', () => {
    const set = stage();
    const first = set.start(WAIT, { n: 1 }, { name: 'one' });
    expect(set.start(WAIT, { n: 1 }, { name: 'one' })).toBe(first);
    expect(set.executions.all()).toHaveLength(1);
    expect(() => set.start(WAIT, { n: 2 }, { name: 'one' })).toThrow(refused('ExecutionAlreadyExists'));
    set.executions.shutDown();
  });

  it('isn’t free again when its execution has ended', async () => {
    const set = stage();
    const record = set.start(WAIT, {}, { name: 'one' });
    set.executions.stop(record);
    expect(() => set.start(WAIT, {}, { name: 'one' })).toThrow(refused('ExecutionAlreadyExists'));
  });

  it('may be used again and again for an Express machine', async () => {
    const set = stage();
    const one = set.start(only({ Type: 'Pass' }), {}, { name: 'n', type: 'EXPRESS' });
    const other = set.start(only({ Type: 'Pass' }), {}, { name: 'n', type: 'EXPRESS' });
    expect(one.arn).not.toBe(other.arn);
    await set.clock.until(Promise.all([one.ended, other.ended]));
  });

  it.each(['', 'a b', 'a:b', 'x'.repeat(81)])('%j is refused', (name) => {
    expect(() => stage().start(WAIT, {}, { name })).toThrow(refused('InvalidName'));
  });
});

describe('StopExecution', () => {
  it('ends it at once as ABORTED, whatever is under way, and nothing more is recorded', async () => {
    const set = stage((_, clock, signal) => clock.wait(50, signal).then(() => 'late'));
    const record = set.start(only({ Type: 'Task', Resource: INVOKE }));
    await set.clock.settle();
    set.executions.stop(record, 'Operator', 'frozen');
    expect(record.outcome).toEqual({ status: 'ABORTED', error: 'Operator', cause: 'frozen' });
    await set.clock.settle();
    expect(typesOf(record)).toEqual([
      'ExecutionStarted',
      'TaskStateEntered',
      'TaskScheduled',
      'TaskStarted',
      'ExecutionAborted',
    ]);
    set.executions.stop(record, 'again');
    expect(record.outcome?.error).toBe('Operator');
  });
});

describe('a loop of states', () => {
  const LOOP = { A: { Type: 'Pass', Next: 'B' }, B: { Type: 'Pass', Next: 'A' } };

  it('can be stopped, and records nothing after that', async () => {
    const set = stage();
    const record = set.start({ StartAt: 'A', States: LOOP });
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    set.executions.stop(record);
    const recorded = record.history.events.length;
    await set.clock.settle();
    expect(recorded).toBeGreaterThan(10);
    expect(record.history.events).toHaveLength(recorded);
    expect(typesOf(record).at(-1)).toBe('ExecutionAborted');
  });

  it('ends when a branch beside it fails', async () => {
    const set = stage();
    const failing = {
      C: { Type: 'Pass', Next: 'D' },
      D: { Type: 'Pass', Next: 'E' },
      E: { Type: 'Fail', Error: 'Enough' },
    };
    const Branches = [
      { StartAt: 'A', States: LOOP },
      { StartAt: 'C', States: failing },
    ];
    const record = await set.run(only({ Type: 'Parallel', Branches }));
    expect(record.outcome).toEqual({ status: 'FAILED', error: 'Enough' });
  });

  it('isn’t ended in the middle of a state as if the state had finished', async () => {
    const set = stage();
    const record = set.start(only({ Type: 'Pass', Output: '{% 1 %}' }));
    set.executions.stop(record);
    await set.clock.settle();
    expect(typesOf(record)).toEqual(['ExecutionStarted', 'PassStateEntered', 'ExecutionAborted']);
  });
});

describe('events for EventBridge', () => {
  it('tell beginning and end in AWS’s shape', async () => {
    const set = stage();
    const record = await set.run(only({ Type: 'Pass' }), { n: 1 });
    expect(set.events.map(({ detail }) => (detail as { status: string }).status)).toEqual(['RUNNING', 'SUCCEEDED']);
    expect(set.events[1]).toEqual({
      source: 'aws.states',
      detailType: 'Step Functions Execution Status Change',
      resources: [record.arn],
      region: 'us-east-1',
      time: expect.any(Date),
      detail: {
        executionArn: record.arn,
        stateMachineArn: 'arn:aws:states:us-east-1:000000000000:stateMachine:tested',
        name: record.name,
        status: 'SUCCEEDED',
        startDate: record.startedAt.getTime(),
        stopDate: record.stoppedAt?.getTime(),
        input: '{"n":1}',
        output: '{"n":1}',
        stateMachineVersionArn: null,
        stateMachineAliasArn: null,
        redriveCount: 0,
        redriveDate: null,
        redriveStatus: 'NOT_REDRIVABLE',
        redriveStatusReason: 'Execution is SUCCEEDED and cannot be redriven',
        inputDetails: { included: true },
        outputDetails: { included: true },
        error: null,
        cause: null,
      },
    });
  });

  it('aren’t sent for Express executions', async () => {
    const set = stage();
    await set.run(only({ Type: 'Pass' }), {}, 'EXPRESS');
    expect(set.events).toEqual([]);
  });
});

describe('RedriveExecution', () => {
  /** Fails for arguments that are in the list. */
  const brokenFor =
    (broken: Set<unknown>): Answer =>
    ({ arguments: given }) => {
      if (broken.has(given)) throw new StatesError('Broken', String(given));
      return `did ${String(given)}`;
    };

  it('goes on at the state that failed, with its input and variables', async () => {
    const broken = new Set<unknown>(['in']);
    const set = stage(brokenFor(broken));
    const machine = {
      StartAt: 'A',
      States: {
        A: { Type: 'Pass', Assign: { kept: 'v' }, Output: 'in', Next: 'B' },
        B: { Type: 'Task', Resource: INVOKE, Next: 'C' },
        C: { Type: 'Pass', Output: '{% [$states.input, $kept, $states.context.Execution.RedriveCount] %}', End: true },
      },
    };
    const record = await set.run(machine);
    expect(describeExecution(record)).toMatchObject({ status: 'FAILED', redriveStatus: 'REDRIVABLE', redriveCount: 0 });
    broken.clear();
    set.executions.redrive(record);
    expect(record.status).toBe('RUNNING');
    await set.clock.until(record.ended);
    expect(record.outcome?.output).toBe('["did in","v",1]');
    expect(typesOf(record).filter((type) => type === 'PassStateEntered')).toHaveLength(2);
    expect(typesOf(record)).toContain('ExecutionRedriven');
    expect(() => set.executions.redrive(record)).toThrow(refused('ExecutionNotRedrivable'));
  });

  it('repeats only the iterations and branches that hadn’t succeeded', async () => {
    const broken = new Set<unknown>([2]);
    const set = stage(brokenFor(broken));
    const block = (name: string) => ({
      StartAt: name,
      States: { [name]: { Type: 'Task', Resource: INVOKE, End: true } },
    });
    const Branches = [
      { StartAt: 'M', States: { M: { Type: 'Map', MaxConcurrency: 1, ItemProcessor: block('I'), End: true } } },
      block('Other'),
    ];
    const record = await set.run(only({ Type: 'Parallel', Branches }), [1, 2, 3]);
    expect(record.outcome).toMatchObject({ error: 'Broken' });
    const before = set.calls.length;
    broken.clear();
    set.executions.redrive(record);
    await set.clock.until(record.ended);
    expect(JSON.parse(record.outcome?.output ?? '')).toEqual([['did 1', 'did 2', 'did 3'], 'did 1,2,3']);
    expect(set.calls.slice(before).map(({ arguments: given }) => given)).toEqual([2, 3]);
  });

  it('keeps the items that a Map had, whatever they would be now', async () => {
    const set = stage(({ arguments: given }) => {
      if (set.calls.length === 2) throw new StatesError('Broken', 'the second one');
      return given;
    });
    const ItemProcessor = { StartAt: 'I', States: { I: { Type: 'Task', Resource: INVOKE, End: true } } };
    const Items = '{% [1, 2, 3].($ + 10 * $states.context.Execution.RedriveCount) %}';
    const record = await set.run(only({ Type: 'Map', MaxConcurrency: 1, Items, ItemProcessor }));
    expect(record.status).toBe('FAILED');
    set.executions.redrive(record);
    await set.clock.until(record.ended);
    expect(record.outcome?.output).toBe('[1,2,3]');
  });

  it('repeats everything in a retry after it, as in any retry', async () => {
    let isBroken = true;
    const set = stage(({ arguments: given }) => {
      if (given !== 'b' || !isBroken) return given;
      // Broken in the first attempt of the redrive too.
      isBroken = set.calls.length < 5;
      throw new StatesError('Broken', 'b');
    });
    const block = (name: string) => ({
      StartAt: name,
      States: {
        [name]: { Type: 'Pass', Output: name, Next: `${name}-task` },
        [`${name}-task`]: { Type: 'Task', Resource: INVOKE, End: true },
      },
    });
    const Retry = [{ ErrorEquals: ['States.ALL'], MaxAttempts: 1 }];
    const record = await set.run(only({ Type: 'Parallel', Branches: [block('a'), block('b')], Retry }));
    expect(record.status).toBe('FAILED');
    set.executions.redrive(record);
    await set.clock.until(record.ended);
    expect(record.outcome?.output).toBe('["a","b"]');
    expect(set.calls.map(({ arguments: given }) => given).join('')).toBe('abab' + 'b' + 'ab');
  });

  it('takes up what was aborted, and refuses what runs', async () => {
    const set = stage();
    const record = set.start(only({ Type: 'Wait', Seconds: 5 }));
    expect(() => set.executions.redrive(record)).toThrow(refused('ExecutionNotRedrivable'));
    await set.clock.settle();
    set.executions.stop(record);
    set.executions.redrive(record);
    await set.clock.until(record.ended);
    expect(record.status).toBe('SUCCEEDED');
  });
});
