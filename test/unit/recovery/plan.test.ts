import { describe, expect, it } from '@jest/globals';
import {
  faultsOfPlan,
  longestSeconds,
  MOST_STEPS,
  nextBackOut,
  type Plan,
  type PlanStep,
  type StepStatus,
  stagesOf,
  type Undo,
} from '../../../functions/recovery/plan.ts';

const COMPENSATE: Undo = { kind: 'compensate', does: 'takes it back', budgetSeconds: 60 };
const NO_RETURN: Undo = { kind: 'point-of-no-return', why: 'the old primary is gone' };
const step = (name: string, after: string[] = [], undo: Undo = COMPENSATE, budgetSeconds = 60): PlanStep => ({
  name,
  does: `does ${name}`,
  after,
  budgetSeconds,
  undo,
});
const plan = (...steps: PlanStep[]): Plan => ({
  name: 'tested',
  summary: 'A plan of the tests',
  targets: { recoveryTimeSeconds: 600, dataLossSeconds: 60 },
  steps,
});
const names = (stages: PlanStep[][]) => stages.map((stage) => stage.map(({ name }) => name));

describe('the stages of a plan', () => {
  it('puts each step right after all that it needs, and side by side what may be', () => {
    const tested = plan(step('switch', ['promote', 'scale']), step('fence'), step('promote', ['fence']), step('scale'));
    expect(names(stagesOf(tested))).toEqual([['fence', 'scale'], ['promote'], ['switch']]);
    expect(longestSeconds(tested)).toBe(180);
  });

  it('takes the longer way for the longest time', () => {
    const tested = plan(
      step('a', [], COMPENSATE, 10),
      step('b', [], COMPENSATE, 100),
      step('c', ['a', 'b'], COMPENSATE, 5),
    );
    expect(longestSeconds(tested)).toBe(105);
  });
});

describe('the faults of a plan', () => {
  const cases: [string, Plan, string][] = [
    ['no step', plan(), 'has no step'],
    ['a circle', plan(step('a', ['b']), step('b', ['a'])), 'a, b: wait for each other in a circle'],
    ['a step that needs what is not there', plan(step('a', ['z'])), "step a comes after z, which isn't there"],
    ['two steps of one name', plan(step('a'), step('a')), 'step a is there more than once'],
    ['a bad name', plan(step('A b')), 'step "A b": a name is of small letters, digits and single dashes'],
    ['no time', plan(step('a', [], COMPENSATE, 0)), 'step a: its time budget is more than 0 seconds'],
    [
      'a time that is no number',
      plan(step('a', [], COMPENSATE, Number.NaN)),
      'step a: its time budget is more than 0 seconds',
    ],
    [
      'no time to take back',
      plan(step('a', [], { ...COMPENSATE, budgetSeconds: 0 })),
      'step a: the time budget of its compensation is more than 0 seconds',
    ],
    [
      'something beside a point of no return',
      plan(step('a', [], NO_RETURN), step('b')),
      'step a is a point of no return, so nothing may run beside it, but b does',
    ],
    [
      'too many steps',
      plan(...Array.from({ length: MOST_STEPS + 1 }, (_, index) => step(`s${index}`))),
      `has ${MOST_STEPS + 1} steps, at most ${MOST_STEPS} are possible`,
    ],
  ];
  it.each(cases)('names %s, and gives no stages', (_, tested, fault) => {
    expect(faultsOfPlan(tested)).toContain(fault);
    expect(() => stagesOf(tested)).toThrow(fault);
  });

  it('finds none in a whole plan', () => {
    expect(faultsOfPlan(plan(step('a'), step('b', ['a'], NO_RETURN), step('c', ['b'])))).toEqual([]);
  });
});

describe('what is taken back next', () => {
  const three = plan(step('a'), step('b', ['a']), step('c', ['b']));
  const status = (given: Partial<Record<string, StepStatus>>) => (name: string) => given[name] ?? 'waiting';

  it('begins with the last step that was begun, also when it was only begun', () => {
    const next = nextBackOut(three, status({ a: 'done', b: 'begun' }));
    expect(next).toMatchObject({ kind: 'compensate', step: { name: 'b' } });
  });

  it('goes on with the one before', () => {
    const next = nextBackOut(three, status({ a: 'done', b: 'undone' }));
    expect(next).toMatchObject({ kind: 'compensate', step: { name: 'a' } });
  });

  it('is over when all is taken back, or nothing was begun', () => {
    expect(nextBackOut(three, status({ a: 'undone', b: 'undone' }))).toEqual({ kind: 'backed-out' });
    expect(nextBackOut(three, status({}))).toEqual({ kind: 'backed-out' });
  });

  it('is what users feel, before the copies that were made after it', () => {
    const first: Undo = { kind: 'compensate', does: 'starts them', budgetSeconds: 10, aheadOf: ['b'] };
    const tested = plan(step('a', [], first), step('b', ['a']), step('c', ['b']));
    expect(nextBackOut(tested, status({ a: 'done', b: 'done', c: 'done' }))).toMatchObject({ step: { name: 'c' } });
    expect(nextBackOut(tested, status({ a: 'done', b: 'done', c: 'undone' }))).toMatchObject({ step: { name: 'a' } });
    expect(nextBackOut(tested, status({ a: 'undone', b: 'undo-failed', c: 'undone' }))).toMatchObject({
      why: 'b could not be taken back',
    });
    expect(faultsOfPlan(plan(step('a', [], first)))).toEqual(["step a is taken back ahead of b, which isn't there"]);
  });

  it('passes by what has nothing to take back', () => {
    const tested = plan(step('a'), step('b', ['a'], { kind: 'nothing', why: 'it only looks' }));
    expect(nextBackOut(tested, status({ a: 'done', b: 'done' }))).toMatchObject({ step: { name: 'a' } });
  });

  it('takes nothing back once a point of no return was begun, and says why', () => {
    const tested = plan(step('a'), step('b', ['a'], NO_RETURN), step('c', ['b']));
    const needed = { kind: 'needs-person', why: "b was begun, and can't be taken back: the old primary is gone" };
    expect(nextBackOut(tested, status({ a: 'done', b: 'begun' }))).toEqual(needed);
    expect(nextBackOut(tested, status({ a: 'done', b: 'done', c: 'begun' }))).toEqual(needed);
    expect(nextBackOut(tested, status({ a: 'done' }))).toMatchObject({ kind: 'compensate', step: { name: 'a' } });
  });

  it('stops and calls a person when a step could not be taken back, rather than going on before it', () => {
    const next = nextBackOut(three, status({ a: 'done', b: 'undo-failed' }));
    expect(next).toEqual({ kind: 'needs-person', why: 'b could not be taken back, so neither was a' });
    expect(nextBackOut(three, status({ a: 'undo-failed' }))).toMatchObject({ why: 'a could not be taken back' });
  });
});
