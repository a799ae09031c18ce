/** Our marshalling against the SDK's, over everything that the journal keeps. */
import { unmarshall as theirBack, marshall as theirs } from '@aws-sdk/util-dynamodb';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { marshall, unmarshall } from '../../../functions/engine/attributes.ts';

const scalar = fc.oneof(
  fc.string(),
  fc.maxSafeInteger(),
  fc.double({ min: -1e15, max: 1e15, noNaN: true }),
  fc.boolean(),
  fc.constant(null),
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof({ depthSize: 'small' }, scalar, fc.array(tie('value')), fc.dictionary(fc.string(), tie('value'))),
}));
const item = fc.dictionary(fc.string(), value, { noNullPrototype: true });
const holed = fc.dictionary(fc.string(), fc.oneof(scalar, fc.constant(undefined), fc.array(fc.constant(undefined))));
/** `__proto__` as a name sets no attribute, neither in theirs nor in ours, and is none of our names. */
const isNamed = (each: object): boolean => !JSON.stringify(each).includes('"__proto__"');

describe('attributes of an item', () => {
  it('are what the SDK makes of it', () => {
    fc.assert(
      fc.property(item.filter(isNamed), (each) => {
        expect(marshall(each)).toStrictEqual(theirs(each));
      }),
    );
  });

  it('leave out what is undefined, as the SDK does when told so', () => {
    fc.assert(
      fc.property(holed.filter(isNamed), (each) => {
        expect(marshall(each)).toStrictEqual(theirs(each, { removeUndefinedValues: true }));
      }),
    );
  });

  it('become the item again, as with the SDK', () => {
    fc.assert(
      fc.property(item.filter(isNamed), (each) => {
        const attributes = theirs(each);
        expect(unmarshall(attributes)).toStrictEqual(theirBack(attributes));
      }),
    );
  });

  it.each([
    ['NaN', Number.NaN],
    ['an infinite number', Number.POSITIVE_INFINITY],
    ['a number that JavaScript does not hold exactly', 2 ** 53],
    ['a date', new Date(0)],
    ['a set', new Set(['a'])],
    ['bytes', new Uint8Array(1)],
    ['a function', () => 1],
    ['a bigint', 1n],
  ])('refuse %s, deep inside as well', (_, wrong) => {
    expect(() => marshall({ wrong })).toThrow(TypeError);
    expect(() => marshall({ list: [{ wrong }] })).toThrow(TypeError);
  });

  it('refuse to be read where they are of a kind that the journal does not keep', () => {
    expect(() => unmarshall({ names: { SS: ['a'] } })).toThrow('SS');
  });
});
