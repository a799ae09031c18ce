import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decide, type Observation } from '../../../functions/remediations/restart-service/decide.ts';
import { planService } from '../../../local/stand-ins/ecs/plan.ts';
import { config, service, signal } from '../../support/fixtures.ts';

const observation: fc.Arbitrary<Exclude<Observation, { kind: 'missing' }>> = fc
  .record({
    desired: fc.integer({ min: 0, max: 12 }),
    missing: fc.constantFrom(0, 0, 0, 1),
    minimumHealthyPercent: fc.integer({ min: 0, max: 100 }),
    maximumPercent: fc.integer({ min: 100, max: 200 }),
    controller: fc.constantFrom('ECS' as const, 'ECS' as const, 'CODE_DEPLOY' as const),
    rolloutState: fc.constantFrom('COMPLETED' as const, 'COMPLETED' as const, 'IN_PROGRESS' as const),
  })
  .map(({ desired, missing, rolloutState, ...rest }) => ({
    ...rest,
    ...{ kind: 'service' as const, arn: '', desired, running: Math.max(0, desired - missing), pending: missing },
    ...{ rollsBackByItself: false, fargate: true, tags: {} },
    deployments: [
      {
        id: 'old',
        primary: true,
        taskDefinition: 'backend:1',
        rolloutState,
        reason: '',
        failedTasks: 0,
        running: 0,
        createdAtMs: 0,
      },
    ],
  }));

/** Lets ECS's scheduler replace all tasks. @returns the fewest that served, or undefined when it never comes to an end. */
function fewestServing({ desired, minimumHealthyPercent, maximumPercent }: Exclude<Observation, { kind: 'missing' }>) {
  let order = desired;
  let tasks = Array.from({ length: desired }, (_, n) => ({
    id: `o${n}`,
    deploymentId: 'old',
    phase: 'running' as 'running' | 'starting',
    order: n,
  }));
  let fewest = desired;
  for (let round = 0; round < 100; round++) {
    const plan = planService({
      desiredCount: desired,
      minimumHealthyPercent,
      maximumPercent,
      primaryId: 'new',
      mayStart: true,
      tasks,
    });
    tasks = tasks.filter(({ id }) => !plan.stop.includes(id));
    fewest = Math.min(fewest, tasks.filter(({ phase }) => phase === 'running').length);
    if (tasks.every(({ deploymentId }) => deploymentId === 'new') && plan.start === 0) return fewest;
    const started = Array.from({ length: plan.start }, () => ({
      id: `n${++order}`,
      deploymentId: 'new',
      phase: 'running' as const,
      order,
    }));
    tasks = [...tasks, ...started];
  }
  return undefined;
}

describe('restart-service, whatever it sees', () => {
  it('restarts only what goes on serving meanwhile and comes to an end', () => {
    let acted = 0;
    fc.assert(
      fc.property(observation, (seen) => {
        const { kind } = decide({ signal, target: service, observation: seen, hold: undefined, config });
        if (kind !== 'act') return true;
        acted++;
        return (fewestServing(seen) ?? 0) >= 1;
      }),
      { numRuns: 3000 },
    );
    expect(acted).toBeGreaterThan(300);
  });

  it('never acts on a service that is being changed, switched off or deployed by somebody else', () => {
    fc.assert(
      fc.property(observation, (seen) => {
        const { kind } = decide({ signal, target: service, observation: seen, hold: undefined, config });
        const busy =
          seen.running < seen.desired || seen.deployments.some((each) => each.rolloutState === 'IN_PROGRESS');
        return !((busy || seen.desired === 0 || seen.controller !== 'ECS') && kind === 'act');
      }),
      { numRuns: 2000 },
    );
  });
});
