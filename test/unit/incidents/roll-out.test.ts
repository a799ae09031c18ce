import { describe, expect, it } from '@jest/globals';
import type { EntryKind, JournalEntry } from '../../../events/journal.ts';
import {
  type Fate,
  fateOf,
  planRollOut,
  type RollOut,
  type RollOutStep,
  type Waiting,
} from '../../../functions/incidents/reconciler/roll-out.ts';
import { NOW } from '../../support/fixtures.ts';

const limits = { above: 5, stopForMs: 3_600_000, now: NOW };
const waiting = (count: number, from = 1): Waiting[] =>
  Array.from({ length: count }, (_, index) => ({
    target: `t${from + index}`,
    incidentId: `i${from + index}`,
    openedAt: NOW - 60_000,
  }));
const fates = (each: Readonly<Record<string, Fate['kind']>>) =>
  new Map(
    Object.entries(each).map(([target, kind]): [string, Fate] => [
      target,
      kind === 'failed' ? { kind, why: 'still firing' } : { kind },
    ]),
  );
const watched = (...targets: readonly string[]) =>
  Object.fromEntries(targets.map((target) => [target, { at: NOW - 1, incidentId: target.replace('t', 'i') }]));
const under = (change: Partial<RollOut>): RollOut => ({
  stage: 'first',
  startedAt: NOW - 1000,
  total: 30,
  watched: {},
  proved: 0,
  putOff: [],
  ...change,
});
const names = ({ release }: RollOutStep) => release.map(({ target }) => target);

describe('targets that wait for the same runbook', () => {
  it.each<[string, number, number, string | undefined]>([
    ['none: nothing is let go', 0, 0, undefined],
    ['as many as the limit: all of them', 5, 5, undefined],
    ['one more than the limit: one of them', 6, 1, 'first'],
    ['many: one of them', 200, 1, 'first'],
  ])('%s', (_, count, released, stage) => {
    const step = planRollOut(undefined, waiting(count), new Map(), limits);
    expect(step.release).toEqual(waiting(count).slice(0, released));
    expect(step.next?.stage).toBe(stage);
    expect(step.page).toBeUndefined();
  });
});

describe('a roll-out', () => {
  const first = under({ watched: watched('t1') });
  const tenth = under({ stage: 'tenth', watched: watched('t2', 't3', 't4') });

  it.each<[string, RollOut, number, Parameters<typeof fates>[0], readonly string[], string | undefined]>([
    ['waits for the first', first, 29, { t1: 'waits' }, [], 'first'],
    ['waits for the first whose fate is not known', first, 29, {}, [], 'first'],
    ['goes on with a tenth when the first is proved', first, 29, { t1: 'proved' }, ['t2', 't3', 't4'], 'tenth'],
    ['tries another first when the first was put off', first, 29, { t1: 'put-off' }, ['t2'], 'first'],
    ['is over when nobody waits any more', first, 0, { t1: 'proved' }, [], undefined],
    ['waits for the whole tenth', tenth, 3, { t2: 'proved', t3: 'waits', t4: 'proved' }, [], 'tenth'],
    [
      'lets the rest go when one of the tenth is proved and none failed',
      tenth,
      3,
      { t2: 'proved', t3: 'put-off', t4: 'put-off' },
      ['t2', 't3', 't4'],
      'rest',
    ],
    [
      'tries others when the whole tenth was put off',
      under({ ...tenth, watched: watched('t12', 't13', 't14') }),
      9,
      { t12: 'put-off', t13: 'put-off', t14: 'put-off' },
      ['t2', 't3', 't4'],
      'tenth',
    ],
    [
      'lets go what comes late with the rest, but nothing twice',
      under({ stage: 'rest', watched: watched('t2') }),
      3,
      { t2: 'waits' },
      ['t3', 't4'],
      'rest',
    ],
    [
      'is over when the rest is done',
      under({ stage: 'rest', watched: watched('t9') }),
      0,
      { t9: 'proved' },
      [],
      undefined,
    ],
    [
      'is not over while one of the rest is watched',
      under({ stage: 'rest', watched: watched('t9') }),
      0,
      {},
      [],
      'rest',
    ],
  ])('%s', (_, rollOut, count, known, released, stage) => {
    const step = planRollOut(rollOut, waiting(count, 2), fates(known), limits);
    expect(names(step)).toEqual(released);
    expect(step.next?.stage).toBe(stage);
    expect(step.page).toBeUndefined();
  });

  it.each<[string, RollOut, Parameters<typeof fates>[0]]>([
    ['the first', first, { t1: 'failed' }],
    [
      'one of the tenth, although others are proved',
      under({ ...tenth, watched: watched('t1', 't2') }),
      { t2: 'proved', t1: 'failed' },
    ],
    ['one of the rest', under({ stage: 'rest', watched: watched('t1', 't2') }), { t1: 'failed' }],
  ])('stops and calls a person when the verification failed of %s', (_, rollOut, known) => {
    const step = planRollOut(rollOut, waiting(20, 2), fates(known), limits);
    expect(step).toMatchObject({
      release: [],
      page: { target: 't1', incidentId: 'i1', why: 'still firing' },
      next: { stopped: { until: NOW + 3_600_000, target: 't1' } },
    });
  });

  it('that was stopped lets nothing go until its time, and begins again with one', () => {
    const stopped = under({ stage: 'rest', stopped: { until: NOW, target: 't1', why: 'still firing' } });
    const early = planRollOut(stopped, waiting(3), new Map(), { ...limits, now: NOW - 1 });
    expect(early).toEqual({ next: stopped, release: [] });
    const again = planRollOut(stopped, waiting(3), new Map(), limits);
    expect(names(again)).toEqual(['t1']);
    expect(again.next).toMatchObject({ stage: 'first', total: 3 });
    expect(again.next?.stopped).toBeUndefined();
  });

  it('puts everybody’s turn after all: the last one that was put off is tried again when there is no other', () => {
    const step = planRollOut(under({ watched: watched('t1') }), waiting(1), fates({ t1: 'put-off' }), limits);
    expect(names(step)).toEqual(['t1']);
  });

  it('does not let a later storm go with the rest of an earlier one: it begins with one when that is over', () => {
    const later = waiting(20, 100).map((each) => ({ ...each, openedAt: NOW - 500 }));
    const rest = under({ stage: 'rest', watched: watched('t1') });
    const mixed = planRollOut(rest, [...waiting(2, 2), ...later], new Map(), limits);
    expect(names(mixed)).toEqual(['t2', 't3']);
    const over = planRollOut(rest, later, fates({ t1: 'proved' }), limits);
    expect(names(over)).toEqual(['t100']);
    expect(over.next).toMatchObject({ stage: 'first', total: 20, startedAt: NOW });
    // A few strays aren't worth a roll-out.
    expect(names(planRollOut(rest, later.slice(0, 5), new Map(), limits))).toHaveLength(5);
  });

  it('of 200 targets takes one, 20, and then the rest', () => {
    let left = waiting(200);
    let rollOut: RollOut | undefined;
    const sizes: number[] = [];
    do {
      const known = fates(Object.fromEntries(Object.keys(rollOut?.watched ?? {}).map((target) => [target, 'proved'])));
      const step: RollOutStep = planRollOut(rollOut, left, known, limits);
      left = left.filter(({ target }) => !names(step).includes(target));
      rollOut = step.next;
      sizes.push(step.release.length);
    } while (rollOut);
    expect(sizes).toEqual([1, 20, 179, 0]);
  });
});

