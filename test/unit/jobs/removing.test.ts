/** What jobs remove: scratch instances and old backups. Pure decisions. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { askedSnapshotIdOf, type KeptSnapshot } from '../../../functions/databases/snapshot-id.ts';
import type { Store } from '../../../functions/engine/store.ts';
import {
  afterPlace,
  MOST_REMOVED,
  mostRemoved,
  nextStep as prune,
  type View,
} from '../../../functions/jobs/prune-backups/decide.ts';
import { removeEach, whyLater } from '../../../functions/jobs/prune-backups/handler.ts';
import { scratchIdOf, scratchTags } from '../../../functions/jobs/scratch-id.ts';
import { claimed, type Seen, nextStep as sweep } from '../../../functions/jobs/sweep-scratch/decide.ts';
import { lastProofs } from '../../../functions/jobs/verify-backup/history.ts';

const NOW = Date.parse('2026-11-21T12:00:00Z');
const DAY = 24 * 3_600_000;

describe('sweep-scratch', () => {
  const run = { job: 'verify-backup', subject: 'orders-db', scheduledAt: '2026-11-21T04:00:00Z' };
  const seen = (leaseUntil: number, isKnown = true, tags = scratchTags('main', run, leaseUntil)): Seen => ({
    ...claimed('main', { id: scratchIdOf('main', run), status: 'available', endpoint: undefined, tags }),
    isKnown,
  });
  const id = scratchIdOf('main', run);

  it('writes down what is over its lease, then removes it, and has passed when it is gone', () => {
    const first = sweep({ found: [] }, [seen(NOW)], NOW);
    expect(first).toMatchObject({ kind: 'wait', state: { found: [id] } });
    expect(sweep({ found: [id] }, [seen(NOW)], NOW)).toMatchObject({ kind: 'remove', scratch: [{ id }] });
    expect(sweep({ found: [id] }, [], NOW)).toMatchObject({ verdict: { kind: 'passed', report: { removed: [id] } } });
  });

  it('removes nothing before its lease is over, nothing that the journal does not know, nothing with other tags', () => {
    expect(sweep({ found: [] }, [seen(NOW + 1)], NOW)).toMatchObject({ verdict: { kind: 'passed' } });
    expect(sweep({ found: [] }, [seen(NOW, false)], NOW)).toMatchObject({ verdict: { check: 'unknown' } });
    const other = seen(NOW, true, scratchTags('other', run, NOW));
    expect(sweep({ found: [] }, [other], NOW)).toMatchObject({ verdict: { check: 'unknown' } });
    // Not even what was written down: it is looked at again.
    expect(sweep({ found: [id] }, [other], NOW)).toMatchObject({ verdict: { check: 'unknown' } });
  });
});

describe('prune-backups', () => {
  const backup = {
    ...{ recoveryPointSeconds: 86_400, pointInTimeRecovery: true },
    ...{ keepDays: 1, keepWeeks: 0, keepMonths: 0, keepAtLeast: 1 },
  };
  const policy = { backup, madeBy: 'main', prefix: 'nightshift-main-orders-' };
  const made = (name: string, ageDays: number, more: Partial<KeptSnapshot> = {}): KeptSnapshot => ({
    id: `nightshift-main-orders-${name}`,
    status: 'available',
    encrypted: true,
    sizeGib: 20,
    progressPercent: 100,
    takenAt: NOW - ageDays * DAY,
    isAutomated: false,
    instanceResourceId: 'db-A',
    madeBy: 'main',
    ...more,
  });
  const view = (
    snapshots: readonly KeptSnapshot[],
    verified: readonly string[],
    failed: readonly string[] = [],
  ): View => ({
    snapshots,
    proofs: {
      verified: new Map(verified.map((name) => [`nightshift-main-orders-${name}`, NOW])),
      failed: new Set(failed.map((name) => `nightshift-main-orders-${name}`)),
    },
    instanceResourceId: 'db-A',
  });
  const many = Array.from({ length: 30 }, (_, age) => made(`day-${age}`, age + 0.1));

  it('plans at most so many, the oldest first, and removes only what a new plan still allows', () => {
    const planned = prune({ planned: null }, view(many, ['day-0']), policy, NOW);
    if (planned.kind !== 'wait') throw new Error(`expected a plan, found ${planned.kind}`);
    expect(planned.state.planned).toHaveLength(MOST_REMOVED);
    expect(planned.state.planned?.[0]).toBe('nightshift-main-orders-day-29');
    // Meanwhile the verified one failed, and an older one is the last that is known to be good.
    const again = prune(planned.state, view(many, ['day-25']), policy, NOW);
    expect(again).toMatchObject({
      kind: 'remove',
      ids: [29, 28, 27, 26].map((age) => `nightshift-main-orders-day-${age}`),
    });
  });

  it('tells what lay in the store: how much, whose, how old', () => {
    const all = [
      made('new', 0.1),
      made('old', 40, { madeBy: 'other', sizeGib: 30 }),
      made('by-hand', 3, { madeBy: undefined }),
      made('rds', 1, { isAutomated: true, madeBy: undefined }),
    ];
    const iso = (ageDays: number) => new Date(NOW - ageDays * DAY).toISOString();
    expect(prune({ planned: null }, view(all, ['new']), policy, NOW)).toMatchObject({
      verdict: {
        report: { stored: { ours: 1, others: 2, automated: 1, atMostGib: 70, oldest: iso(40), newest: iso(0.1) } },
      },
    });
    const none = prune({ planned: null }, view([made('old', 40)], ['old']), policy, NOW);
    expect(none).toMatchObject({ verdict: { kind: 'failed', report: { stored: { ours: 1, oldest: iso(40) } } } });
  });

  it('removes more in one run where more are made in a day', () => {
    const of = (recoveryPointSeconds: number) => mostRemoved({ pointInTimeRecovery: false, recoveryPointSeconds });
    expect([of(86_400), of(4 * 3600), of(3600)]).toEqual([10, 12, 48]);
  });

  it('takes what is named otherwise, or is of another instance that had the name, for somebody else’s', () => {
    const foreign = [
      made('x', 20, { id: 'nightshift-other-orders-x' }),
      made('y', 20, { instanceResourceId: 'db-B' }),
      made('z', 20, { madeBy: undefined }),
      made('w', 20, { isAutomated: true }),
      made('v', 20, { copyOf: 'arn:aws:rds:eu-west-1:123456789012:snapshot:nightshift-main-orders-v' }),
    ];
    const now = prune({ planned: null }, view([made('new', 0), ...foreign], ['new']), policy, NOW);
    expect(now).toMatchObject({ verdict: { kind: 'passed', report: { removed: [] } } });
  });

  it('lets one go that is known to be bad, and one that failed without a time of its own', () => {
    const bad = made('bad', 3);
    const failed = made('2026-11-18-02-00', 3, { status: 'failed', takenAt: undefined });
    const asked = { ...failed, id: askedSnapshotIdOf('main', 'orders', '2026-11-18T02:00:42Z') };
    const all = view([made('new', 0.1), bad, failed, asked], ['new'], ['bad']);
    const least = { ...policy, backup: { ...backup, keepWeeks: 4, keepAtLeast: 2 } };
    expect(prune({ planned: null }, all, least, NOW)).toMatchObject({
      kind: 'wait',
      state: { planned: expect.arrayContaining([bad.id, failed.id, asked.id]) },
    });
  });

  it('removes nothing and says why when no backup is verified', () => {
    expect(prune({ planned: null }, view(many, []), policy, NOW)).toMatchObject({
      verdict: { kind: 'failed', check: 'halted' },
    });
  });

  it('takes a copy for ours only where it is of our snapshot of the same name and of this instance', () => {
    const copyOf = (id: string) => `arn:aws:rds:us-east-1:123456789012:snapshot:${id}`;
    const copied = (name: string, ageDays: number, more: Partial<KeptSnapshot> = {}) => {
      const found = made(name, ageDays, { instanceResourceId: undefined, copiedInstance: 'db-A', ...more });
      return { copyOf: copyOf(found.id), ...found };
    };
    const of = (snapshots: readonly KeptSnapshot[]) =>
      prune({ planned: null }, { ...view(snapshots, ['new']), copiedFrom: 'us-east-1' }, policy, NOW);
    const old = copied('old', 5);
    expect(of([copied('new', 0.1), old])).toMatchObject({ kind: 'wait', state: { planned: [old.id] } });
    const own = { kind: 'passed' as const, summary: 'none', report: {} };
    const both = { ...view([copied('new', 0.1), old], ['new']), copiedFrom: 'us-east-1' };
    expect(prune({ planned: null, own }, both, policy, NOW)).toMatchObject({ state: { planned: [old.id], own } });
    const foreign = [
      made('no-copy', 5),
      copied('other-name', 5, { copyOf: copyOf('something-else') }),
      copied('other-region', 5, {
        copyOf: copyOf('nightshift-main-orders-other-region').replace('us-east-1', 'eu-west-1'),
      }),
      copied('other-instance', 5, { copiedInstance: 'db-B' }),
      copied('unknown-instance', 5, { copiedInstance: undefined }),
      copied('other-deployment', 5, { madeBy: 'other' }),
    ];
    expect(of([copied('new', 0.1), ...foreign])).toMatchObject({
      verdict: { kind: 'passed', report: { removed: [] } },
    });
    // Also when the instance is gone, and nothing tells which one it was.
    const gone = {
      ...view([copied('new', 0.1), ...foreign], ['new']),
      copiedFrom: 'us-east-1',
      instanceResourceId: undefined,
    };
    expect(prune({ planned: null }, gone, policy, NOW)).toMatchObject({
      kind: 'wait',
      state: { planned: ['nightshift-main-orders-other-instance'] },
    });
  });

  it('goes on with the copies, whatever came of the own region, and tells of both', () => {
    const own = { kind: 'failed' as const, check: 'halted', summary: 'nothing is removed', report: { removed: [] } };
    const copies = { kind: 'passed' as const, summary: '1 backups removed', report: { removed: ['x'] } };
    expect(afterPlace({ planned: ['a'] }, own, undefined)).toMatchObject({ kind: 'verdict', verdict: own });
    const next = afterPlace({ planned: ['a'] }, own, 'us-west-2');
    expect(next).toMatchObject({ kind: 'wait', state: { planned: null, own } });
    expect(afterPlace(next.state, copies, 'us-west-2')).toMatchObject({
      verdict: {
        kind: 'failed',
        check: 'halted',
        summary: 'nothing is removed; of the copies in us-west-2: 1 backups removed',
        report: { removed: [], copies: { removed: ['x'] } },
      },
    });
  });

  it('never removes the last verified backup nor anything foreign, whatever there is and whatever was planned', () => {
    const any = fc.record({
      age: fc.integer({ min: 0, max: 12 }),
      madeBy: fc.constantFrom('main', 'main', 'main', 'other', undefined),
      status: fc.constantFrom('available', 'available', 'available', 'failed', 'creating', 'deleting'),
      instanceResourceId: fc.constantFrom('db-A', 'db-A', 'db-A', 'db-B'),
      isVerified: fc.boolean(),
    });
    let removals = 0;
    fc.assert(
      fc.property(fc.array(any, { maxLength: 20 }), (list) => {
        const all = list.map(({ age, isVerified: _, ...more }, at) => made(`b${at}`, age, more));
        const verified = list.flatMap(({ isVerified }, at) => (isVerified ? [`b${at}`] : []));
        const next = prune({ planned: all.map(({ id }) => id) }, view(all, verified), policy, NOW);
        if (next.kind !== 'remove' || next.ids.length === 0) return;
        removals += next.ids.length;
        const mine = all.filter((each) => each.madeBy === 'main' && each.instanceResourceId === 'db-A');
        const last = mine
          .filter(({ id, status }) => status === 'available' && verified.some((name) => id.endsWith(`-${name}`)))
          .sort((a, b) => (b.takenAt ?? 0) - (a.takenAt ?? 0))[0];
        expect(last).toBeDefined();
        for (const id of next.ids) {
          expect(mine.map((each) => each.id)).toContain(id);
          expect(mine.find((each) => each.id === id)?.takenAt).toBeLessThanOrEqual(last?.takenAt ?? 0);
          expect(id).not.toBe(last?.id);
        }
      }),
      { numRuns: 500 },
    );
    expect(removals).toBeGreaterThan(0);
  });
});

describe('removing one backup after the other', () => {
  const store = (state: string) => ({ read: async () => ({ state }) }) as unknown as Store;

  it('stops before the next one once Nightshift is stopped or the time of the function is nearly over', async () => {
    const long = () => 60_000;
    expect(await whyLater({ store: store('run'), remaining: long })).toBeUndefined();
    for (const state of ['pause', 'freeze'])
      expect(await whyLater({ store: store(state), remaining: long })).toMatchObject({
        note: `Nightshift is set to ${state}`,
      });
    expect(await whyLater({ store: store('run'), remaining: () => 15_000 })).toMatchObject({ seconds: 1 });
  });

  it('asks before each', async () => {
    const removed: string[] = [];
    let state = 'run';
    const later = await removeEach(
      ['a', 'b', 'c'],
      () => whyLater({ store: store(state), remaining: () => 60_000 }),
      async (id) => {
        removed.push(id);
        if (id === 'b') state = 'freeze';
      },
    );
    expect([removed, later?.note]).toEqual([['a', 'b'], 'Nightshift is set to freeze']);
  });
});

describe('which backups are verified', () => {
  it('is what the last run about each says', () => {
    const of = (kind: 'passed' | 'failed', snapshotId: string, endedAt: number) => ({
      verdict: { kind, summary: '', report: { snapshotId } },
      endedAt,
    });
    const runs = [of('failed', 'a', 4), of('passed', 'b', 3), of('passed', 'a', 2), of('failed', 'b', 1)];
    expect([...lastProofs(runs).verified]).toEqual([['b', 3]]);
    expect([...lastProofs(runs).failed]).toEqual(['a']);
  });

  it('is not changed by what is no fault of the backup', () => {
    const failed = (check: string, more: readonly { check: string; ok: boolean }[], endedAt: number) => ({
      verdict: { kind: 'failed' as const, check, summary: '', report: { snapshotId: 'a', findings: [...more] } },
      endedAt,
    });
    const passed = { verdict: { kind: 'passed' as const, summary: '', report: { snapshotId: 'a' } }, endedAt: 1 };
    const old = failed('age', [{ check: 'age', ok: false }], 2);
    const left = failed('clean-up', [{ check: 'rows', ok: true }], 2);
    for (const run of [old, left]) expect([...lastProofs([run, passed]).verified]).toEqual([['a', 1]]);
    const bad = failed('clean-up', [{ check: 'rows', ok: false }], 2);
    const both = failed(
      'age',
      [
        { check: 'age', ok: false },
        { check: 'rows', ok: false },
      ],
      2,
    );
    for (const run of [bad, both]) expect([...lastProofs([run, passed]).failed]).toEqual(['a']);
  });
});
