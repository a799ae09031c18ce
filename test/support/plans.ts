/** Recovery plans without faults, for property tests. */
import fc from 'fast-check';
import { faultsOfPlan, type Plan, type PlanStep, type Undo } from '../../functions/recovery/plan.ts';

const undo: fc.Arbitrary<Undo> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Undo>({ kind: 'compensate', does: 'takes it back', budgetSeconds: 30 }) },
  { weight: 2, arbitrary: fc.constant<Undo>({ kind: 'nothing', why: 'it only looks' }) },
  { weight: 1, arbitrary: fc.constant<Undo>({ kind: 'point-of-no-return', why: 'it is gone' }) },
);

/** A step needs only steps that were made before it, so there is no circle; shuffled, so that the order they are named in says nothing. */
export const plans = (): fc.Arbitrary<Plan> =>
  fc
    .array(
      fc.record({ undo, needs: fc.array(fc.nat(), { maxLength: 3 }), budgetSeconds: fc.integer({ min: 1, max: 900 }) }),
      {
        minLength: 1,
        maxLength: 12,
      },
    )
    .map((drafts) =>
      drafts.map(({ undo: how, needs, budgetSeconds }, index): PlanStep => {
        const after = index === 0 ? [] : [...new Set(needs.map((need) => `step-${need % index}`))];
        return { name: `step-${index}`, does: `does ${index}`, after, budgetSeconds, undo: how };
      }),
    )
    .chain((steps) => fc.shuffledSubarray(steps, { minLength: steps.length }))
    .map((steps) => ({
      name: 'any',
      summary: 'A plan of the tests',
      targets: { recoveryTimeSeconds: 600, dataLossSeconds: 60 },
      steps,
    }))
    .filter((plan) => faultsOfPlan(plan).length === 0);
