import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { RunningService } from '../../../functions/ecs/types.ts';
import { afterOf, decide, type Observation } from '../../../functions/remediations/scale-in-service/decide.ts';
import { serviceSchema } from '../../../infra/config/schema.ts';
import { serviceSignals } from '../../../infra/constructs/service-signals.ts';
import { evaluateMath } from '../../../local/stand-ins/cloudwatch/expression.ts';
import { config, service, signal } from '../../support/fixtures.ts';

const count = fc.integer({ min: 0, max: 30 });
const percent = fc.option(fc.double({ min: 0, max: 100, noNaN: true }), { nil: undefined });
const base: RunningService = {
  ...{ kind: 'service', arn: '', desired: 0, running: 0, pending: 0, controller: 'ECS', deployments: [], tags: {} },
  ...{ minimumHealthyPercent: 100, maximumPercent: 200, rollsBackByItself: false, fargate: true },
};
const alarm = fc.constantFrom(signal.subject, 'arn:other').map((arn) => ({ arn, name: arn, isOfDatabase: false }));
const observation: fc.Arbitrary<Exclude<Observation, { kind: 'missing' }>> = fc
  .record({
    ...{ desired: count, running: count, autoScaled: fc.boolean(), cpuPercent: percent, memoryPercent: percent },
    peakLoad: fc.record({ cpu: fc.integer({ min: 0, max: 1000 }), memory: fc.integer({ min: 0, max: 1000 }) }),
    ...{ together: fc.boolean(), firing: fc.array(alarm, { maxLength: 2 }) },
  })
  .map(({ cpuPercent, memoryPercent, together, running, ...seen }) => ({
    ...{ ...base, ...seen, running: together ? seen.desired : running },
    ...(cpuPercent !== undefined && { cpuPercent }),
    ...(memoryPercent !== undefined && { memoryPercent }),
  }));
const bounds = fc
  .record({ minTasks: fc.integer({ min: 0, max: 10 }), cpuBelowPercent: fc.integer({ min: 0, max: 52 }) })
  .map((given) => ({ ...service, ...given, maxTasks: 40 }));

describe('the alarm of scale-in-service', () => {
  it('fires where the decision would take a task away, and is over where it would not', () => {
    const input = { cluster: 'orders', maxTasks: 40, minTasks: 2, containerInsights: true, cpuBelowPercent: 40 };
    const [signalOfIdle] = serviceSignals('backend', serviceSchema.parse(input)).filter(({ name }) =>
      /idle/.test(name),
    );
    const math = signalOfIdle?.metric;
    if (!math || !('expression' in math)) throw new Error('expected metric math');
    const target = { ...service, minTasks: 2, cpuBelowPercent: 40, memoryAbovePercent: 90 };
    const whole = fc.integer({ min: 0, max: 100 });
    let fired = 0;
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), whole, whole, (tasks, cpu, memory) => {
        const given = new Map(Object.entries({ tasks: [tasks], cpu: [cpu], memory: [memory] }));
        const queries = [...Object.keys(math.of).map((id) => ({ id })), { id: 'e', expression: math.expression }];
        const [value = 0] = evaluateMath(queries, given, 1).get('e') ?? [];
        // On the edge the rounded factor of memory decides.
        if (value !== 0 && Math.abs(value) < 0.5) return;
        const seen = {
          ...base,
          desired: tasks,
          running: tasks,
          autoScaled: false,
          peakLoad: { cpu: 0, memory: 0 },
          firing: [],
        };
        const observation = { ...seen, cpuPercent: cpu, memoryPercent: memory };
        const decision = decide({ signal, target, observation, hold: undefined, config });
        fired += value < 0 ? 1 : 0;
        if (value !== 0) expect(decision.kind).toBe(value < 0 ? 'act' : 'fine');
        else if (tasks <= 2) expect(decision.kind).toBe('fine');
      }),
      { numRuns: 2000 },
    );
    expect(fired).toBeGreaterThan(100);
  });
});

describe('scale-in-service, whatever it sees', () => {
  it('only ever takes away, never below the minimum or one, never while anything else fires or is unknown', () => {
    let acted = 0;
    fc.assert(
      fc.property(observation, bounds, (seen, target) => {
        const decision = decide({ signal, target, observation: seen, hold: undefined, config });
        if (decision.kind !== 'act') return;
        acted++;
        const { desired } = afterOf(decision.change);
        expect(desired).toBeLessThan(seen.desired);
        expect(desired).toBeGreaterThanOrEqual(Math.max(1, target.minTasks, seen.desired / 2));
        expect(seen.peakLoad.cpu / desired).toBeLessThanOrEqual(target.cpuAbovePercent);
        expect(seen.peakLoad.memory / desired).toBeLessThanOrEqual(target.memoryAbovePercent);
        expect(seen.firing.filter(({ arn }) => arn !== signal.subject)).toEqual([]);
        expect([seen.cpuPercent, seen.memoryPercent]).not.toContain(undefined);
        const [cpu = 100, memory = 100] = [seen.cpuPercent, seen.memoryPercent];
        expect((cpu * seen.running) / desired).toBeLessThan(target.cpuAbovePercent);
        expect((memory * seen.running) / desired).toBeLessThan(target.memoryAbovePercent);
      }),
      { numRuns: 3000 },
    );
    expect(acted).toBeGreaterThan(20);
  });

  it('finds its work done after it: deciding again about what it left changes nothing more', () => {
    fc.assert(
      fc.property(observation, bounds, (seen, target) => {
        const decision = decide({ signal, target, observation: seen, hold: undefined, config });
        if (decision.kind !== 'act' || seen.cpuPercent === undefined || seen.memoryPercent === undefined) return;
        const { desired } = afterOf(decision.change);
        const spread = (each: number) => (each * seen.running) / desired;
        const after = { ...seen, desired, running: desired };
        const again = { ...after, cpuPercent: spread(seen.cpuPercent), memoryPercent: spread(seen.memoryPercent) };
        const next = decide({ signal, target, observation: again, hold: undefined, config });
        // Half of them may have been all that went at once. Rounding may leave a hair's breadth; one task less is the most that it can be.
        if (desired === Math.ceil(seen.desired / 2)) return;
        if (next.kind === 'act') expect(afterOf(next.change).desired).toBeGreaterThanOrEqual(desired - 1);
      }),
      { numRuns: 2000 },
    );
  });
});
