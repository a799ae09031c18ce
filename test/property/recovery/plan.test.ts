import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { nextBackOut, type StepStatus, stagesOf } from '../../../functions/recovery/plan.ts';
import { planDefinition } from '../../../infra/constructs/plan-definition.ts';
import { type Asl, faultsOf } from '../../support/asl-graph.ts';
import { plans } from '../../support/plans.ts';

const PARTS = {
  partition: 'aws',
  functionArn: 'arn:aws:lambda:us-east-1:000000000000:function:plan',
  answerSeconds: 60,
};

describe('any plan without faults', () => {
  it('takes each step once, after all that it needs, and a point of no return alone', () => {
    fc.assert(
      fc.property(plans(), (plan) => {
        const stages = stagesOf(plan);
        const stageOf = new Map(stages.flatMap((stage, index) => stage.map(({ name }) => [name, index] as const)));
        expect(stages.flat()).toHaveLength(plan.steps.length);
        for (const { name, after } of plan.steps)
          for (const needed of after) expect(stageOf.get(needed)).toBeLessThan(stageOf.get(name) ?? -1);
        for (const stage of stages)
          if (stage.some(({ undo }) => undo.kind === 'point-of-no-return')) expect(stage).toHaveLength(1);
      }),
    );
  });

  it('compiles to a state machine in which every state reaches an end and every task has a time limit and a catch', () => {
    fc.assert(
      fc.property(plans(), (plan) => {
        expect(faultsOf(planDefinition(plan, PARTS) as Asl, ['$turns <', '$branchTurns <'])).toEqual([]);
      }),
    );
  });

  it('is taken back from the last to the first, each step once, or not at all', () => {
    fc.assert(
      fc.property(plans(), fc.nat(), (plan, seed) => {
        const order = stagesOf(plan).flat();
        const begun = order.slice(0, 1 + (seed % order.length));
        const status = new Map<string, StepStatus>(
          begun.map(({ name }, index) => [name, index + 1 === begun.length ? 'begun' : 'done']),
        );
        const taken: string[] = [];
        for (;;) {
          const next = nextBackOut(plan, (name) => status.get(name) ?? 'waiting');
          if (next.kind !== 'compensate') {
            const isFinal = begun.some(({ undo }) => undo.kind === 'point-of-no-return');
            expect(next.kind).toBe(isFinal ? 'needs-person' : 'backed-out');
            break;
          }
          taken.push(next.step.name);
          status.set(next.step.name, 'undone');
        }
        const expected = begun
          .filter(({ undo }) => undo.kind === 'compensate')
          .map(({ name }) => name)
          .toReversed();
        expect(taken).toEqual(begun.some(({ undo }) => undo.kind === 'point-of-no-return') ? [] : expected);
      }),
    );
  });
});
