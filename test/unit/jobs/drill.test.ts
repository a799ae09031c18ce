/** When a drill begins, what is asked of it, and that nothing of it stays behind. */
import { describe, expect, it } from '@jest/globals';
import {
  type AlarmSeen,
  type Known,
  nextCleaning,
  type Rehearsal,
  redBy,
  type State,
  timeIn,
  usualMs,
  WAITS_MS,
  whileFollowing,
  whileWaiting,
} from '../../../functions/jobs/drill/decide.ts';
import { executionOf } from '../../../functions/jobs/drill/execution.ts';
import { runOf } from '../../../functions/recovery/order.ts';
import { config } from '../../support/fixtures.ts';

const RUN = { job: 'drill', subject: 'orders', scheduledAt: '2026-11-03T10:00:00Z' };
const DUE = Date.parse(RUN.scheduledAt);
const waiting: State = { plan: 'database-restore', phase: 'waits', attempt: 0, refused: 0, startedAt: 0 };
const following: State = { ...waiting, phase: 'follows', attempt: 1, startedAt: DUE };
const known: Known = {
  ...{ plan: 'database-restore', execution: 'drill-orders-1', recheckAfterSeconds: 600, earlierMs: [] },
  since: DUE,
};
const times = { since: DUE, now: DUE, recheckAfterSeconds: 600 };

const incident = {
  id: 'inc-1',
  state: 'open',
  severity: 'P2',
  target: 'ecs-service/orders/backend',
  title: 'sick',
} as const;
const ended = (more: Partial<Rehearsal> = {}): Rehearsal => ({
  phase: 'ended',
  verdict: 'rehearsed',
  incidentId: 'inc-2',
  figures: { recoveryTimeMs: 300_000, frozenMs: 0, targetRecoveryTimeMs: 900_000 },
  ...more,
});
const took = (recoveryTimeMs: number, more: Partial<NonNullable<Rehearsal['figures']>> = {}) =>
  ended({ figures: { recoveryTimeMs, frozenMs: 0, targetRecoveryTimeMs: 900_000, ...more } });
const verdictOf = (rehearsal: Rehearsal, more: Partial<Known> = {}) => {
  const step = whileFollowing(following, rehearsal, { ...known, ...more }, DUE);
  return step.kind === 'verdict' ? step.verdict : undefined;
};

describe('nothing is rehearsed while something is red', () => {
  const alarm = (more: Partial<AlarmSeen> = {}): AlarmSeen => ({
    ...{
      name: 'backend-cpu',
      description: 'P2. Busy.',
      dimensions: [{}, { ClusterName: 'orders', ServiceName: 'backend' }],
    },
    ...more,
  });

  it.each([
    ['an open incident', redBy([incident], [], config), 1],
    ['an incident that waits for a person', redBy([{ ...incident, state: 'escalated' }], [], config), 1],
    ['one that is over', redBy([{ ...incident, state: 'resolved' }], [], config), 0],
    ['advice', redBy([{ ...incident, severity: 'P4' }], [], config), 0],
    ['what an earlier drill found', redBy([{ ...incident, target: 'job/drill/orders' }], [], config), 0],
    ['what another job found', redBy([{ ...incident, target: 'job/verify-backup/orders-db' }], [], config), 1],
    ['an alarm of a service', redBy([], [alarm()], config), 1],
    ['an alarm of a database', redBy([], [alarm({ dimensions: [{ DBInstanceIdentifier: 'orders-db' }] })], config), 1],
    ['an alarm of a stranger', redBy([], [alarm({ dimensions: [{ DBInstanceIdentifier: 'other' }] })], config), 0],
    ['an alarm about nothing', redBy([], [alarm({ dimensions: [] })], config), 0],
    ['an alarm of advice', redBy([], [alarm({ description: 'P4. It idles.' })], config), 0],
    ['auto scaling’s own', redBy([], [alarm({ name: 'TargetTracking-service/orders/backend-AlarmLow' })], config), 0],
  ])('%s', (_what, red, count) => {
    expect(red).toHaveLength(count);
  });

  it('it is looked again, and a person is told when it stays so for twelve hours', () => {
    expect(whileWaiting(waiting, ['P2 sick'], times)).toMatchObject({ kind: 'wait', seconds: 600, state: waiting });
    const late = whileWaiting(waiting, ['P2 sick'], { ...times, now: DUE + WAITS_MS });
    expect(late).toMatchObject({ kind: 'verdict', verdict: { kind: 'failed', check: 'red' } });
  });

  it('is begun once it is well, under a name that is the same on every delivery and never taken for a second execution', () => {
    const step = whileWaiting(waiting, [], times);
    expect(step).toMatchObject({ kind: 'wait', state: { phase: 'starts', attempt: 1 } });
    const name = executionOf(RUN, { attempt: 1 });
    expect([name, name.length <= 80, runOf(name)]).toEqual([executionOf({ ...RUN }, { attempt: 1 }), true, name]);
    expect(executionOf({ ...RUN, subject: 'x'.repeat(32) }, { attempt: 100 }).length).toBeLessThanOrEqual(78);
    expect(executionOf(RUN, { attempt: 2 })).not.toBe(name);
    expect(executionOf({ ...RUN, scheduledAt: '2026-12-01T10:00:00Z' }, { attempt: 1 })).not.toBe(name);
  });
});

