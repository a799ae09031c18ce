import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DnsFault, readQuestion, writeAnswer } from '../../../local/stand-ins/route53/dns-message.ts';

/** A question for an A record of example.com, as RFC 1035 writes it: id 0x1234, recursion desired. */
const QUESTION = Buffer.from('1234010000010000000000000765 78616d706c6503636f6d0000010001'.replaceAll(' ', ''), 'hex');

describe('DNS messages', () => {
  it('are read and answered byte by byte as the standard says', () => {
    const question = readQuestion(QUESTION);
    expect(question).toMatchObject({ id: 0x1234, name: 'example.com.', type: 'A', recursionDesired: true });
    const record = { name: 'example.com.', type: 'A', ttlSeconds: 60, value: '192.0.2.1' };
    const reply = writeAnswer(question, { code: 'NOERROR', records: [record] }, 512);
    expect(reply.toString('hex')).toBe(
      '12348500000100010000000007' +
        '6578616d706c6503636f6d0000010001' +
        '076578616d706c6503636f6d00' +
        '000100010000003c0004c0000201',
    );
  });

  it('say that they were cut off when they are too long', () => {
    const record = { name: 'example.com.', type: 'TXT', ttlSeconds: 60, value: `"${'x'.repeat(250)}"` };
    const reply = writeAnswer(readQuestion(QUESTION), { code: 'NOERROR', records: [record, record, record] }, 512);
    expect(reply.readUInt16BE(2) & 0x0200).toBe(0x0200);
    expect(reply.readUInt16BE(6)).toBe(0);
    expect(reply.length).toBeLessThan(512);
  });

  it('that are replies themselves, or too short, are answered with nothing', () => {
    const reply = Buffer.from(QUESTION);
    reply.writeUInt16BE(0x8500, 2);
    for (const message of [reply, Buffer.alloc(3)]) {
      expect(() => readQuestion(message)).toThrow(DnsFault);
      try {
        readQuestion(message);
      } catch (error) {
        expect((error as DnsFault).reply).toBeUndefined();
      }
    }
  });

  it('never do anything but be read or be refused', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 80 }),
      fc.tuple(fc.nat(QUESTION.length - 1), fc.nat(255)).map(([at, value]) => {
        const changed = Buffer.from(QUESTION);
        changed[at] = value;
        return changed;
      }),
    );
    fc.assert(
      fc.property(bytes, (message) => {
        try {
          expect(readQuestion(Buffer.from(message)).name).toMatch(/\.$/);
        } catch (error) {
          expect(error).toBeInstanceOf(DnsFault);
        }
      }),
    );
  });
});
