import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FARGATE_SIZES, isFargateSize } from '../../../functions/ecs/fargate.ts';
import { afterOf, decide, type Observation } from '../../../functions/remediations/raise-task-resources/decide.ts';
import { signal as alarm, config, service } from '../../support/fixtures.ts';

type Seen = Exclude<Observation, { kind: 'missing' }>;
const RUNNING = 'arn:aws:ecs:us-east-1:000000000000:task-definition/backend:7';

/** A minute before the alarm. */
const RELEASED: Seen['history'] = [RUNNING, RUNNING.replace(':7', ':6')].map((taskDefinition, before) => ({
  ...{ status: 'SUCCESSFUL', taskDefinition, images: [], digests: [] },
  createdAtMs: Date.parse(alarm.at) - 60_000 - before * 3_600_000,
}));

const size = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...FARGATE_SIZES) },
  fc.record({ cpuUnits: fc.integer({ min: 0, max: 20_000 }), memoryMib: fc.integer({ min: 0, max: 130_000 }) }),
);
const observation: fc.Arbitrary<Seen> = fc
  .record({
    size,
    desired: fc.constantFrom(0, 1, 2, 3, 4, 5),
    missing: fc.constantFrom(0, 0, 0, 0, 1),
    controller: fc.constantFrom('ECS' as const, 'ECS' as const, 'ECS' as const, 'ECS' as const, 'CODE_DEPLOY' as const),
    rolloutState: fc.constantFrom(
      'COMPLETED' as const,
      'COMPLETED' as const,
      'COMPLETED' as const,
      'IN_PROGRESS' as const,
    ),
    killed: fc.boolean(),
    history: fc.constantFrom<Seen['history'][]>([], [], [], RELEASED),
    roles: fc.constantFrom([], [], [], ['arn:role']),
    fargate: fc.constantFrom(true, true, true, true, false),
    minimumHealthyPercent: fc.constantFrom(0, 50, 100, 100),
  })
  .map(({ size: of, desired, missing, rolloutState, killed, roles, fargate, ...rest }) => ({
    ...rest,
    ...{ kind: 'service' as const, arn: '', desired, running: Math.max(0, desired - missing), pending: missing },
    ...{ rollsBackByItself: false, fargate: true, tags: {}, maximumPercent: 200 },
    definition: { ...of, fargate, roles, system: 'LINUX', architecture: 'X86_64' },
    outOfMemory: killed ? [RUNNING] : [],
    deployments: [
      {
        ...{ id: 'ecs-svc/1', primary: true, taskDefinition: RUNNING, rolloutState, reason: '', failedTasks: 0 },
        ...{ running: 0, createdAtMs: 0 },
      },
    ],
  }));
const limits = fc.record({
  maxTaskCpuUnits: fc.constantFrom(0, 512, 4096, 16_384),
  maxTaskMemoryMib: fc.constantFrom(0, 2048, 30_720, 122_880),
});
const metric = fc.constantFrom('MemoryUtilization', 'CPUUtilization');

describe('raise-task-resources, whatever it sees', () => {
  it('gives a size that Fargate has, more than before of one and less of none, within both limits', () => {
    let acted = 0;
    fc.assert(
      fc.property(observation, limits, metric, (seen, most, metricName) => {
        const target = { ...service, ...most };
        const signal = { ...alarm, evidence: { ...alarm.evidence, metricName } };
        const decision = decide({ signal, target, observation: seen, hold: undefined, config });
        if (decision.kind !== 'act') return;
        acted++;
        const { cpuUnits, memoryMib } = afterOf(decision.change);
        const from = seen.definition;
        expect(isFargateSize(cpuUnits, memoryMib)).toBe(true);
        expect(cpuUnits).toBeGreaterThanOrEqual(from.cpuUnits);
        expect(memoryMib).toBeGreaterThanOrEqual(from.memoryMib);
        expect(cpuUnits + memoryMib).toBeGreaterThan(from.cpuUnits + from.memoryMib);
        expect(cpuUnits).toBeLessThanOrEqual(Math.max(most.maxTaskCpuUnits, from.cpuUnits));
        expect(memoryMib).toBeLessThanOrEqual(Math.max(most.maxTaskMemoryMib, from.memoryMib));
        if (metricName === 'CPUUtilization') expect(cpuUnits).toBeGreaterThan(from.cpuUnits);
        else expect(memoryMib).toBeGreaterThan(from.memoryMib);
      }),
      { numRuns: 3000 },
    );
    expect(acted).toBeGreaterThan(50);
  });

  it('never touches what is deployed by somebody else, just released, switched off, could be gone at once or needs a role that isn’t listed', () => {
    fc.assert(
      fc.property(observation, (seen) => {
        const target = { ...service, maxTaskCpuUnits: 16_384, maxTaskMemoryMib: 122_880 };
        const { kind } = decide({ signal: alarm, target, observation: seen, hold: undefined, config });
        const not =
          seen.controller !== 'ECS' ||
          seen.desired === 0 ||
          seen.deployments.some(({ rolloutState }) => rolloutState === 'IN_PROGRESS') ||
          seen.minimumHealthyPercent === 0 ||
          seen.history.length > 0 ||
          seen.definition.roles.length > 0 ||
          !seen.definition.fargate;
        return !(not && kind === 'act');
      }),
      { numRuns: 2000 },
    );
  });
});
