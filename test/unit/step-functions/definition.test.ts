/** What is refused when a machine is made, and with which words. */
import { describe, expect, it } from '@jest/globals';
import { diagnose, parseDefinition } from '../../../local/stand-ins/step-functions/definition.ts';
import type { MachineType } from '../../../local/stand-ins/step-functions/types.ts';
import { INVOKE } from './support.ts';

const told = (definition: object | string, type: MachineType = 'STANDARD'): string[] =>
  diagnose(typeof definition === 'string' ? definition : JSON.stringify(definition), type).map(
    ({ code, message, location }) => `${code}: ${message} at ${location}`,
  );
const machine = (States: object, more: object = {}) => ({ QueryLanguage: 'JSONata', StartAt: 'A', States, ...more });
const END = { Type: 'Succeed' };
const task = (more: object) => machine({ A: { Type: 'Task', Resource: INVOKE, End: true, ...more } });

describe('a definition that is right', () => {
  it('passes with every type of state', () => {
    const inner = (name: string) => ({ StartAt: name, States: { [name]: { Type: 'Pass', End: true } } });
    const definition = machine({
      A: { Type: 'Pass', Comment: 'begin', Assign: { x: '{% 1 %}' }, Next: 'B' },
      B: { Type: 'Choice', Choices: [{ Condition: '{% $x = 1 %}', Next: 'C' }], Default: 'H' },
      C: { Type: 'Wait', Timestamp: '{% $now() %}', Next: 'D' },
      D: { Type: 'Parallel', Branches: [inner('D1'), inner('D2')], Next: 'E' },
      E: { Type: 'Map', ItemProcessor: { ProcessorConfig: { Mode: 'INLINE' }, ...inner('E1') }, Next: 'F' },
      F: {
        Type: 'Task',
        Resource: 'arn:aws:states:::dynamodb:putItem',
        Arguments: {},
        Retry: [{ ErrorEquals: ['X'] }, { ErrorEquals: ['States.ALL'] }],
        Catch: [{ ErrorEquals: ['States.ALL'], Next: 'H' }],
        Next: 'G',
      },
      G: END,
      H: { Type: 'Fail', Error: 'E', Cause: '{% $string($x) %}' },
    });
    expect(told(definition)).toEqual([]);
    expect(parseDefinition(JSON.stringify(definition), 'STANDARD').StartAt).toBe('A');
  });
});

