import { describe, expect, it } from '@jest/globals';
import { leaksIn } from '../../support/secrets-scan.ts';

const planted = [{ name: 'the key', value: 'whsec/planted+0123456789=="ä"' }];

describe('looking for planted secrets', () => {
  it.each([
    ['as it is', (value: string) => `url=${value};`],
    ['percent-encoded', encodeURIComponent],
    ['as JSON in JSON', (value: string) => JSON.stringify({ text: value })],
    ['in base64', (value: string) => Buffer.from(value).toString('base64')],
    ['in base64 behind other text', (value: string) => Buffer.from(`Bearer ${value}`).toString('base64')],
    ['in base64 behind one more', (value: string) => Buffer.from(`Bearer: ${value}`).toString('base64')],
    ['in base64 behind two more', (value: string) => Buffer.from(`x Bearer ${value}`).toString('base64')],
  ])('finds one that stands %s', (_how, put) => {
    expect(leaksIn([{ where: 'log', text: put(planted[0]?.value ?? '') }], planted)).toEqual([
      { secret: 'the key', where: 'log' },
    ]);
  });

  it('finds nothing in what holds none, and names each place once', () => {
    expect(leaksIn([{ where: 'log', text: 'planted' }], planted)).toEqual([]);
    const text = `${planted[0]?.value} ${planted[0]?.value}`;
    expect(
      leaksIn(
        [
          { where: 'log', text },
          { where: 'log', text },
        ],
        planted,
      ),
    ).toHaveLength(1);
  });

  it('does not tell the secret', () => {
    expect(JSON.stringify(leaksIn([{ where: 'log', text: planted[0]?.value ?? '' }], planted))).not.toContain(
      'planted+',
    );
  });

  it('refuses what is too short to be told from other text', () => {
    expect(() => leaksIn([], [{ name: 'short', value: 'hunter2' }])).toThrow(RangeError);
  });
});
