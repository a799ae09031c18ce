/** Each type of state, as the Amazon States Language has it. */
import { describe, expect, it } from '@jest/globals';
import { INVOKE, only, outputOf, stage, typesOf } from './support.ts';

describe('Pass and Succeed', () => {
  it.each([
    ['hands its input on', { Type: 'Pass' }, { a: 1 }, { a: 1 }],
    ['replaces it by its output', { Type: 'Pass', Output: { b: '{% $states.input.a + 1 %}' } }, { a: 1 }, { b: 2 }],
    ['gives a constant', { Type: 'Pass', Output: [1, 'two', null] }, {}, [1, 'two', null]],
    ['takes text around an expression as text', { Type: 'Pass', Output: 'x {% 1 %}' }, {}, 'x {% 1 %}'],
  ])('%s', async (_, state, input, expected) => {
    expect(await outputOf(only(state), input)).toEqual(expected);
  });

  it('ends at a Succeed state with its output', async () => {
    const machine = { StartAt: 'S', States: { S: { Type: 'Succeed', Output: '{% $states.input.list[0] %}' } } };
    expect(await outputOf(machine, { list: ['first'] })).toBe('first');
  });
});

describe('Fail', () => {
  it('ends the execution with the error and cause that expressions give', async () => {
    const machine = {
      StartAt: 'F',
      States: { F: { Type: 'Fail', Error: '{% "Shop." & $states.input.kind %}', Cause: 'No bread' } },
    };
    const record = await stage().run(machine, { kind: 'SoldOut' });
    expect(record.outcome).toEqual({ status: 'FAILED', error: 'Shop.SoldOut', cause: 'No bread' });
    expect(typesOf(record)).toEqual(['ExecutionStarted', 'FailStateEntered', 'ExecutionFailed']);
  });
});

describe('Choice', () => {
  const machine = {
    StartAt: 'C',
    States: {
      C: {
        Type: 'Choice',
        Choices: [
          { Condition: '{% $states.input.n > 10 %}', Next: 'Big', Assign: { by: 'rule' }, Output: 'was big' },
          { Condition: "{% $states.input.n = 5 or 'five' in $states.input.names %}", Next: 'Five' },
        ],
        Default: 'Other',
        Assign: { by: 'default' },
      },
      Big: { Type: 'Succeed', Output: '{% [$by, $states.input] %}' },
      Five: { Type: 'Succeed', Output: 'five' },
      Other: { Type: 'Succeed', Output: '{% $by %}' },
    },
  };

  it.each([
    [{ n: 11 }, ['rule', 'was big']],
    [{ n: 5 }, 'five'],
    [{ n: 1, names: ['one', 'five'] }, 'five'],
    [{ n: 1, names: [] }, 'default'],
  ])('%j goes to the first rule that is true, with that rule’s output and variables', async (input, expected) => {
    expect(await outputOf(machine, input)).toEqual(expected);
  });

  it('fails with States.NoChoiceMatched without a default', async () => {
    const { C, Big, Five } = machine.States;
    const { Default: _, ...choice } = C;
    const record = await stage().run({ StartAt: 'C', States: { C: choice, Big, Five } }, { n: 0, names: [] });
    expect(record.outcome).toMatchObject({ status: 'FAILED', error: 'States.NoChoiceMatched' });
  });

  it('fails when a condition is no boolean', async () => {
    const machine = {
      StartAt: 'C',
      States: { C: { Type: 'Choice', Choices: [{ Condition: '{% 1 %}', Next: 'E' }] }, E: { Type: 'Succeed' } },
    };
    const record = await stage().run(machine);
    expect(record.outcome).toMatchObject({ error: 'States.QueryEvaluationError' });
  });
});

