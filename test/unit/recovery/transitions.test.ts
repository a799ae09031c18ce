import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Change } from '../../../functions/engine/remediation.ts';
import type { Progress, RunItem } from '../../../functions/recovery/items.ts';
import type { Move, StepContext } from '../../../functions/recovery/step.ts';
import {
  acted,
  begin,
  busyUntil,
  committed,
  frozen,
  idle,
  nextMove,
  overdue,
  thawed,
  withProgress,
} from '../../../functions/recovery/transitions.ts';

const NOW = 1_000_000;
const CHANGE: Change = { summary: 'switch it', before: 'off', after: 'on', undo: 'switch it back' };
const REPORT = { summary: 'switched', data: {} };
const run = (steps: RunItem['steps'] = {}): RunItem => ({
  ...{ plan: 'p', run: 'p-1', version: 1, phase: 'working', input: {}, rehearse: false, startedBy: 'console' },
  ...{ startedAt: NOW, incidentId: 'inc-1', targets: [], about: [], leasedUntil: NOW, steps, frozenMs: 0 },
});
const context = (now: number, rehearse = false): StepContext<object> => ({
  ...{ run: 'p-1', input: {}, rehearse, startedAt: NOW, lastChangeAt: 0, now: () => now, remaining: () => 1 },
  results: {},
  config: {} as never,
  store: {} as never,
});
const move = (change: Partial<Move<object, string>> = {}): Move<object, string> => ({
  decide: (seen) => (seen === 'on' ? { kind: 'done', detail: 'is on' } : { kind: 'act', change: CHANGE }),
  act: async () => REPORT,
  alreadyApplied: (_change, seen) => (seen === 'on' ? 'yes' : seen === 'off' ? 'no' : 'unclear'),
  verify: (_change, seen) =>
    seen === 'on' ? { kind: 'good', detail: 'is on' } : { kind: 'not-yet', detail: 'is not on yet', seconds: 5 },
  ...change,
});
const fresh = begin(NOW, 60);
const intended: Progress = committed(fresh, CHANGE, { requestId: 'r', busyUntil: NOW + 35_000 });

describe('a step whose time has been over for a whole turn', () => {
  const late = fresh.deadlineAt + 30_000;

  it('fails without another look, and says what it said last', () => {
    expect(overdue({ ...fresh, note: 'it is starting' }, 'fail', late, 30_000)).toEqual({
      kind: 'fail',
      reason: 'not done within its time budget of 60 s; it last said: it is starting',
    });
    expect(overdue(fresh, 'go-on', late, 30_000)).toMatchObject({ kind: 'done', isOfNoHelp: true });
  });

  it('is looked at still when it made a change, or that was less than a turn ago', () => {
    expect(overdue(fresh, 'fail', late - 1, 30_000)).toBeUndefined();
    expect(overdue(intended, 'fail', late, 30_000)).toBeUndefined();
  });
});

describe('what a step does next', () => {
  const next = (progress: Progress, seen: string, options: Parameters<typeof nextMove>[2] = {}, late = false) =>
    nextMove(progress, move(), options, seen, context(late ? progress.deadlineAt : NOW + 1));

  it('is nothing where nothing is wrong', () => {
    expect(next(fresh, 'on')).toEqual({ kind: 'done', detail: 'is on' });
  });

  it('is to write its change down before it makes it', () => {
    expect(next(fresh, 'off')).toEqual({ kind: 'commit', change: CHANGE });
  });

  it('is to make a change again only when it is seen not to have happened', () => {
    expect(next(intended, 'off')).toEqual({ kind: 'act-again', change: CHANGE });
    expect(next(intended, 'on')).toEqual({ kind: 'was-applied', change: CHANGE });
    expect(next(intended, 'half')).toMatchObject({ kind: 'fail', reason: expect.stringMatching(/can't be told/) });
  });

  it('is to wait for the proof of what was done', () => {
    const done = acted(intended, REPORT, NOW + 1);
    expect(next(done, 'off')).toMatchObject({ kind: 'wait', seconds: 5 });
    expect(next(done, 'on')).toEqual({ kind: 'done', detail: 'is on' });
  });

  it('is to fail once its budget is over, to say what it waited for, and never to begin a change then', () => {
    const done = acted(intended, REPORT, NOW + 1);
    expect(next(done, 'off', {}, true)).toEqual({
      kind: 'fail',
      reason: 'not done within its time budget of 60 s; it waited for this: is not on yet',
    });
    expect(next(fresh, 'off', {}, true).kind).toBe('fail');
    expect(next(intended, 'off', {}, true).kind).toBe('fail');
    expect(next(done, 'on', {}, true).kind).toBe('done');
  });

  it('is to leave the rest to the next step, where the plan says so, but never an unfinished change', () => {
    const done = acted(intended, REPORT, NOW + 1);
    expect(next(done, 'off', { whenLate: 'go-on' }, true)).toMatchObject({ kind: 'done' });
    expect(next(intended, 'off', { whenLate: 'go-on' }, true)).toMatchObject({ kind: 'fail' });
    const bad = move({ verify: () => ({ kind: 'bad', detail: 'it is worse' }) });
    expect(nextMove(done, bad, { whenLate: 'go-on' }, 'off', context(NOW)).kind).toBe('done');
    expect(nextMove(done, bad, {}, 'off', context(NOW))).toEqual({ kind: 'fail', reason: 'it is worse' });
  });

  it('is only told in a rehearsal, unless the step makes what nobody uses', () => {
    const rehearsed = (options: Parameters<typeof nextMove>[2]) =>
      nextMove(fresh, move(), options, 'off', context(NOW, true));
    expect(rehearsed({})).toEqual({ kind: 'done', detail: 'a rehearsal: would switch it' });
    expect(rehearsed({ rehearsal: 'act' })).toEqual({ kind: 'commit', change: CHANGE });
  });
});

describe('a frozen run', () => {
  it('has every budget that was running lengthened by the time it was frozen, and no other', () => {
    fc.assert(
      fc.property(fc.nat(1_000_000), fc.nat(1_000_000), (noticed, awayMs) => {
        const open = withProgress(run(), 'open', 'forward', fresh, 'begun');
        const both = withProgress(open, 'over', 'forward', { ...fresh, endedAt: NOW }, 'done');
        const at = NOW + noticed;
        const back = thawed(frozen(frozen(both, at), at + 1), at + awayMs);
        expect(back.steps.open?.forward?.deadlineAt).toBe(fresh.deadlineAt + awayMs);
        expect(back.steps.over?.forward?.deadlineAt).toBe(fresh.deadlineAt);
        expect([back.frozenMs, back.frozenSince]).toEqual([awayMs, undefined]);
      }),
    );
  });

  it('that was not frozen is left as it is', () => {
    expect(thawed(run(), NOW)).toEqual(run());
  });
});

it('a run is busy until the last function that may be making a change is gone', () => {
  const one = withProgress(run(), 'one', 'forward', intended, 'begun');
  expect(busyUntil(one, NOW)).toBe(NOW + 35_000);
  expect(busyUntil(one, NOW + 35_000)).toBeUndefined();
  expect(busyUntil(withProgress(one, 'one', 'forward', idle(intended), 'begun'), NOW)).toBeUndefined();
});