describe('a rehearsal', () => {
  it('that keeps its targets passes, and says what it took', () => {
    expect(verdictOf(took(300_000, { dataLossMs: 60_000, targetDataLossMs: 86_400_000 }))).toMatchObject({
      kind: 'passed',
      summary: 'database-restore took 300.0 s of 900.0 s; 60.0 s of data would have been lost',
      report: { recoveryTimeMs: 300_000, dataLossMs: 60_000, incidentId: 'inc-2' },
    });
    expect(verdictOf(took(300_000, { dataLossMs: null }))?.summary).toMatch(/is unknown/);
  });

  it.each([
    ['recovery-time', took(900_001), {}],
    ['data-loss', took(1_000, { dataLossMs: 2_000, targetDataLossMs: 1_000 }), {}],
    ['regression', took(460_000), { earlierMs: [300_000, 310_000, 290_000] }],
    ['rehearsal', ended({ verdict: 'backed-out', summary: 'backed out: check: no rows' }), {}],
    ['rehearsal', ended({ verdict: 'needs-person', summary: 'needs a person' }), {}],
    ['rehearsal', ended({ verdict: 'backed-out', stop: { by: 'person:jane', reason: 'busy' } }), {}],
  ])('fails, by %s', (check, rehearsal, more) => {
    expect(verdictOf(rehearsal, more)).toMatchObject({ kind: 'failed', check });
  });

  it('isn’t slower than usual by chance: by less than half, by less than a minute, or than one that was quick', () => {
    expect(verdictOf(took(440_000), { earlierMs: [300_000] })).toMatchObject({ kind: 'passed' });
    expect(verdictOf(took(20_000), { earlierMs: [2_000] })).toMatchObject({ kind: 'passed' });
    expect(verdictOf(took(440_000), { earlierMs: [10_000, 400_000, 410_000] })).toMatchObject({ kind: 'passed' });
    expect([usualMs([]), usualMs([5]), usualMs([1, 9, 2, 8, 3, 100, 100])]).toEqual([undefined, 5, 3]);
  });

  it('doesn’t count the time for which it was frozen', () => {
    expect(verdictOf(took(1_000_000, { frozenMs: 800_000 }))?.report.recoveryTimeMs).toBe(200_000);
  });

  it('is a run where the plan is a chore: it has passed when the plan came to its end, and a rehearsal has not', () => {
    const real: State = { ...following, forReal: true };
    const told = (rehearsal: Rehearsal) => {
      const step = whileFollowing(real, rehearsal, known, DUE);
      return step.kind === 'verdict'
        ? [step.verdict.kind, step.verdict.check, timeIn(step.verdict.report, real)]
        : step.note;
    };
    expect(told(ended({ verdict: 'recovered' }))).toEqual(['passed', undefined, 300_000]);
    expect(told(ended())).toEqual(['failed', 'run', undefined]);
    expect(told(ended({ verdict: 'backed-out', summary: 'x' }))).toEqual(['failed', 'run', undefined]);
    const red = whileWaiting({ ...waiting, forReal: true }, ['P1 is open'], times);
    expect(red).toMatchObject({ kind: 'wait', note: 'nothing is run while P1 is open' });
  });

  it('that failed is no time to compare with', () => {
    expect(timeIn(verdictOf(ended({ verdict: 'backed-out', summary: 'x' }))?.report)).toBeUndefined();
    expect(timeIn(verdictOf(took(5_000))?.report)).toBe(5_000);
    // A run rolls services, a rehearsal none: neither says what is usual for the other.
    expect(timeIn(verdictOf(took(5_000))?.report, { forReal: true })).toBeUndefined();
    expect(timeIn({ verdict: 'recovered', recoveryTimeMs: 5_000 })).toBeUndefined();
    expect(timeIn({ verdict: 'recovered', recoveryTimeMs: 5_000 }, { forReal: true })).toBe(5_000);
    // Also one that fell short of its target: the next one is compared with how it really is.
    expect(timeIn(verdictOf(took(950_000))?.report)).toBe(950_000);
  });

  it('that made way for a real run is followed by another', () => {
    const madeWay = ended({ verdict: 'backed-out', stop: { by: 'nightshift', reason: 'a real run' } });
    const step = whileFollowing(following, madeWay, known, DUE);
    expect(step).toMatchObject({ kind: 'wait', state: { phase: 'waits', attempt: 1 } });
  });

  it('that is refused is tried again, three times', () => {
    const refused = ended({ verdict: 'refused', why: 'its input is wrong' });
    const step = whileFollowing(following, refused, known, DUE);
    expect(step).toMatchObject({ kind: 'wait', state: { phase: 'waits', refused: 1 } });
    expect(whileFollowing({ ...following, refused: 2 }, refused, known, DUE)).toMatchObject({
      verdict: { kind: 'failed', check: 'refused' },
    });
  });

  it('that is refused for a reason that passes waits for that as long as for anything red', () => {
    const busy = ended({ verdict: 'refused', why: 'another run is under way', passes: true });
    const often = { ...following, refused: 2, attempt: 40 };
    expect(whileFollowing(often, busy, known, DUE + WAITS_MS - 1)).toMatchObject({
      ...{ kind: 'wait', state: { phase: 'waits', refused: 2 } },
    });
    expect(whileFollowing(often, busy, known, DUE + WAITS_MS)).toMatchObject({
      verdict: { kind: 'failed', check: 'refused', summary: expect.stringMatching(/12 hours.*another run/) },
    });
  });

  it.each([5, 600, 3_600])(
    'looks every %s s at first for what passes, and starts few executions in half a day',
    (every) => {
      const busy = ended({ verdict: 'refused', why: 'another run is under way', passes: true });
      const waits: number[] = [];
      for (let after = 0; after < WAITS_MS; after += (waits.at(-1) ?? 0) * 1000) {
        const next = whileFollowing(following, busy, { ...known, recheckAfterSeconds: every }, DUE + after);
        waits.push(next.kind === 'wait' ? next.seconds : 0);
      }
      expect(waits[0]).toBe(every);
      expect(waits.length).toBeLessThan(100);
    },
  );

  it('that never begins is told after a quarter of an hour', () => {
    expect(whileFollowing(following, undefined, known, DUE + 899_000)).toMatchObject({ kind: 'wait' });
    expect(whileFollowing(following, undefined, known, DUE + 900_000)).toMatchObject({
      verdict: { kind: 'failed', check: 'not-begun' },
    });
  });
});

describe('afterwards', () => {
  const working: Rehearsal = { phase: 'working', incidentId: 'inc-2' };
  const stopped: Rehearsal = { ...working, stop: { by: 'drill:orders', reason: 'over' } };
  it.each([
    ['nothing was begun', waiting, undefined, undefined, 'clean'],
    ['the rehearsal is over', following, ended(), 'SUCCEEDED', 'clean'],
    ['it never began', following, undefined, undefined, 'clean'],
    ['it is about to begin', following, undefined, 'RUNNING', 'look-again'],
    ['it goes on', following, working, 'RUNNING', 'stop'],
    ['it was left', following, working, 'ABORTED', 'stop'],
    ['it is being taken back', following, stopped, 'RUNNING', 'look-again'],
    ['nobody takes it back', following, stopped, 'ABORTED', 'take-up'],
    ['nobody goes on taking it back', following, { ...working, phase: 'backing-out' as const }, 'TIMED_OUT', 'take-up'],
    ['its drill isn’t configured any more', { ...following, plan: '' }, working, 'RUNNING', 'clean'],
  ])('when %s', (_what, state, rehearsal, status, kind) => {
    expect(nextCleaning(state, rehearsal, status).kind).toBe(kind);
  });
});
