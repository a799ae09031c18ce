import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  alreadyApplied,
  decide,
  type Observation,
  verify,
  wanted,
  whyNotDelete,
} from '../../../functions/remediations/add-read-replica/decide.ts';
import { config, database, signal } from '../../support/fixtures.ts';

const NAMES = [1, 2, 3, 4, 5].map((n) => `orders-db-nightshift-${n}`);
const settings = { securityGroups: ['sg-1'], isPublic: false, hasIamLogins: true, storageType: 'gp3' };
const status = fc.constantFrom('available', 'creating', 'failed', 'deleting', 'modifying');
const observation = fc
  .record({
    status,
    backupDays: fc.integer({ min: 0, max: 2 }),
    others: fc.subarray(['by-hand-1', 'by-hand-2']),
    ours: fc.subarray(NAMES),
    strangers: fc.subarray(NAMES),
    ourStatus: status,
  })
  .map(
    ({ others, ours, strangers, ourStatus, ...rest }): Extract<Observation, { kind: 'instance' }> => ({
      kind: 'instance',
      instanceClass: 'db.t4g.micro',
      settings,
      ...rest,
      replicas: [...others, ...ours],
      named: [
        ...ours.map((name) => ({
          ...{ name, status: ourStatus, replicaOf: 'orders-db', settings, wasAvailable: ourStatus === 'available' },
        })),
        ...strangers
          .filter((name) => !ours.includes(name))
          .map((name) => ({ name, status: 'available', settings, wasAvailable: true })),
      ],
    }),
  );

describe('add-read-replica, whatever it sees', () => {
  it('adds one within the limit by a name of its own that is free, and would delete only what was never made', () => {
    fc.assert(
      fc.property(observation, fc.integer({ min: 0, max: 5 }), (seen, maxReadReplicas) => {
        const target = { ...database, maxReadReplicas };
        const decision = decide({ signal, target, observation: seen, hold: undefined, config });
        if (decision.kind !== 'act') return;
        const { change } = decision;
        const { replica = '' } = wanted(change);
        expect(seen).toMatchObject({ status: 'available' });
        expect(seen.backupDays).toBeGreaterThan(0);
        expect(seen.replicas.length).toBeLessThan(maxReadReplicas);
        expect(NAMES).toContain(replica);
        expect(seen.named.map(({ name }) => name)).not.toContain(replica);
        expect(change.undoChange && wanted(change.undoChange)).toEqual({ deleted: replica });
        expect(alreadyApplied(change, seen)).toBe('no');
        const made = { name: replica, status: 'available', replicaOf: 'orders-db', settings, wasAvailable: true };
        const after = { ...seen, replicas: [...seen.replicas, replica], named: [...seen.named, made] };
        expect(alreadyApplied(change, after)).toBe('yes');
        expect(verify({ change, observation: after }).kind).toBe('good');
        expect(whyNotDelete('orders-db', made)).toBeDefined();
        expect(whyNotDelete('orders-db', { ...made, status: 'failed' })).toBeDefined();
      }),
    );
  });
});
