/** By which rules the journal is written and read; the rest is the SDK's, and tested there. */
import { describe, expect, it } from '@jest/globals';
import { marshall, unmarshall } from '../../../functions/engine/attributes.ts';

describe('attributes of an item', () => {
  it('leave out what is undefined, inside lists and maps as well', () => {
    expect(marshall({ a: undefined, list: [1, undefined, { b: undefined }], map: { c: undefined, d: null } })).toEqual({
      list: { L: [{ N: '1' }, { M: {} }] },
      map: { M: { d: { NULL: true } } },
    });
  });

  it('keep texts without a character, and become the item again', () => {
    const item = { text: '', number: -0.5, yes: true, none: null, list: [['a'], { b: 2 }], map: { c: {} } };
    expect(unmarshall(marshall(item))).toEqual(item);
  });

  it.each([
    ['NaN', Number.NaN],
    ['an infinite number', Number.POSITIVE_INFINITY],
    ['a number that JavaScript does not hold exactly', 2 ** 53],
    ['a date', new Date(0)],
    ['an empty set', new Set()],
  ])('refuse %s, deep inside as well', (_, wrong) => {
    expect(() => marshall({ wrong })).toThrow(Error);
    expect(() => marshall({ list: [{ wrong }] })).toThrow(Error);
  });
});
