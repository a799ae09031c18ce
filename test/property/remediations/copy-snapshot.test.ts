import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  alreadyApplied,
  decide,
  type Seen,
  verify,
  wantedOf,
} from '../../../functions/remediations/copy-snapshot/decide.ts';
import { config, signal } from '../../support/fixtures.ts';

const status = fc.constantFrom('available', 'creating', 'failed', 'deleting');
const arn = fc.constantFrom('arn:one', 'arn:two', undefined);
const snapshot = fc.record({
  ...{ id: fc.constant('nightshift-test-orders-db-2026-11-22-03-00-00'), status, encrypted: fc.boolean() },
  ...{ sizeGib: fc.constant(20), progressPercent: fc.integer({ min: 0, max: 100 }), takenAt: fc.constant(0) },
  ...{ isAutomated: fc.boolean(), instanceResourceId: fc.constantFrom('db-1', undefined) },
  ...{ madeBy: fc.constantFrom('test', undefined), arn, copyOf: arn },
});
const observation: fc.Arbitrary<Seen> = fc.record({
  kind: fc.constant('snapshot' as const),
  snapshot,
  copy: fc.option(snapshot, { nil: undefined }),
});
const key = fc.constantFrom('arn:aws:kms:us-west-2:000000000000:key/1', undefined);

describe('copy-snapshot, whatever it sees', () => {
  it('copies only what is available, original and without a namesake there, encrypted only with a key; and knows it for undone', () => {
    fc.assert(
      fc.property(observation, key, (seen, kmsKeyArn) => {
        const target = { name: seen.snapshot.id, database: 'orders-db', kmsKeyArn, severity: 'P2' as const };
        const decision = decide({ signal, target, observation: seen, hold: undefined, config });
        if (decision.kind !== 'act') return;
        expect([seen.snapshot.status, seen.snapshot.madeBy]).toEqual(['available', config.name]);
        expect([seen.copy, seen.snapshot.copyOf]).toEqual([undefined, undefined]);
        if (seen.snapshot.encrypted) expect(kmsKeyArn).toBeDefined();
        const { region, sourceArn } = wantedOf(decision.change);
        expect([region, sourceArn]).toEqual([config.standbyRegion, seen.snapshot.arn]);
        expect(alreadyApplied(decision.change, seen)).toBe('no');
        expect(verify({ target, change: decision.change, observation: seen }).kind).toBe('not-yet');
      }),
    );
  });
});