describe('a definition that is wrong', () => {
  it.each<[string, object | string, string]>([
    ['no JSON', 'not a definition', 'INVALID_JSON_DESCRIPTION: '],
    ['no object', '[]', 'SCHEMA_VALIDATION_FAILED: Definition must be a valid JSON object'],
    ['empty', {}, 'SCHEMA_VALIDATION_FAILED: These fields are required: [StartAt, States] at /'],
    ['without states', machine({}), 'SCHEMA_VALIDATION_FAILED: No states at /States'],
    ['starts nowhere', machine({ B: END }), "MISSING_TRANSITION_TARGET: Missing 'StartAt' target: A at /StartAt"],
    [
      'goes on to a state that isn’t there',
      machine({ A: { Type: 'Pass', Next: 'B' } }),
      "MISSING_TRANSITION_TARGET: Missing 'Next' target: B at /States/A/Next",
    ],
    [
      'catches into a state that isn’t there',
      task({ Catch: [{ ErrorEquals: ['E'], Next: 'B' }] }),
      "MISSING_TRANSITION_TARGET: Missing 'Next' target: B at /States/A/Catch[0]/Next",
    ],
    [
      'has an unreachable state',
      machine({ A: END, B: END }),
      'MISSING_TRANSITION_TARGET: State "B" is not reachable. at /States/B',
    ],
    [
      'neither goes on nor ends',
      machine({ A: { Type: 'Pass' } }),
      "SCHEMA_VALIDATION_FAILED: Exactly one of 'Next' and 'End: true' is required at /States/A",
    ],
    [
      'has an unknown type',
      machine({ A: { Type: 'Nap' } }),
      'SCHEMA_VALIDATION_FAILED: Value is not a valid state type: "Nap" at /States/A/Type',
    ],
    [
      'has a field that its type doesn’t know',
      machine({ A: { Type: 'Pass', End: true, Parameters: {} } }),
      'SCHEMA_VALIDATION_FAILED: Field is not supported: Parameters at /States/A',
    ],
    [
      'lacks a field',
      machine({ A: { Type: 'Task', End: true } }),
      'SCHEMA_VALIDATION_FAILED: These fields are required: [Resource] at /States/A',
    ],
    [
      'has bad JSONata',
      machine({ A: { Type: 'Pass', End: true, Output: { x: ['{% 1 + %}'] } } }),
      'SCHEMA_VALIDATION_FAILED: Invalid JSONata expression: S0207: Unexpected end of expression at /States/A/Output/x[0]',
    ],
    [
      'has States.ALL beside another name',
      task({ Retry: [{ ErrorEquals: ['States.ALL', 'E'] }] }),
      'States.ALL has to stand alone in ErrorEquals at /States/A/Retry[0]/ErrorEquals',
    ],
    [
      'has States.ALL before another retrier',
      task({ Retry: [{ ErrorEquals: ['States.ALL'] }, { ErrorEquals: ['E'] }] }),
      'States.ALL may only be in the last entry at /States/A/Retry',
    ],
    [
      'has a heartbeat as long as its time limit',
      task({ TimeoutSeconds: 5, HeartbeatSeconds: 5 }),
      'HeartbeatSeconds has to be smaller than TimeoutSeconds at /States/A',
    ],
    [
      'has a time limit of no number',
      task({ TimeoutSeconds: 'soon' }),
      'Expected an expression {% ... %} at /States/A/TimeoutSeconds',
    ],
    [
      'waits twice',
      machine({ A: { Type: 'Wait', Seconds: 1, Timestamp: 'x', End: true } }),
      "Exactly one of 'Seconds' and 'Timestamp' is required",
    ],
    [
      'assigns $states',
      machine({ A: { Type: 'Pass', End: true, Assign: { states: 1 } } }),
      "The variable name 'states' is reserved",
    ],
    [
      'assigns an outer variable in a branch',
      machine({
        A: { Type: 'Pass', Assign: { x: 1 }, Next: 'P' },
        P: {
          Type: 'Parallel',
          Branches: [{ StartAt: 'I', States: { I: { Type: 'Pass', Assign: { x: 2 }, End: true } } }],
          End: true,
        },
      }),
      "The variable 'x' is assigned outside too",
    ],
    [
      'uses a name twice',
      machine({
        A: { Type: 'Parallel', Branches: [{ StartAt: 'A', States: { A: { Type: 'Pass', End: true } } }], End: true },
      }),
      'DUPLICATE_STATE_NAME: Duplicate State name: A at /States/A/Branches[0]/States/A',
    ],
    [
      'has a wrong state inside a Map',
      machine({ A: { Type: 'Map', ItemProcessor: { StartAt: 'I', States: { I: { Type: 'Pass' } } }, End: true } }),
      "Exactly one of 'Next' and 'End: true' is required at /States/A/ItemProcessor/States/I",
    ],
    [
      'is JSONPath',
      { StartAt: 'A', States: { A: END } },
      "The local world runs JSONata only: set 'QueryLanguage' to 'JSONata' at /States/A",
    ],
    [
      'goes back to JSONPath',
      machine({ A: { ...END, QueryLanguage: 'JSONPath' } }),
      "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine at /States/A",
    ],
    [
      'has a Distributed Map',
      machine({
        A: {
          Type: 'Map',
          End: true,
          ItemProcessor: {
            ProcessorConfig: { Mode: 'DISTRIBUTED' },
            StartAt: 'I',
            States: { I: { Type: 'Pass', End: true } },
          },
        },
      }),
      'The local world runs Maps in INLINE mode only at /States/A/ItemProcessor/ProcessorConfig/Mode',
    ],
    [
      'tolerates failures, which only a Distributed Map can',
      machine({
        A: {
          Type: 'Map',
          End: true,
          ToleratedFailureCount: 1,
          ItemProcessor: { StartAt: 'I', States: { I: { Type: 'Pass', End: true } } },
        },
      }),
      'Field is not supported: ToleratedFailureCount at /States/A',
    ],
    [
      'names an integration that isn’t done here',
      machine({ A: { Type: 'Task', Resource: 'arn:aws:states:::ecs:runTask.sync', End: true } }),
      'The resource provided arn:aws:states:::ecs:runTask.sync is not recognized.',
    ],
  ])('that %s is refused', (_, definition, expected) => {
    expect(told(definition).join('\n')).toContain(expected);
  });

  it('tells all its problems, each with its place', () => {
    const text = JSON.stringify(machine({ A: { Type: 'Pass', Next: 'X' }, B: END }));
    expect(() => parseDefinition(text, 'STANDARD')).toThrow(
      expect.objectContaining({
        code: 'InvalidDefinition',
        message:
          "Invalid State Machine Definition: 'MISSING_TRANSITION_TARGET: Missing 'Next' target: X at /States/A/Next', " +
          '\'MISSING_TRANSITION_TARGET: State "B" is not reachable. at /States/B\'',
      }),
    );
  });

  it.each([`${INVOKE}.waitForTaskToken`, 'arn:aws:states:::states:startExecution.sync:2'])(
    'names %s in an Express machine',
    (Resource) => {
      const definition = machine({ A: { Type: 'Task', Resource, End: true } });
      expect(told(definition)).toEqual([]);
      expect(told(definition, 'EXPRESS').join()).toContain('Express state machine does not support');
    },
  );
});
