import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  alreadyApplied,
  decide,
  type Seen,
  verify,
  wantedOf,
} from '../../../functions/remediations/snapshot-database/decide.ts';
import { config, database, signal } from '../../support/fixtures.ts';

const AT = Date.parse(signal.at);
const snapshot = fc.record({
  id: fc.stringMatching(/^[a-z][a-z0-9]{0,20}$/),
  status: fc.constantFrom('available', 'creating', 'failed'),
  encrypted: fc.boolean(),
  sizeGib: fc.integer({ min: 20, max: 65_536 }),
  progressPercent: fc.integer({ min: 0, max: 100 }),
  takenAt: fc.option(fc.integer({ min: AT - 86_400_000, max: AT + 86_400_000 }), { nil: undefined }),
});
const observation: fc.Arbitrary<Seen> = fc
  .record({
    status: fc.constantFrom('available', 'backing-up', 'modifying', 'stopped', 'failed'),
    snapshots: fc.array(snapshot, { maxLength: 5 }),
    quota: fc.record({ used: fc.integer({ min: 0, max: 100 }), max: fc.integer({ min: 0, max: 100 }) }),
    encrypted: fc.boolean(),
  })
  .map(({ encrypted, ...rest }) => ({ kind: 'instance' as const, ...rest, ...(encrypted && { kmsKeyId: 'key' }) }));

describe('snapshot-database, whatever it sees', () => {
  it('takes one only of an available instance, with room, with none under way and none since; under a name of its own', () => {
    fc.assert(
      fc.property(observation, (seen) => {
        const decision = decide({ signal, target: database, observation: seen, hold: undefined, config });
        if (decision.kind !== 'act') return;
        expect(seen.status).toBe('available');
        expect(seen.quota.max - seen.quota.used).toBeGreaterThan(5);
        for (const { status, takenAt } of seen.snapshots) {
          expect(status).not.toBe('creating');
          expect(status === 'available' && takenAt !== undefined && takenAt >= AT).toBe(false);
        }
        const { snapshotId } = wantedOf(decision.change);
        expect(snapshotId).toMatch(/^nightshift-test-orders-db-[0-9-]{19}$/);
        expect(alreadyApplied(decision.change, seen)).toBe('no');
        expect(verify({ change: decision.change, observation: seen }).kind).toBe('not-yet');
      }),
    );
  });

  it('is fine with what it made itself: the same signal again takes no second one', () => {
    fc.assert(
      fc.property(observation, fc.integer({ min: 0, max: 3_600_000 }), (seen, later) => {
        const decision = decide({ signal, target: database, observation: seen, hold: undefined, config });
        if (decision.kind !== 'act') return;
        const { snapshotId: id } = wantedOf(decision.change);
        const made = {
          id,
          status: 'available',
          encrypted: true,
          sizeGib: 20,
          progressPercent: 100,
          takenAt: AT + later,
        };
        const after = { ...seen, snapshots: [...seen.snapshots, made] };
        expect(decide({ signal, target: database, observation: after, hold: undefined, config }).kind).toBe('fine');
        expect(verify({ change: decision.change, observation: after }).kind).toBe('good');
      }),
    );
  });
});
