import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  capacityOf,
  decide,
  decideHandBack,
  type Observation,
} from '../../../functions/remediations/scale-out-service/decide.ts';
import { config, database, service, signal } from '../../support/fixtures.ts';

const count = fc.integer({ min: 0, max: 30 });
const observation: fc.Arbitrary<Observation> = fc
  .record({
    desired: count,
    running: count,
    deploying: fc.boolean(),
    used: fc.option(fc.integer({ min: 0, max: 80 })),
    scalable: fc.option(fc.record({ min: count, extra: count })),
    cpuPercent: fc.option(fc.double({ min: 0, max: 100, noNaN: true })),
  })
  .map(({ desired, running, deploying, used, scalable, cpuPercent }) => ({
    kind: 'service' as const,
    desired,
    running,
    deploying,
    ...(scalable && { scalableTarget: { min: scalable.min, max: scalable.min + scalable.extra } }),
    ...(cpuPercent !== null && { cpuPercent, memoryPercent: cpuPercent / 2 }),
    ...(used !== null && { connections: { 'orders-db': used } }),
  }));
const bounds = fc
  .tuple(fc.integer({ min: 1, max: 10 }), count)
  .map(([minTasks, extra]) => ({ ...service, minTasks, maxTasks: minTasks + extra }));

describe('scale-out-service, whatever it sees', () => {
  it('never goes outside the configured maximum nor that of auto scaling, and never down', () => {
    fc.assert(
      fc.property(observation, bounds, (seen, target) => {
        const decision = decide({ signal, target, observation: seen, hold: undefined, config });
        if (decision.kind !== 'act' || seen.kind === 'missing') return true;
        const after = capacityOf(decision.change, 'after').value;
        const limit = Math.min(target.maxTasks, seen.scalableTarget?.max ?? Number.POSITIVE_INFINITY);
        return after <= limit && after > seen.desired;
      }),
      { numRuns: 2000 },
    );
  });

  it('never fills a database that it depends on beyond its share', () => {
    const { maxConnections, connectionsAboveShare } = database;
    let acted = 0;
    fc.assert(
      fc.property(observation, bounds, (seen, target) => {
        const decision = decide({ signal, target, observation: seen, hold: undefined, config });
        if (decision.kind !== 'act' || seen.kind === 'missing') return true;
        acted++;
        const more = capacityOf(decision.change, 'after').value - seen.desired;
        const used = seen.connections?.['orders-db'] ?? Number.POSITIVE_INFINITY;
        return used + more * target.connectionsPerTask <= connectionsAboveShare * maxConnections;
      }),
      { numRuns: 2000 },
    );
    expect(acted).toBeGreaterThan(20);
  });

  it('never acts while a deployment or a start is under way', () => {
    fc.assert(
      fc.property(observation, bounds, (seen, target) => {
        const decision = decide({ signal, target, observation: seen, hold: undefined, config });
        const busy = seen.kind === 'service' && (seen.deploying || seen.running < seen.desired);
        return !(busy && decision.kind === 'act');
      }),
    );
  });

  it('hands back exactly what it found, or the configured minimum, and only if the number is still its own', () => {
    fc.assert(
      fc.property(observation, observation, bounds, (before, later, target) => {
        const decision = decide({ signal, target, observation: before, hold: undefined, config });
        if (decision.kind !== 'act' || !decision.change.hold) return true;
        const hold = { remediation: 'scale-out-service', incidentId: 'inc-1', since: '', ...decision.change.hold };
        const back = decideHandBack({ target, hold, observation: later });
        if (back.kind !== 'restore') return true;
        const [from, to] = [capacityOf(back.change, 'before'), capacityOf(back.change, 'after')];
        const found = capacityOf(decision.change, 'before').value;
        const expected = to.field === 'desiredCount' ? Math.max(found, target.minTasks) : found;
        return from.value === hold.value && to.value === expected && to.value < from.value;
      }),
      { numRuns: 2000 },
    );
  });
});
