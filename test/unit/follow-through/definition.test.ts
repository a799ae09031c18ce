/** The state machine as it is deployed, walked in the local Step Functions on a virtual clock. */
import { describe, expect, it } from '@jest/globals';
import { followThroughDefinition, MOST_ROUNDS } from '../../../infra/constructs/follow-through-definition.ts';
import { StatesError } from '../../../local/stand-ins/step-functions/errors.ts';
import type { Json, JsonObject } from '../../../local/stand-ins/step-functions/types.ts';
import { type Asl, faultsOf } from '../../support/asl-graph.ts';
import { type Answer, stage } from '../step-functions/support.ts';

const FUNCTION = 'arn:aws:lambda:us-east-1:000000000000:function:follow-through';
const definition = followThroughDefinition({
  functionArn: FUNCTION,
  pageTopicArn: 'arn:aws:sns:us-east-1:000000000000:pages',
  deployment: 'test',
}) as Asl;
const INPUT = { incidentId: 'inc-1', generation: 0 };

const payload = (value: Json): Json => ({ StatusCode: 200, Payload: value });
const asked = (args: Json): JsonObject => ((args as JsonObject).Payload ?? {}) as JsonObject;

/** A machine whose function answers `look` by `looks` (the last one again and again) and never wakes it, unless told to. */
function played(looks: readonly Json[], more: Answer = () => null) {
  let count = 0;
  const played = stage((call, clock, signal) => {
    if (asked(call.arguments).do === 'look') return payload(looks[Math.min(count++, looks.length - 1)] ?? null);
    return more(call, clock, signal);
  });
  return { ...played, looks: () => count };
}
const resources = (calls: readonly { resource: string }[]) => calls.map(({ resource }) => resource.split(':::')[1]);

