import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { refusalOf } from '../../../local/stand-ins/rds/iam-token.ts';
import {
  fatalError,
  LONGEST_STARTUP,
  ProtocolError,
  parseFirst,
  passwordOf,
} from '../../../local/stand-ins/rds/wire.ts';

function packet(code: number, rest: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeInt32BE(8 + rest.length, 0);
  head.writeInt32BE(code, 4);
  return Buffer.concat([head, rest]);
}

const name = fc.string({ minLength: 1, unit: 'grapheme' }).filter((text) => !text.includes('\0'));
const value = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0'));

describe('a first packet', () => {
  it('gives back the parameters it was made of, the last one counting', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value)), (pairs) => {
        const rest = Buffer.from(`${pairs.map(([key, text]) => `${key}\0${text}\0`).join('')}\0`);
        const first = parseFirst(packet(196608, rest));
        if (first.kind !== 'startup') throw new Error(`read as ${first.kind}`);
        expect(new Map(Object.entries(first.parameters))).toEqual(new Map(pairs));
      }),
    );
  });

  it('of any bytes is understood or refused as a protocol error, never anything else', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
        fc.uint8Array({ maxLength: LONGEST_STARTUP }),
        (code, rest) => {
          try {
            expect(['ssl', 'gss', 'cancel', 'startup']).toContain(parseFirst(packet(code, Buffer.from(rest))).kind);
          } catch (error) {
            expect(error).toBeInstanceOf(ProtocolError);
          }
        },
      ),
    );
  });
});

describe('a password', () => {
  it('comes back whole without its end mark', () => {
    fc.assert(fc.property(value, (text) => expect(passwordOf(Buffer.from(`${text}\0`))).toBe(text)));
  });

  it('of any text is never taken for a token, and never throws', async () => {
    const expected = {
      region: 'us-east-1',
      hosts: ['localhost'],
      port: 5432,
      user: 'nightshift',
      now: new Date(),
      secretAccessKey: 'test',
    };
    const text = fc.oneof(
      fc.string(),
      fc.webUrl({ withQueryParameters: true }).map((url) => url.replace('https://', '')),
    );
    await fc.assert(
      fc.asyncProperty(text, async (password) => expect(typeof (await refusalOf(password, expected))).toBe('string')),
    );
  });
});

describe('an error', () => {
  it('has the length it says, whatever it says', () => {
    fc.assert(
      fc.property(value, (message) => {
        const bytes = fatalError('28000', message);
        expect(bytes.readInt32BE(1)).toBe(bytes.length - 1);
        expect(bytes.subarray(-2)).toEqual(Buffer.from([0, 0]));
      }),
    );
  });
});
