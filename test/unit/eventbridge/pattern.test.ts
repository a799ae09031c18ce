/** Event patterns by the user guide's "Comparison operators" and "Creating event patterns", where the emulator isn't asked. */
import { describe, expect, it } from '@jest/globals';
import { compilePattern, InvalidEventPattern } from '../../../local/stand-ins/eventbridge/pattern.ts';

const matches = (pattern: object, event: object): boolean => compilePattern(pattern)(event);

describe('a pattern', () => {
  it.each<[string, object, object, boolean]>([
    ['needs every named field', { a: [1], b: [2] }, { a: 1, b: 3 }, false],
    ['takes any of a field’s values', { a: [1, 2] }, { a: 2 }, true],
    ['tells a number from its text', { a: [1] }, { a: '1' }, false],
    ['matches an array by one element', { a: ['x'] }, { a: ['y', 'x'] }, true],
    ['doesn’t take an object for a value', { a: [{ exists: true }] }, { a: { b: 1 } }, false],
    ['sees absence below a missing parent', { a: { b: [{ exists: false }] } }, {}, true],
    ['sees an empty array as absent', { a: [{ exists: false }] }, { a: [] }, true],
    ['takes null only for null', { a: [null] }, { a: '' }, false],
    ['matches two fields in one element of an array', { l: { a: [1], b: [2] } }, { l: [{ a: 1, b: 2 }] }, true],
    ['doesn’t mix fields of two elements', { l: { a: [1], b: [2] } }, { l: [{ a: 1 }, { b: 2 }] }, false],
    ['needs the field for anything-but', { a: [{ 'anything-but': 'x' }] }, {}, false],
    ['joins $or with the other fields', { $or: [{ a: [1] }, { b: [1] }], c: [1] }, { b: 1, c: 2 }, false],
    ['takes a short $or for a field', { $or: [1] }, { $or: 1 }, true],
    ['escapes a star in a wildcard', { a: [{ wildcard: 'x\\*y*' }] }, { a: 'x*yz' }, true],
    ['takes other characters of a wildcard as they are', { a: [{ wildcard: 'a.c*' }] }, { a: 'abc' }, false],
    ['compares numbers between bounds', { a: [{ numeric: ['>=', 0, '<', 1] }] }, { a: 1 }, false],
    ['knows addresses of version 6', { a: [{ cidr: '2001:db8::/32' }] }, { a: '2001:db8:1::5' }, true],
    ['tells versions of addresses apart', { a: [{ cidr: '0.0.0.0/0' }] }, { a: '::1' }, false],
    ['excludes several prefixes', { a: [{ 'anything-but': { prefix: ['x', 'y'] } }] }, { a: 'yes' }, false],
  ])('%s', (_, pattern, event, expected) => {
    expect(matches(pattern, event)).toBe(expected);
  });

  it.each<[string, unknown]>([
    ['a value that isn’t in an array', { a: 'x' }],
    ['an empty array', { a: [] }],
    ['an empty object', {}],
    ['an unknown operator', { a: [{ like: 'x' }] }],
    ['two operators in one', { a: [{ prefix: 'x', suffix: 'y' }] }],
    ['half a comparison', { a: [{ numeric: ['>'] }] }],
    ['a malformed network', { a: [{ cidr: '10.0.0.0' }] }],
    ['text that isn’t JSON', '{'],
  ])('is refused with %s', (_, pattern) => {
    expect(() => compilePattern(pattern)).toThrow(InvalidEventPattern);
  });
});