describe('the definition of the follow-through', () => {
  it('has no way without an end, a time limit, retries with jitter, a catch and a counted loop', () => {
    expect(faultsOf(definition, ['$round >= '])).toEqual([]);
  });

  it('is seen to be wrong by the same check when anything of that is taken out', () => {
    const { Look = { Type: 'Task' }, Decide = { Type: 'Choice' }, ...rest } = definition.States;
    const broken = (name: string, state: object) =>
      ({ ...definition, States: { ...definition.States, [name]: state } }) as Asl;
    const { TimeoutSeconds: _t, ...untimed } = Look;
    const { Catch: _c, ...uncaught } = Look;
    const { Retry: _r, ...once } = Look;
    const { Default: _d, ...open } = Decide;
    const uncounted = { ...Decide, Choices: Decide.Choices?.map((each) => ({ ...each, Condition: '{% true %}' })) };
    for (const [asl, fault] of [
      [broken('Look', untimed), 'Look has no TimeoutSeconds'],
      [broken('Look', uncaught), "Look doesn't catch every error"],
      [broken('Look', once), "Look doesn't retry"],
      [broken('Decide', open), 'Decide has no Default'],
      [broken('Decide', uncounted), 'Look: a loop leads back to it without a counted way out'],
      [{ ...definition, States: { ...rest, Look } } as Asl, "Look leads to Decide, which isn't there"],
      [broken('Lost', { Type: 'Succeed' }), "Lost can't be reached"],
      [broken('Over', { Type: 'Pass', Next: 'Over' }), 'Over: no way from it ends'],
    ] as const)
      expect(faultsOf(asl, ['$round >= '])).toContain(fault);
  });

  it('gives its function the name of the incident and nothing else', async () => {
    const { run, calls } = played([{ next: 'end', seconds: 0 }]);
    await run(definition, INPUT);
    expect(calls.map(({ arguments: args }) => asked(args))).toEqual([{ ...INPUT, do: 'look', round: 0 }]);
  });

  it('looks again when its time is up, as long as it is told to wait', async () => {
    const { run, clock, looks, calls } = played([
      { next: 'wait', seconds: 900 },
      { next: 'wait', seconds: 60 },
      { next: 'end', seconds: 0 },
    ]);
    const record = await run(definition, INPUT);
    expect(record.status).toBe('SUCCEEDED');
    expect(clock.seconds).toBe(960);
    expect(looks()).toBe(3);
    expect(calls.map(({ arguments: args }) => asked(args).do)).toEqual(['look', 'wait', 'look', 'wait', 'look']);
    const waits = calls.map(({ arguments: args }) => asked(args)).filter((each) => each.do === 'wait');
    expect(waits).toMatchObject([
      { round: 1, retry: 0 },
      { round: 2, retry: 0 },
    ]);
  });

  it('looks again at once when it is woken by its token', async () => {
    let wake: (token: string) => void = () => {};
    const machine = played(
      [
        { next: 'wait', seconds: 900 },
        { next: 'end', seconds: 0 },
      ],
      ({ arguments: args }) => {
        wake(String(asked(args).token));
        return null;
      },
    );
    wake = (token) => machine.tokens.succeed(token, '{"why":"alarm-ok"}');
    await machine.run(definition, INPUT);
    expect(machine.clock.seconds).toBe(0);
    expect(machine.looks()).toBe(2);
  });

  it('continues as a new execution whose name is the lock, also when somebody did so before', async () => {
    for (const answer of [
      () => ({ ExecutionArn: 'x' }),
      () => {
        throw new StatesError('StepFunctions.ExecutionAlreadyExistsException', 'there');
      },
    ]) {
      const { run, calls } = played([{ next: 'continue-as-new', seconds: 0 }], answer);
      const record = await run(definition, { ...INPUT, generation: 4 });
      expect(record.status).toBe('SUCCEEDED');
      expect(calls.at(-1)?.arguments).toMatchObject({ Name: 'inc-1-5', Input: { incidentId: 'inc-1', generation: 5 } });
    }
  });

  it('never looks more often than counted, whatever its function says', async () => {
    const { run, calls, looks } = played([{ next: 'wait', seconds: 1 }]);
    await run(definition, INPUT);
    expect(looks()).toBe(MOST_ROUNDS);
    expect(resources(calls).at(-1)).toBe('states:startExecution');
  }, 60_000);

  it('pages and fails when its function fails for good, and names the incident and the error, not the cause', async () => {
    const machine = stage(({ resource }) => {
      if (resource.includes('lambda')) throw new StatesError('PermissionError', 'a cause with a secret');
      return {};
    });
    const record = await machine.run(definition, INPUT);
    expect(record.status).toBe('FAILED');
    const page = machine.calls.find(({ resource }) => resource.endsWith('sns:publish'))?.arguments as JsonObject;
    expect(page.Message).toContain('inc-1');
    expect(page.Message).toContain('PermissionError');
    expect(page.Message).not.toContain('secret');
    expect(machine.calls.filter(({ resource }) => resource.includes('lambda'))).toHaveLength(12);
  });

  it('asks once only when what it asks is not understood, and pages also without a known incident', async () => {
    const machine = stage(({ resource }) => {
      if (resource.includes('lambda')) throw new StatesError('BadRequestError', 'what?');
      return {};
    });
    const record = await machine.run(definition, { generation: 0, incidentId: '?' });
    expect(record.status).toBe('FAILED');
    expect(resources(machine.calls)).toEqual(['lambda:invoke', 'sns:publish']);
  });

  it('pages for an answer that it does not know, and ends also when the page cannot leave', async () => {
    const machine = stage(({ resource }) => {
      if (resource.includes('lambda')) return payload({ next: 'dance', seconds: 1 });
      throw new StatesError('SNS.AuthorizationErrorException', 'no');
    });
    const record = await machine.run(definition, INPUT);
    expect(record.status).toBe('FAILED');
    expect(resources(machine.calls).filter((name) => name === 'sns:publish')).toHaveLength(12);
  });
});
