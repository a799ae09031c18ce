/** Whatever a certificate, its records and its secret are like. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Certificate } from '../../../functions/certificates/certificate.ts';
import { needsRenewal } from '../../../functions/certificates/certificate.ts';
import {
  alreadyApplied,
  decide,
  type Observation,
  planOf,
} from '../../../functions/remediations/renew-certificate/decide.ts';
import { config, signal, certificate as target } from '../../support/fixtures.ts';

const domain = fc.constantFrom('shop.example.com', '*.shop.example.com', 'other.example.org');
const nameOf = (of: string) => `_${of.length}.${of.replace('*.', '')}.`;
const validation = fc
  .record({ domain, method: fc.constantFrom('DNS', 'EMAIL', 'HTTP'), isPending: fc.boolean() })
  .map((each) => ({
    ...each,
    ...(each.method === 'DNS' && { record: { name: nameOf(each.domain), value: `_v.acm-validations.aws.` } }),
  }));
const certificate: fc.Arbitrary<Certificate> = fc.record({
  type: fc.constantFrom('AMAZON_ISSUED', 'IMPORTED', 'PRIVATE'),
  status: fc.constantFrom('ISSUED', 'PENDING_VALIDATION', 'EXPIRED'),
  serial: fc.constantFrom('A', 'B'),
  domains: fc.uniqueArray(domain),
  notAfter: fc.constantFrom('2026-12-02T00:00:00.000Z', '2027-12-02T00:00:00.000Z'),
  daysLeft: fc.integer({ min: -5, max: 60 }),
  isEligible: fc.boolean(),
  validations: fc.array(validation, { maxLength: 4 }),
});
const reading: fc.Arbitrary<Observation['records'][string]> = fc.constantFrom(
  { kind: 'missing' as const },
  { kind: 'not-simple' as const, why: 'x' },
  { kind: 'unknown' as const, why: 'x' },
  { kind: 'record' as const, record: { ttlSeconds: 1, values: ['_v.acm-validations.aws'] } },
  { kind: 'record' as const, record: { ttlSeconds: 1, values: ['other'] } },
);
const observation: fc.Arbitrary<Observation> = fc.record(
  {
    certificate: fc.option(certificate, { nil: undefined }),
    records: fc.dictionary(domain.map(nameOf), reading),
    replacement: fc.constantFrom(
      { kind: 'usable' as const, serial: 'B', fingerprint: 'F', notAfter: '2027-06-01T00:00:00.000Z', issuer: 'One' },
      { kind: 'unusable' as const, why: 'x' },
    ),
    kept: fc.constantFrom({ issuer: 'One', versionId: 'v-1' }, { issuer: 'Two', versionId: 'v-1' }),
  },
  { requiredKeys: ['certificate', 'records'] },
);
const judge = (seen: Observation) => decide({ signal, target, observation: seen, hold: undefined, config });

describe('renew-certificate', () => {
  it('creates records only in a configured zone, where none of that name was seen', () => {
    fc.assert(
      fc.property(observation, (seen) => {
        const decision = judge(seen);
        if (decision.kind !== 'act') return;
        const plan = planOf(decision.change);
        for (const { zoneId, name } of plan.kind === 'records' ? plan.records : []) {
          expect(Object.values(target.zones)).toContain(zoneId);
          expect(name).toMatch(/\.example\.com\.$/);
          expect(seen.records[name]).toEqual({ kind: 'missing' });
        }
      }),
    );
  });

  it('imports only what lasts longer, over what was imported, and asks unless the earlier one is kept', () => {
    fc.assert(
      fc.property(observation, (seen) => {
        const decision = judge(seen);
        const plan = decision.kind === 'act' ? planOf(decision.change) : undefined;
        if (decision.kind !== 'act' || plan?.kind !== 'import') return;
        expect(seen.certificate?.type).toBe('IMPORTED');
        expect(plan.notAfter > (seen.certificate?.notAfter ?? '')).toBe(true);
        expect(decision.approval === undefined).toBe(seen.kept?.issuer === 'One');
      }),
    );
  });

  it('does nothing for a certificate with days enough, and never takes for done what it is about to do', () => {
    fc.assert(
      fc.property(observation, (seen) => {
        const decision = judge(seen);
        if (seen.certificate && !needsRenewal(seen.certificate)) expect(decision.kind).toBe('fine');
        if (decision.kind === 'act' && planOf(decision.change).kind !== 'import')
          expect(alreadyApplied(decision.change, seen)).toBe('no');
      }),
    );
  });
});
