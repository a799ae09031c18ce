import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decide, type Observation, planOf } from '../../../functions/remediations/end-long-queries/decide.ts';
import { config, database, signal } from '../../support/fixtures.ts';

const query = fc.record({
  pid: fc.integer({ min: 2, max: 99_999 }),
  backendStart: fc.constant('2026-11-20T02:00:00.000000Z'),
  queryStart: fc.constant('2026-11-20T02:30:00.000000Z'),
  user: fc.string({ maxLength: 10 }),
  application: fc.string({ maxLength: 10 }),
  runningSeconds: fc.double({ min: 300, max: 1e6, noNaN: true }),
});
const observation: fc.Arbitrary<Observation> = fc
  .record({
    canSignal: fc.boolean(),
    canReadStats: fc.boolean(),
    active: fc.nat({ max: 200 }),
    queries: fc.array(query, { maxLength: 40 }),
    blocked: fc.nat({ max: 5 }),
    maintenance: fc.nat({ max: 5 }),
  })
  .map((reading) => ({ kind: 'queries' as const, reading }));

describe('end-long-queries, whatever it sees', () => {
  it('ends only what was read as one that may be ended, twenty at most, and nothing without its rights', () => {
    fc.assert(
      fc.property(observation, (seen) => {
        const decision = decide({ signal, target: database, observation: seen, hold: undefined, config });
        if (decision.kind !== 'act' || seen.kind !== 'queries') return;
        const { queries } = planOf(decision.change);
        expect(seen.reading).toMatchObject({ canSignal: true, canReadStats: true });
        expect(queries.length).toBeGreaterThan(0);
        expect(queries.length).toBeLessThanOrEqual(20);
        for (const each of queries) expect(seen.reading.queries).toContainEqual(each);
      }),
    );
  });
});
