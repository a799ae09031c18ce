import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decide, type Observation, taskOf } from '../../../functions/remediations/stop-unhealthy-task/decide.ts';
import { config, service, signal } from '../../support/fixtures.ts';

const task = fc.record({
  arn: fc.uuid().map((id) => `arn:aws:ecs:us-east-1:000000000000:task/orders/${id}`),
  status: fc.constantFrom('RUNNING', 'RUNNING', 'RUNNING', 'PENDING', 'PROVISIONING', 'DEACTIVATING'),
  health: fc.constantFrom('HEALTHY' as const, 'HEALTHY' as const, 'UNHEALTHY' as const, 'UNKNOWN' as const),
  inStatusForSeconds: fc.integer({ min: 0, max: 1_200 }),
});
const observation: fc.Arbitrary<Exclude<Observation, { kind: 'missing' }>> = fc
  .record({
    tasks: fc.array(task, { maxLength: 8 }),
    desired: fc.integer({ min: 0, max: 8 }),
    rolloutState: fc.constantFrom('COMPLETED' as const, 'COMPLETED' as const, 'IN_PROGRESS' as const),
  })
  .map(({ rolloutState, ...rest }) => ({
    ...{ kind: 'service' as const, arn: '', running: rest.desired, pending: 0, controller: 'ECS' as const },
    ...{ minimumHealthyPercent: 100, maximumPercent: 200, rollsBackByItself: false, fargate: true, tags: {}, ...rest },
    deployments: [
      {
        ...{ id: 'a', primary: true, taskDefinition: 'backend:1', rolloutState, reason: '', failedTasks: 0 },
        ...{ running: 0, createdAtMs: 0 },
      },
    ],
  }));

describe('stop-unhealthy-task, whatever it sees', () => {
  it('stops one task, which is sick, and never the last one that is well nor one of a sick majority', () => {
    let acted = 0;
    fc.assert(
      fc.property(observation, (seen) => {
        const decision = decide({ signal, target: service, observation: seen, hold: undefined, config });
        if (decision.kind !== 'act') return true;
        acted++;
        const stopped = seen.tasks.filter(({ arn }) => arn === taskOf(decision.change).task);
        const [only] = stopped;
        const unhealthy = only?.status === 'RUNNING' && only.health === 'UNHEALTHY' && only.inStatusForSeconds >= 120;
        const hangs =
          ['PENDING', 'PROVISIONING'].includes(only?.status ?? '') && (only?.inStatusForSeconds ?? 0) >= 600;
        const well = seen.tasks.filter(({ status, health }) => status === 'RUNNING' && health !== 'UNHEALTHY');
        return (
          stopped.length === 1 &&
          (unhealthy || hangs) &&
          well.length >= 1 &&
          only !== undefined &&
          !well.includes(only) &&
          seen.desired > 0 &&
          seen.deployments.every(({ rolloutState }) => rolloutState === 'COMPLETED')
        );
      }),
      { numRuns: 3000 },
    );
    expect(acted).toBeGreaterThan(100);
  });
});