describe('Wait', () => {
  it.each([
    ['a number of seconds', { Seconds: 30 }, 30],
    ['the seconds of an expression', { Seconds: '{% $states.input.every * 2 %}' }, 14],
    ['until a time', { Timestamp: '1970-01-01T00:01:40Z' }, 100],
    ['until the time of an expression', { Timestamp: '{% $states.input.at %}' }, 3_600],
    ['not at all for a time that is past', { Timestamp: '1960-01-01T00:00:00Z' }, 0],
  ])('waits %s', async (_, how, expected) => {
    const set = stage();
    const record = await set.run(only({ Type: 'Wait', ...how }), { every: 7, at: '1970-01-01T01:00:00Z' });
    expect(record.status).toBe('SUCCEEDED');
    expect(set.clock.seconds).toBe(expected);
  });

  it.each([-1, 1.5, '"soon"', 'null'])('fails for %s seconds', async (seconds) => {
    const record = await stage().run(only({ Type: 'Wait', Seconds: `{% ${seconds} %}` }));
    expect(record.outcome).toMatchObject({ status: 'FAILED', error: 'States.QueryEvaluationError' });
  });
});

describe('Task', () => {
  it('hands out its arguments, or its input without any, and gives the result on', async () => {
    const set = stage(({ arguments: given }) => ({ echoed: given }));
    const machine = {
      StartAt: 'A',
      States: {
        A: { Type: 'Task', Resource: INVOKE, Next: 'B' },
        B: {
          Type: 'Task',
          Resource: INVOKE,
          Arguments: { FunctionName: 'f', Payload: '{% $states.input.echoed %}' },
          Output: '{% $states.result.echoed.Payload %}',
          End: true,
        },
      },
    };
    const record = await set.run(machine, { n: 1 });
    expect(set.calls.map(({ arguments: given }) => given)).toEqual([
      { n: 1 },
      { FunctionName: 'f', Payload: { n: 1 } },
    ]);
    expect(record.outcome?.output).toBe('{"n":1}');
  });

  it('tells each step in the history, each event following from the one before', async () => {
    const record = await stage(() => 'done').run(
      only({
        Type: 'Task',
        Resource: INVOKE,
        Arguments: { FunctionName: 'f' },
        TimeoutSeconds: 9,
        HeartbeatSeconds: 3,
      }),
    );
    expect(record.history.events.map(({ id, previousEventId, type }) => [id, previousEventId, type])).toEqual([
      [1, 0, 'ExecutionStarted'],
      [2, 0, 'TaskStateEntered'],
      [3, 2, 'TaskScheduled'],
      [4, 3, 'TaskStarted'],
      [5, 4, 'TaskSucceeded'],
      [6, 5, 'TaskStateExited'],
      [7, 6, 'ExecutionSucceeded'],
    ]);
    expect(record.history.events[2]?.details).toEqual([
      'taskScheduled',
      {
        resourceType: 'lambda',
        resource: 'invoke',
        region: 'us-east-1',
        parameters: '{"FunctionName":"f"}',
        timeoutInSeconds: 9,
        heartbeatInSeconds: 3,
      },
    ]);
  });

  it('tells a function named by its ARN in events of its own', async () => {
    const Resource = 'arn:aws:lambda:us-east-1:000000000000:function:f';
    const record = await stage(() => 1).run(only({ Type: 'Task', Resource }));
    expect(typesOf(record).slice(2, 5)).toEqual([
      'LambdaFunctionScheduled',
      'LambdaFunctionStarted',
      'LambdaFunctionSucceeded',
    ]);
  });
});

describe('the context', () => {
  it('tells execution, machine and state, and how often the state was retried', async () => {
    const output = await outputOf(only({ Type: 'Pass', Output: '{% $states.context %}' }), { n: 1 });
    expect(output).toMatchObject({
      Execution: {
        Id: expect.stringMatching(/^arn:aws:states:us-east-1:000000000000:execution:tested:/),
        Input: { n: 1 },
        RedriveCount: 0,
        RoleArn: 'arn:aws:iam::000000000000:role/tested',
      },
      StateMachine: { Id: 'arn:aws:states:us-east-1:000000000000:stateMachine:tested', Name: 'tested' },
      State: { Name: 'S', EnteredTime: '1970-01-01T00:00:00.000Z', RetryCount: 0 },
    });
  });
});
