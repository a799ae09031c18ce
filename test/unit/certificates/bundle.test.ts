import { X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import {
  type Bundle,
  canonicalSerial,
  issuerOfSame,
  judgeBundle,
  readBundle,
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
      serial: canonicalSerial(new X509Certificate(good.certificate).serialNumber),
      issuer: authority.name,
      notAfter: expect.stringMatching(/Z$/),
    });
    expect(judge(good, ['www.shop.example.com'])).toMatchObject({ kind: 'usable' });
  });

  it('is the one that is described only by serial number and beginning, and only with its own key', async () => {
    const { serialNumber, validFrom } = new X509Certificate(good.certificate);
    const described = { serial: canonicalSerial(serialNumber), notBefore: new Date(validFrom).toISOString() };
    expect(issuerOfSame(good, described)).toBe(authority.name);
    expect(issuerOfSame(good, { ...described, serial: '1' })).toBeUndefined();
    expect(issuerOfSame(good, { ...described, notBefore: '2020-01-01T00:00:00.000Z' })).toBeUndefined();
    expect(issuerOfSame(good, { serial: described.serial })).toBeUndefined();
    const { privateKey } = await issueBundle(authority, { domains, days: 9 });
    expect(issuerOfSame({ ...good, privateKey }, described)).toBeUndefined();
    expect(issuerOfSame({ ...good, certificate: 'none' }, described)).toBeUndefined();
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
