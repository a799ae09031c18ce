/** The simulation's marshalling is the SDK's, as the engine calls it: the same attributes, the same values, and an error where that makes one. */
import { isDeepStrictEqual } from 'node:util';
import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import * as engine from '../../../functions/engine/attributes.ts';
import * as simulation from '../../simulation/attributes.ts';

const outcomeOf = (run: () => unknown) => {
  try {
    return { value: run() };
  } catch (error) {
    return { error: (error as Error).message };
  }
};

/** The SDK takes `__proto__` for the prototype, of which no two are equal. */
const name = fc
  .oneof(fc.string(), fc.constantFrom('pk', 'constructor', 'toString', '0'))
  .filter((each) => each !== '__proto__');
/** What the journal keeps, and what it can't: dates, sets, functions, numbers beyond what JavaScript holds, names that JavaScript knows. */
const value = fc.anything({
  key: name,
  maxDepth: 4,
  withBigInt: true,
  withDate: true,
  withMap: true,
  withSet: true,
  withTypedArray: true,
  withNullPrototype: true,
  withSparseArray: true,
});
const numbers = fc.oneof(fc.integer(), fc.double(), fc.constantFrom(2 ** 53, -(2 ** 53), -0, 0.1, Number.NaN));
const item = fc.dictionary(
  fc.string(),
  fc.oneof(
    value,
    numbers,
    fc.constant(undefined),
    fc.constant(() => 1),
  ),
);

it('makes the same attributes of anything, or fails in the same way', () => {
  fc.assert(
    fc.property(item, (each) => {
      const [ours, its] = [simulation, engine].map(({ marshall }) => outcomeOf(() => marshall(each)));
      // Jest takes a name `constructor` for the class.
      if (!isDeepStrictEqual(ours, its)) expect(ours).toEqual(its);
      return isDeepStrictEqual(ours, its);
    }),
    { numRuns: 2_000 },
  );
});

it('reads the same values of what was made', () => {
  fc.assert(
    fc.property(item, (each) => {
      const made = outcomeOf(() => engine.marshall(each));
      fc.pre('value' in made);
      const attributes = made.value as ReturnType<typeof engine.marshall>;
      const [ours, its] = [simulation, engine].map(({ unmarshall }) => outcomeOf(() => unmarshall(attributes)));
      // Jest takes a name `constructor` for the class.
      if (!isDeepStrictEqual(ours, its)) expect(ours).toEqual(its);
      return isDeepStrictEqual(ours, its);
    }),
    { numRuns: 2_000 },
  );
});

it('reads numbers beyond what JavaScript holds as the SDK does', () => {
  for (const N of ['9007199254740993', '-9007199254740993', '0.1', '1e400', '12345678901234567890.5']) {
    const [ours, its] = [simulation, engine].map(({ unmarshall }) => outcomeOf(() => unmarshall({ a: { N } })));
    expect(ours).toStrictEqual(its);
  }
});

it('goes by the SDK alone when it is told to', () => {
  simulation.goBySdk(true);
  try {
    expect(simulation.unmarshall(simulation.marshall({ a: [1, { b: 'c' }] }))).toEqual({ a: [1, { b: 'c' }] });
  } finally {
    simulation.goBySdk(false);
  }
});
