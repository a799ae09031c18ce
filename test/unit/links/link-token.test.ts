import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import {
  equal,
  hashOf,
  type Link,
  LinkKeyError,
  LONGEST_TOKEN,
  parseKeys,
  signLink,
  verifyLink,
  withoutLinks,
} from '../../../functions/incidents/link-token.ts';

const NOW = Date.parse('2026-11-21T03:00:00Z');
const [old, fresh] = [randomBytes(32), randomBytes(32)].map((key) => key.toString('base64'));
const keys = parseKeys(`${fresh} ${old}`);
const link: Link = {
  operation: 'approve',
  subject: 'apr-01KAHZ00000000000000000001',
  recipient: 'jane',
  expiresAt: NOW / 1000 + 60,
  nonce: 'team/01KAHZ',
  state: 'abcdefghijklmnopqrstuv',
};
const token = signLink(link, keys, 'main');

describe('a signed link', () => {
  it('says what was signed, and a hash and a confirmation that say nothing of it', () => {
    const verified = verifyLink(token, keys, 'main', NOW);
    expect(verified).toEqual({
      kind: 'valid',
      link,
      hash: hashOf(token),
      confirmation: expect.stringMatching(/^[\w-]{22}$/),
    });
    expect(token).toMatch(/^[\w.-]+$/);
    expect(token.length).toBeLessThan(LONGEST_TOKEN / 2);
  });

  it('is the same each time the same thing is signed', () => {
    expect(signLink(link, keys, 'main')).toBe(token);
  });

  it('ends at its second', () => {
    expect(verifyLink(token, keys, 'main', link.expiresAt * 1000 - 1).kind).toBe('valid');
    expect(verifyLink(token, keys, 'main', link.expiresAt * 1000)).toMatchObject({ kind: 'expired', link });
  });

  it('isn’t one in another deployment that has the same key', () => {
    expect(verifyLink(token, keys, 'other', NOW).kind).toBe('altered');
  });

  it('is recognised by a key that signs no longer, until that key is taken out', () => {
    const before = signLink(link, parseKeys(old ?? ''), 'main');
    expect(verifyLink(before, keys, 'main', NOW).kind).toBe('valid');
    expect(verifyLink(before, parseKeys(fresh ?? ''), 'main', NOW).kind).toBe('unknown-key');
  });

  it('isn’t believed with any character of it changed', () => {
    for (let index = 0; index < token.length; index++) {
      const changed = token[index] === 'A' ? 'B' : 'A';
      const altered = `${token.slice(0, index)}${changed}${token.slice(index + 1)}`;
      expect(verifyLink(altered, keys, 'main', NOW).kind).not.toBe('valid');
    }
  });

  it.each([
    '',
    '.',
    '..',
    'a.b',
    'a.b.c.d',
    `${token}.`,
    `.${token}`,
    token.slice(0, -1),
    token.repeat(10),
    '\u0000',
    'ü.ö.ä',
  ])('isn’t %j', (text) => {
    expect(verifyLink(text, keys, 'main', NOW).kind).not.toBe('valid');
  });

  it('can’t be made from what another operation’s link says', () => {
    const ack = signLink({ ...link, operation: 'ack' }, keys, 'main').split('.');
    const mixed = [ack[0], token.split('.')[1], ack[2]].join('.');
    expect(verifyLink(mixed, keys, 'main', NOW).kind).toBe('altered');
  });

  it('is taken out of texts', () => {
    expect(withoutLinks(`invalid url https://x.example/act/${token}"`)).toBe(
      'invalid url https://x.example/act/(link)"',
    );
    expect(withoutLinks('503 Service Unavailable, try again')).toBe('503 Service Unavailable, try again');
  });
});

describe('the signing secret', () => {
  it.each([
    '',
    'short',
    randomBytes(31).toString('base64'),
    randomBytes(65).toString('base64'),
    'a b c d',
    'whsec_abc!',
  ])('isn’t %j, and the error doesn’t repeat it', (text) => {
    expect(() => parseKeys(text)).toThrow(LinkKeyError);
    try {
      parseKeys(text);
    } catch (error) {
      if (text.length > 8) expect(String(error)).not.toContain(text);
    }
  });

  it('may hold two keys, apart by spaces or lines', () => {
    expect(parseKeys(`${fresh}\n${old}\n`)).toHaveLength(2);
  });
});

describe('comparing', () => {
  it('is by the whole text', () => {
    expect(equal('abc', 'abc')).toBe(true);
    expect(equal('abc', 'abd')).toBe(false);
    expect(equal('abc', 'abcd')).toBe(false);
    expect(equal('', 'a')).toBe(false);
  });
});
