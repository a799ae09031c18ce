import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  alreadyApplied,
  decide,
  gibOf,
  type Observation,
} from '../../../functions/remediations/grow-storage/decide.ts';
import { config, database, signal } from '../../support/fixtures.ts';

const AT = Date.parse('2026-11-20T09:00:00.000Z');
const observation = fc
  .record({
    status: fc.constantFrom('available', 'storage-full', 'modifying', 'failed'),
    storageGib: fc.integer({ min: 20, max: 70_000 }),
    pending: fc.subarray(['AllocatedStorage', 'MultiAZ']),
    minutes: fc.option(fc.integer({ min: 0, max: 720 })),
  })
  .map(
    ({ minutes, ...rest }): Extract<Observation, { kind: 'instance' }> => ({
      kind: 'instance',
      at: new Date(AT).toISOString(),
      ...rest,
      events:
        minutes === null
          ? []
          : [
              {
                at: new Date(AT - minutes * 60_000).toISOString(),
                message: 'Finished applying modification to allocated storage.',
              },
            ],
    }),
  );

describe('grow-storage, whatever it sees', () => {
  it('only grows, by a tenth at least, never beyond the limit, never twice in six hours, and never takes other changes along', () => {
    fc.assert(
      fc.property(observation, fc.integer({ min: 0, max: 65_536 }), (seen, maxStorageGib) => {
        const target = { ...database, maxStorageGib };
        const decision = decide({ signal, target, observation: seen, hold: undefined, config });
        if (decision.kind !== 'act') return;
        const after = gibOf(decision.change, 'after');
        expect(after).toBeLessThanOrEqual(maxStorageGib);
        expect(after).toBeGreaterThanOrEqual(seen.storageGib * 1.1);
        expect(seen.pending).toEqual([]);
        for (const { at } of seen.events) expect(AT - Date.parse(at)).toBeGreaterThanOrEqual(6 * 3_600_000);
        expect(alreadyApplied(decision.change, seen)).toBe('no');
        expect(alreadyApplied(decision.change, { ...seen, storageGib: after })).toBe('yes');
      }),
    );
  });
});
