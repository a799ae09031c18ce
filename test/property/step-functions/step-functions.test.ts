/** What holds of every definition and every error, not only of the tabled ones. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { diagnose } from '../../../local/stand-ins/step-functions/definition.ts';
import { StatesError } from '../../../local/stand-ins/step-functions/errors.ts';
import { evaluate, expressionIn } from '../../../local/stand-ins/step-functions/expressions.ts';
import { nextRetry, type RetryCounts } from '../../../local/stand-ins/step-functions/retry.ts';
import type { Json, Retrier } from '../../../local/stand-ins/step-functions/types.ts';
import { outputOf } from '../../unit/step-functions/support.ts';

const isPlain = (value: unknown): boolean =>
  typeof value === 'string'
    ? expressionIn(value) === undefined
    : typeof value !== 'object' || value === null || Object.values(value).every(isPlain);

const retrier: fc.Arbitrary<Retrier> = fc.record({
  ErrorEquals: fc.subarray(['A', 'B', 'States.TaskFailed', 'States.Timeout'], { minLength: 1 }),
  IntervalSeconds: fc.integer({ min: 1, max: 100 }),
  MaxAttempts: fc.integer({ min: 0, max: 6 }),
  BackoffRate: fc.double({ min: 1, max: 5, noNaN: true }),
  MaxDelaySeconds: fc.integer({ min: 101, max: 1_000 }),
  JitterStrategy: fc.constantFrom('FULL' as const, 'NONE' as const),
});

describe('retries', () => {
  it('always end, after no more attempts than all retriers allow together, and never wait longer than they may', () => {
    const error = fc.constantFrom('A', 'B', 'C', 'States.Timeout', 'States.DataLimitExceeded');
    fc.assert(
      fc.property(
        fc.array(retrier, { maxLength: 4 }),
        fc.infiniteStream(error),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (retriers, errors, random) => {
          const most = retriers.reduce((sum, { MaxAttempts = 0 }) => sum + MaxAttempts, 0);
          let counts: RetryCounts = {};
          let attempts = 0;
          for (const name of errors) {
            const retry = nextRetry(retriers, counts, new StatesError(name), random);
            if (!retry) break;
            attempts += 1;
            counts = retry.counts;
            expect(retry.delaySeconds).toBeLessThanOrEqual(1_000);
            expect(retry.delaySeconds).toBeGreaterThanOrEqual(0);
            expect(attempts).toBeLessThanOrEqual(most);
          }
        },
      ),
    );
  });
});

describe('templates', () => {
  it('without expressions are what they are', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue().filter(isPlain), async (template) => {
        // -0 isn't JSON, and neither is it told apart there.
        const json = JSON.parse(JSON.stringify(template)) as Json;
        expect(await evaluate(json, {}, 'Output')).toEqual(json);
      }),
    );
  });

  it('give back any input through $states.input, except for a function', async () => {
    const machine = { StartAt: 'S', States: { S: { Type: 'Pass', Output: '{% $states.input %}', End: true } } };
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (value) => {
        const json = JSON.parse(JSON.stringify(value)) as Json;
        expect(await outputOf(machine, json)).toEqual(json);
      }),
      { numRuns: 50 },
    );
  });
});

describe('a definition', () => {
  it('is never answered by an accident, whatever it is', () => {
    const state = fc.record(
      {
        Type: fc.constantFrom('Pass', 'Task', 'Choice', 'Wait', 'Map', 'Parallel', 'Fail', 'Nap'),
        Next: fc.jsonValue(),
        End: fc.jsonValue(),
        Retry: fc.jsonValue(),
        Catch: fc.jsonValue(),
        Choices: fc.jsonValue(),
        Branches: fc.jsonValue(),
        ItemProcessor: fc.jsonValue(),
        Assign: fc.jsonValue(),
        Output: fc.jsonValue(),
      },
      { requiredKeys: [] },
    );
    const definition = fc.record(
      {
        QueryLanguage: fc.constant('JSONata'),
        StartAt: fc.oneof(fc.constant('A'), fc.jsonValue()),
        States: fc.oneof(
          fc.dictionary(fc.constantFrom('A', 'B', 'toString'), fc.oneof(state, fc.jsonValue())),
          fc.jsonValue(),
        ),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(definition, (value) => {
        for (const { code, message } of diagnose(JSON.stringify(value), 'STANDARD')) {
          expect(code).not.toBe('');
          expect(message).not.toBe('');
        }
      }),
    );
  });
});
