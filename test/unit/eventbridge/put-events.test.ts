/** What PutEvents refuses. */
import { describe, expect, it } from '@jest/globals';
import {
  checkRequest,
  type Entry,
  entryError,
  entrySize,
  MAX_BYTES,
} from '../../../local/stand-ins/eventbridge/put-events.ts';

const good: Entry = { Source: 's', DetailType: 't', Detail: '{}' };

describe('an entry', () => {
  it('is taken when it is complete', () => {
    expect(entryError(good)).toBeUndefined();
  });

  it.each<[string, Entry, string]>([
    ['without a source', { ...good, Source: '' }, 'InvalidArgument'],
    ['without a detail', { DetailType: 't', Source: 's' }, 'InvalidArgument'],
    ['whose detail isn’t JSON', { ...good, Detail: 'text' }, 'MalformedDetail'],
    ['whose detail isn’t an object', { ...good, Detail: '[1]' }, 'MalformedDetail'],
    ['in the name of a service of AWS', { ...good, Source: 'aws.ecs' }, 'NotAuthorizedForSourceException'],
  ])('%s is refused', (_, entry, code) => {
    expect(entryError(entry)?.ErrorCode).toBe(code);
  });

  it('is as large as AWS’s formula says', () => {
    expect(entrySize({ Source: 'é', DetailType: 'ab', Detail: '{}', Resources: ['arn'], Time: 1 })).toBe(
      14 + 2 + 2 + 2 + 3,
    );
  });
});

describe('a request', () => {
  const half = { ...good, Detail: 'x'.repeat(MAX_BYTES / 2) };

  it('is refused as a whole when its entries are too large together', () => {
    expect(checkRequest([half])).toHaveLength(1);
    expect(() => checkRequest([half, half])).toThrow('over the limit');
  });

  it('holds one to ten entries', () => {
    expect(() => checkRequest([])).toThrow('between 1 and 10');
    expect(() => checkRequest(Array(11).fill(good))).toThrow('between 1 and 10');
    expect(checkRequest(Array(10).fill(good))).toHaveLength(10);
  });
});
