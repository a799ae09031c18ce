import { beforeAll, describe, expect, it } from '@jest/globals';
import {
  type Bundle,
  canonicalSerial,
  judgeBundle,
  readBundle,
  serialOf,
} from '../../../functions/certificates/bundle.ts';
import { type Authority, issueBundle, makeAuthority } from '../../support/certificates.ts';

const domains = ['shop.example.com', '*.shop.example.com'];
let authority: Authority;
let stranger: Authority;
let good: Bundle;
beforeAll(async () => {
  [authority, stranger] = await Promise.all([makeAuthority(), makeAuthority()]);
  good = await issueBundle(authority, { domains, days: 90 });
});
const judge = (bundle: Bundle, names = domains, now = Date.now()) => judgeBundle(bundle, names, now);

describe('a bundle', () => {
  it('may be used when its key fits, its chain holds together, it is valid and covers every name', () => {
    expect(judge(good)).toMatchObject({
      kind: 'usable',
      serial: serialOf(good),
      notAfter: expect.stringMatching(/Z$/),
    });
    expect(judge(good, ['www.shop.example.com'])).toMatchObject({ kind: 'usable' });
  });

  it.each<[string, () => Promise<Bundle>, string]>([
    [
      'another’s key',
      async () => ({ ...good, privateKey: (await issueBundle(authority, { domains, days: 9 })).privateKey }),
      'another certificate',
    ],
    ['no key', async () => ({ ...good, privateKey: 'secret words' }), 'private key'],
    ['no certificate', async () => ({ ...good, certificate: 'nothing' }), 'one certificate in PEM'],
    [
      'two certificates',
      async () => ({ ...good, certificate: good.certificate + good.chain }),
      'one certificate in PEM',
    ],
    ['a chain that is none', async () => ({ ...good, chain: 'nothing' }), 'its chain is not certificates'],
    ['no chain', async () => ({ ...good, chain: '' }), 'no chain'],
    ['a stranger’s chain', async () => ({ ...good, chain: stranger.pem }), 'not signed by the next'],
    ['an end in the past', () => issueBundle(authority, { domains, days: -1, beginsIn: -2 }), 'not valid at this time'],
    ['a beginning to come', () => issueBundle(authority, { domains, days: 9, beginsIn: 2 }), 'not valid at this time'],
    [
      'too few names',
      () => issueBundle(authority, { domains: ['shop.example.com'], days: 9 }),
      'does not cover *.shop',
    ],
  ])('with %s may not, and the reason says nothing of what is in it', async (_, make, why) => {
    const bundle = await make();
    const judged = judge(bundle);
    expect(judged).toMatchObject({ kind: 'unusable', why: expect.stringContaining(why) });
    const secret = bundle.privateKey.split('\n')[1] ?? bundle.privateKey;
    expect(JSON.stringify(judged)).not.toContain(secret);
  });

  it('is read from JSON, and from nothing else', () => {
    expect(readBundle(JSON.stringify(good))).toEqual(good);
    for (const text of ['', 'null', '[]', '{"certificate":1}', good.certificate])
      expect(readBundle(text)).toBeUndefined();
  });

  it('has one serial number, however that is written', () => {
    expect(canonicalSerial('00:0a:1B')).toBe(canonicalSerial('A1b'));
  });
});
