/** Laws of event patterns, over any event. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { compilePattern } from '../../../local/stand-ins/eventbridge/pattern.ts';

const leaf = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null));
const name = fc.string({ minLength: 1 }).filter((text) => text !== '$or' && text !== '__proto__');
const event = fc.dictionary(name, fc.oneof(leaf, fc.dictionary(name, leaf, { minKeys: 1 })), { minKeys: 1 });

/** The pattern that names every field of an event with its own value. */
const exactly = (value: object): object =>
  Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      typeof inner === 'object' && inner !== null ? exactly(inner) : [inner],
    ]),
  );

describe('event patterns', () => {
  it('match the event they were made from', () => {
    fc.assert(fc.property(event, (one) => expect(compilePattern(exactly(one))(one)).toBe(true)));
  });

  it('don’t mind further fields', () => {
    fc.assert(
      fc.property(event, name, leaf, (one, key, value) =>
        expect(compilePattern(exactly(one))({ [key]: value, ...one })).toBe(true),
      ),
    );
  });

  it('take a value or anything but it, never both, when the field is there', () => {
    fc.assert(
      fc.property(leaf, leaf, (wanted, found) => {
        const is = compilePattern({ field: [wanted] })({ field: found });
        const isNot = compilePattern({ field: [{ 'anything-but': [wanted] }] })({ field: found });
        expect(isNot).toBe(!is);
      }),
    );
  });

  it('see a field as there or as absent, never both', () => {
    fc.assert(
      fc.property(event, name, (one, key) => {
        const there = compilePattern({ [key]: [{ exists: true }] })(one);
        const absent = compilePattern({ [key]: [{ exists: false }] })(one);
        expect(there).not.toBe(absent);
      }),
    );
  });

  it('give a wildcard of only a star every text, and a text without stars only itself', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (one, other) => {
        expect(compilePattern({ f: [{ wildcard: '*' }] })({ f: one })).toBe(true);
        const literal = one.replace(/[*\\]/g, '\\$&');
        expect(compilePattern({ f: [{ wildcard: literal }] })({ f: other })).toBe(one === other);
        expect(compilePattern({ f: [{ wildcard: literal }] })({ f: one })).toBe(true);
      }),
    );
  });
});