describe('what came of a target that was let go', () => {
  const released = { at: NOW, incidentId: 'i1' };
  const line = (kind: EntryKind, seconds: number, actionId = 'act-1'): JournalEntry => ({
    id: `${kind}-${seconds}`,
    incidentId: 'i1',
    at: new Date(NOW + seconds * 1000).toISOString(),
    kind,
    by: 'test',
    summary: kind,
    data:
      kind === 'intent' || kind === 'not-verified' || kind === 'act-failed' || kind === 'escalated' ? { actionId } : {},
  });
  const called = (seconds: number): JournalEntry => ({ ...line('escalated', seconds), data: {} });

  it.each<[string, readonly JournalEntry[], Fate['kind']]>([
    ['nothing yet', [], 'waits'],
    ['nothing since', [line('decided', -1), line('not-verified', -3), line('escalated', -2)], 'waits'],
    ['at work', [line('intent', 1), line('acted', 2)], 'waits'],
    ['verified', [line('intent', 1), line('acted', 2), line('verified', 3), line('resolved', 4)], 'proved'],
    ['not verified, and a person called', [line('intent', 1), line('not-verified', 3), line('escalated', 4)], 'failed'],
    ['could not be changed', [line('intent', 1), line('act-failed', 2), line('escalated', 3)], 'failed'],
    [
      'followed by another change because it still fired',
      [line('intent', 1), line('intent', 5, 'act-2'), line('not-verified', 6), line('acted', 7)],
      'waits',
    ],
    [
      'told a person beforehand that it still fires',
      [line('intent', 5, 'act-2'), line('escalated', 5, 'act-2'), line('not-verified', 6), line('acted', 7)],
      'waits',
    ],
    [
      'not verified, and the next rung takes over',
      [line('intent', 1), line('not-verified', 3), line('handed-on', 3)],
      'failed',
    ],
    ['handed on without a change', [line('handed-on', 1)], 'put-off'],
    [
      'what another remediation did on the same target',
      [line('intent', 1), line('verified', 3)].map((each) => ({ ...each, by: 'another' })),
      'waits',
    ],
    ['refused', [line('decided', 1)], 'put-off'],
    ['a person called instead', [called(1)], 'put-off'],
    ['left as it is', [line('intent', 1), line('left-as-is', 2)], 'put-off'],
    ['quiet by itself', [line('alarm-ok', 1), line('resolved', 2)], 'put-off'],
  ])('%s', (_, timeline, kind) => {
    expect(fateOf(timeline, 'test', released, NOW + 60_000, NOW + 10_000).kind).toBe(kind);
  });

  it('is that it was put off, when nobody ever looked', () => {
    expect(fateOf([], 'test', released, NOW + 60_000, NOW + 59_999).kind).toBe('waits');
    expect(fateOf([], 'test', released, NOW + 60_000, NOW + 60_000).kind).toBe('put-off');
  });

  it('is a failure when an hour later nobody knows', () => {
    const [giveUpAt, hour] = [NOW + 60_000, 3_600_000];
    expect(fateOf([line('intent', 1)], 'test', released, giveUpAt, giveUpAt + hour - 1).kind).toBe('waits');
    expect(fateOf([line('intent', 1)], 'test', released, giveUpAt, giveUpAt + hour).kind).toBe('failed');
  });
});
