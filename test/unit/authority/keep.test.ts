/** One renewal: what is written down before what is told, and what is granted to nobody. */
import { beforeEach, describe, expect, it } from '@jest/globals';
import { type AskHolder, keepAuthority } from '../../../functions/authority/keep-authority/keep.ts';
import type { AuthorityOrder } from '../../../functions/authority/orders.ts';
import { type Authority, whyNotSelfFenced, withdrawn } from '../../../functions/authority/rules.ts';
import type { SelfFencing } from '../../../functions/engine/config.ts';
import { RetryableError } from '../../../functions/engine/errors.ts';
import type { Labelled, Store } from '../../../functions/engine/store.ts';
import { NOW } from '../../support/fixtures.ts';

const FENCING: SelfFencing = {
  ...{ by: 'self', deployment: 'main', database: 'orders-db', leaseSeconds: 180, clockMarginSeconds: 5 },
};
let kept: Authority | undefined;
let asked: AuthorityOrder[];
let now: number;

/** A journal with one item, which compares versions as the real one does. */
const store = {
  table: 'journal',
  read: async () => kept,
  transact: async ([write]: readonly Labelled[]) => {
    const { N: version } = write?.item.Put?.Item?.version ?? {};
    if (Number(version) !== (kept?.version ?? 0) + 1) return { ok: false, failed: new Map(), met: new Set() };
    const { unmarshall } = await import('@aws-sdk/util-dynamodb');
    kept = unmarshall(write?.item.Put?.Item ?? {}) as Authority;
    return { ok: true };
  },
} as unknown as Store;
const held = (until: number, clock = now) => ({
  ...{ kind: 'held' as const, clock, until, guardedTables: 2, unguarded: [] },
});
const answers: AskHolder = async (_fencing, order) => {
  asked.push(order);
  return held(order.ask === 'extend' ? order.until : 0);
};
const keep = (ask: AskHolder = answers) => keepAuthority({ store, ask, now: () => now }, { name: 'checkout' }, FENCING);

beforeEach(() => {
  kept = undefined;
  asked = [];
  now = NOW;
});

describe('keeping the authority of a pair', () => {
  it('writes down what it grants before the database is told, and then what that confirmed', async () => {
    let written: number | undefined;
    const ask: AskHolder = (fencing, order) => {
      if (order.ask === 'extend') written = kept?.until;
      return answers(fencing, order);
    };
    expect(await keep(ask)).toEqual({ kind: 'kept', until: NOW + 180_000 });
    expect(written).toBe(NOW + 180_000);
    expect(kept).toMatchObject({
      ...{ state: 'granting', until: NOW + 180_000, confirmed: { until: NOW + 180_000, guardedTables: 2 } },
    });
  });

  it('grants nothing to a database that doesn’t answer: a failover would wait for it in vain', async () => {
    await keep();
    now += 60_000;
    const gone: AskHolder = () => Promise.reject(new RetryableError('the region does not answer'));
    await expect(keep(gone)).rejects.toThrow('the region does not answer');
    expect(kept?.until).toBe(NOW + 180_000);
  });

  it('counts a grant that was written and whose message was lost', async () => {
    const lost: AskHolder = (fencing, order) =>
      order.ask === 'extend' ? Promise.reject(new RetryableError('no answer')) : answers(fencing, order);
    await expect(keep(lost)).rejects.toThrow('no answer');
    expect(kept).toMatchObject({ until: NOW + 180_000 });
    expect(kept?.confirmed).toBeUndefined();
  });

  it('grants nothing any more once it was withdrawn, also between its look and its grant', async () => {
    await keep();
    const racing: AskHolder = async (fencing, order) => {
      if (kept) kept = { ...withdrawn(kept, 'run-1'), version: kept.version + 1 };
      return answers(fencing, order);
    };
    asked = [];
    expect(await keep(racing)).toEqual({ kind: 'withdrawn' });
    expect(await keep()).toEqual({ kind: 'withdrawn' });
    expect(asked).toEqual([{ ask: 'look', database: 'orders-db' }]);
    expect(kept).toMatchObject({ state: 'withdrawn', until: NOW + 180_000 });
  });

  it('never brings back what was withdrawn while the database was told', async () => {
    const racing: AskHolder = (fencing, order) => {
      if (order.ask === 'extend' && kept) kept = { ...withdrawn(kept, 'run-1'), version: kept.version + 1 };
      return answers(fencing, order);
    };
    await keep(racing);
    expect(kept).toMatchObject({ state: 'withdrawn', withdrawnBy: 'run-1' });
  });

  it('says what a failover couldn’t rely on: a wrong clock, tables that nobody guards, no guard at all', async () => {
    const late: AskHolder = async () => held(NOW, NOW - 6_000);
    expect(await keep(late)).toMatchObject({ kind: 'kept', weak: expect.stringMatching(/clock is 6 s off/) });
    const open: AskHolder = async () => ({ ...held(NOW), unguarded: ['public.refunds'] });
    expect(await keep(open)).toMatchObject({ weak: expect.stringMatching(/public\.refunds/) });
    const none: AskHolder = async () => ({ kind: 'refused', isNotSetUp: true, why: 'install the guard' });
    expect(await keep(none)).toEqual({ kind: 'not-kept', why: 'install the guard' });
  });

  it('believes what was confirmed no longer once the database says that its guard is gone, until it is confirmed again', async () => {
    await keep();
    expect(whyNotSelfFenced(kept, 5_000)).toBeUndefined();
    const none: AskHolder = async () => ({ kind: 'refused', isNotSetUp: true, why: 'install the guard' });
    await keep(none);
    expect(whyNotSelfFenced(kept, 5_000)).toBe('install the guard');
    await keep();
    expect(whyNotSelfFenced(kept, 5_000)).toBeUndefined();
    expect(kept).not.toHaveProperty('doubt');
  });

  it('is relied on by no failover while somebody else grants the database time, too', async () => {
    await keep();
    const shared: AskHolder = (fencing, order) =>
      order.ask === 'look' ? Promise.resolve(held(NOW + 180_001)) : answers(fencing, order);
    expect(await keep(shared)).toMatchObject({ kind: 'kept', weak: expect.stringMatching(/somebody else grants/) });
    expect(whyNotSelfFenced(kept, 5_000)).toMatch(/somebody else grants/);
    await keep();
    expect(whyNotSelfFenced(kept, 5_000)).toBeUndefined();
  });
});
