import { describe, expect, it } from '@jest/globals';
import {
  type Authority,
  clockOffMs,
  granted,
  lapsesIn,
  restored,
  whyNotSelfFenced,
  whyUnheard,
  withdrawn,
} from '../../../functions/authority/rules.ts';
import { NOW } from '../../support/fixtures.ts';

const confirmed = { at: NOW, until: NOW + 180_000, clockOffMs: 0, guardedTables: 3, unguarded: [] };
const authority: Authority = { pair: 'checkout', state: 'granting', version: 4, until: NOW + 180_000, confirmed };

describe('authority', () => {
  it('begins with the first grant, and goes on from what is there', () => {
    expect(granted(undefined, 'checkout', NOW, 1_000)).toEqual({
      ...{ pair: 'checkout', state: 'granting', version: 0, until: NOW + 1_000 },
    });
    expect(granted(authority, 'checkout', NOW + 60_000, 180_000)).toEqual({ ...authority, until: NOW + 240_000 });
    expect(granted(authority, 'checkout', NOW - 60_000, 180_000)?.until).toBe(authority.until);
  });

  it('is granted to nobody while it is withdrawn, and again afterwards', () => {
    const taken = withdrawn(authority, 'run-1');
    expect(granted(taken, 'checkout', NOW, 180_000)).toBeUndefined();
    expect(restored(taken, 'run-1')).toEqual(authority);
  });

  it('is given back by nobody but the run that withdrew it: another one relies on it by then', () => {
    expect(restored(withdrawn(withdrawn(authority, 'run-1'), 'run-2'), 'run-1')).toBeUndefined();
    expect(restored(authority, 'run-1')).toBeUndefined();
  });

  it('is doubted when an earlier run had withdrawn it: the database may have been freed of its lease by hand since', () => {
    const taken = withdrawn(authority, 'run-1');
    expect(whyNotSelfFenced(withdrawn(taken, 'run-1'), 10_000)).toBeUndefined();
    expect(whyNotSelfFenced(withdrawn(taken, 'run-2'), 10_000)).toMatch(/run-1 withdrew it before/);
  });

  it('says nothing of an outage long after the database was last heard of', () => {
    expect(whyUnheard(authority, NOW + 30 * 60_000)).toBeUndefined();
    expect(whyUnheard(authority, NOW + 31 * 60_000)).toMatch(/31 min before the outage/);
  });

  it('is over when the last grant and the margin are', () => {
    expect(lapsesIn(authority, 10_000, NOW)).toBe(190_000);
    expect(lapsesIn(authority, 10_000, NOW + 189_999)).toBe(1);
    expect(lapsesIn(authority, 10_000, NOW + 500_000)).toBe(0);
  });

  it.each<[string, Authority | undefined, RegExp]>([
    ['nothing was granted', undefined, /no lease was ever granted/],
    ['the database never answered', { ...authority, confirmed: undefined }, /never confirmed/],
    ['it guards nothing', { ...authority, confirmed: { ...confirmed, guardedTables: 0 } }, /guards no table/],
    [
      'a table is left out',
      { ...authority, confirmed: { ...confirmed, unguarded: ['public.refunds'] } },
      /doesn't guard public\.refunds/,
    ],
    [
      'its clock is wrong by more than the margin',
      { ...authority, confirmed: { ...confirmed, clockOffMs: -10_001 } },
      /clock is 10 s off/,
    ],
  ])('fences nobody by waiting when %s', (_what, present, why) => {
    expect(whyNotSelfFenced(present, 10_000)).toMatch(why);
  });

  it('tells a wrong clock from a slow answer', () => {
    expect(clockOffMs(NOW + 400, NOW, NOW + 500)).toBe(0);
    expect(clockOffMs(NOW - 400, NOW, NOW + 500)).toBe(-400);
    expect(clockOffMs(NOW + 700, NOW, NOW + 500)).toBe(200);
  });

  it('fences a database that confirmed its lease for all tables', () => {
    expect(whyNotSelfFenced(authority, 10_000)).toBeUndefined();
  });
});
