import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { PlanInput } from '../../../local/stand-ins/ecs/plan.ts';
import { planService } from '../../../local/stand-ins/ecs/plan.ts';

const inputs: fc.Arbitrary<PlanInput> = fc.record({
  desiredCount: fc.nat(12),
  minimumHealthyPercent: fc.constantFrom(0, 50, 75, 100),
  maximumPercent: fc.constantFrom(100, 125, 150, 200),
  primaryId: fc.constant('new'),
  mayStart: fc.boolean(),
  tasks: fc
    .array(fc.record({ deploymentId: fc.constantFrom('new', 'old'), phase: fc.constantFrom('starting', 'running') }), {
      maxLength: 20,
    })
    .map((tasks) => tasks.map((task, order) => ({ ...task, id: String(order), order }))),
});
const limits = (input: PlanInput) => ({
  lower: Math.ceil((input.desiredCount * input.minimumHealthyPercent) / 100),
  upper: Math.max(input.desiredCount, Math.floor((input.desiredCount * input.maximumPercent) / 100)),
});

describe('the service scheduler’s plan', () => {
  it('never takes running tasks below the lower limit that were above it, except to scale in', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const { stop } = planService(input);
        const running = input.tasks.filter((task) => task.phase === 'running');
        const left = running.filter((task) => !stop.includes(task.id)).length;
        expect(left).toBeGreaterThanOrEqual(Math.min(running.length, limits(input).lower));
      }),
    );
  });
  it('never starts beyond the upper limit or the desired count', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const { start, stop } = planService(input);
        const primary = input.tasks.filter((task) => task.deploymentId === 'new').length;
        expect(start).toBeLessThanOrEqual(Math.max(0, input.desiredCount - primary));
        if (start > 0) expect(input.tasks.length - stop.length + start).toBeLessThanOrEqual(limits(input).upper);
      }),
    );
  });
  it('ends with exactly the desired tasks of the new deployment, however it began', () => {
    fc.assert(
      fc.property(inputs, (given) => {
        // A deployment without room to start (100/100) can't move on AWS either.
        fc.pre(given.minimumHealthyPercent < 100 || given.maximumPercent > 100);
        const { lower, upper } = limits(given);
        fc.pre(lower < given.desiredCount || upper > given.desiredCount || given.desiredCount === 0);
        let tasks = [...given.tasks];
        let made = 100;
        for (let step = 0; step < 60; step += 1) {
          const { start, stop } = planService({ ...given, mayStart: true, tasks });
          const kept = tasks.filter((task) => !stop.includes(task.id));
          const grown = kept.map((task) => ({ ...task, phase: 'running' as const }));
          const fresh = Array.from({ length: start }, () => {
            made += 1;
            return { id: String(made), deploymentId: 'new', phase: 'starting' as const, order: made };
          });
          tasks = [...grown, ...fresh];
        }
        expect(tasks.map((task) => `${task.deploymentId}:${task.phase}`)).toEqual(
          Array.from({ length: given.desiredCount }, () => 'new:running'),
        );
      }),
    );
  });
});
