/** DNS messages, as far as a name server needs them that answers one question (RFC 1035, section 4; AAAA: RFC 3596). Pure: bytes in, bytes out. */
import type { Answer, ResourceRecord } from './resolve.ts';

const TYPES = { A: 1, NS: 2, CNAME: 5, SOA: 6, TXT: 16, AAAA: 28 } as const;
const CODES = { NOERROR: 0, FORMERR: 1, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 } as const;
const IN = 1;
const HEADER_BYTES = 12;
/** RFC 1035, section 4.2.1: what a message over UDP may be; longer ones are asked for again over TCP. */
export const LONGEST_UDP = 512;

export interface Question {
  readonly id: number;
  readonly name: string;
  /** `A` ..., or `TYPE<n>` for one that isn't known here. */
  readonly type: string;
  readonly recursionDesired: boolean;
  /** The question as it came, to be sent back. */
  readonly bytes: Buffer;
}

/** A message that is no question that can be answered; `undefined` code: not even a header, nothing is sent back. */
export class DnsFault extends Error {
  readonly reply: Buffer | undefined;
  constructor(message: string, reply?: Buffer) {
    super(message);
    this.name = 'DnsFault';
    this.reply = reply;
  }
}

/** @throws DnsFault */
export function readQuestion(message: Buffer): Question {
  if (message.length < HEADER_BYTES) throw new DnsFault(`${message.length} bytes are no DNS message`);
  const id = message.readUInt16BE(0);
  const flags = message.readUInt16BE(2);
  const refuse = (what: string, code: keyof typeof CODES) => new DnsFault(what, header(id, 0x8000 | CODES[code], 0, 0));
  // A reply is never replied to: two servers could go on for ever.
  if (flags & 0x8000) throw new DnsFault('a reply, not a question');
  if (flags & 0x7800) throw refuse('only standard queries', 'NOTIMP');
  if (message.readUInt16BE(4) !== 1) throw refuse('exactly one question', 'FORMERR');
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (;;) {
    const length = message[at];
    if (length === undefined || length > 63 || at + 1 + length > message.length)
      throw refuse('a name that ends early', 'FORMERR');
    at += 1;
    if (length === 0) break;
    labels.push(message.toString('latin1', at, at + length));
    at += length;
  }
  if (at + 4 > message.length) throw refuse('a question that ends early', 'FORMERR');
  const code = message.readUInt16BE(at);
  const type = Object.entries(TYPES).find(([, value]) => value === code)?.[0] ?? `TYPE${code}`;
  return {
    id,
    name: `${labels.join('.')}.`,
    type,
    recursionDesired: (flags & 0x0100) !== 0,
    bytes: message.subarray(HEADER_BYTES, at + 4),
  };
}

/** The reply to a question. @param longest bytes that fit: beyond them it only says that it was cut off (TC). */
export function writeAnswer(
  { id, bytes, recursionDesired }: Question,
  { code, records }: Answer,
  longest: number,
): Buffer {
  const flags = 0x8400 | (recursionDesired ? 0x0100 : 0) | CODES[code];
  const answers = records.map(writeRecord);
  const whole = Buffer.concat([header(id, flags, 1, answers.length), bytes, ...answers]);
  return whole.length <= longest ? whole : Buffer.concat([header(id, flags | 0x0200, 1, 0), bytes]);
}

function header(id: number, flags: number, questions: number, answers: number): Buffer {
  const buffer = Buffer.alloc(HEADER_BYTES);
  [id, flags, questions, answers].forEach((value, index) => {
    buffer.writeUInt16BE(value, index * 2);
  });
  return buffer;
}

function writeRecord({ name, type, ttlSeconds, value }: ResourceRecord): Buffer {
  const data = dataOf(type, value);
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(TYPES[type as keyof typeof TYPES] ?? 0, 0);
  fixed.writeUInt16BE(IN, 2);
  fixed.writeUInt32BE(ttlSeconds, 4);
  fixed.writeUInt16BE(data.length, 8);
  return Buffer.concat([writeName(name), fixed, data]);
}

function writeName(name: string): Buffer {
  const labels = name
    .replace(/\.$/, '')
    .split('.')
    .filter((label) => label !== '');
  return Buffer.concat([
    ...labels.map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, 'latin1')])),
    Buffer.from([0]),
  ]);
}

function dataOf(type: string, value: string): Buffer {
  switch (type) {
    case 'A':
      return Buffer.from(value.split('.').map(Number));
    case 'AAAA':
      return ipv6(value);
    case 'TXT':
      return Buffer.concat(texts(value).map((text) => Buffer.concat([Buffer.from([text.length]), text])));
    default:
      return writeName(value);
  }
}

/** "TXT record type": strings in quotation marks, separated by spaces. */
const texts = (value: string): Buffer[] =>
  [...value.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, text = '']) =>
    Buffer.from(text.replace(/\\(.)/g, '$1'), 'latin1').subarray(0, 255),
  );

function ipv6(address: string): Buffer {
  const [head = '', tail] = address.split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':').map((each) => Number.parseInt(each, 16)));
  const [before, after] = [groups(head), groups(tail ?? '')];
  const all = tail === undefined ? before : [...before, ...Array(8 - before.length - after.length).fill(0), ...after];
  const buffer = Buffer.alloc(16);
  all.slice(0, 8).forEach((group, index) => {
    buffer.writeUInt16BE(group, index * 2);
  });
  return buffer;
}
