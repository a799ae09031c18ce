import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { SiteHealth } from '../../../functions/dns/health.ts';
import type { RecordState } from '../../../functions/dns/record.ts';
import {
  afterOf,
  beforeOf,
  decide,
  decideHandBack,
  type Observation,
} from '../../../functions/remediations/fail-over-dns/decide.ts';
import { config, endpoint, signal } from '../../support/fixtures.ts';

const sites = ['a', 'b', 'c'].map((name, index) => ({
  ...{ name, target: `192.0.2.${index}`, healthCheckId: name, probeUrl: `https://${name}.example.com/` },
}));
const health = fc.record<SiteHealth>({
  probes: fc.nat(3).map((healthy) => ({ healthy, all: 3 })),
  votes: fc.oneof(
    fc.tuple(fc.nat(6), fc.nat(6)).map(([x, y]) => ({ healthy: Math.min(x, y), all: Math.max(x, y) })),
    fc.constant({ unknown: 'throttled' }),
  ),
});
const record: fc.Arbitrary<RecordState> = fc.oneof(
  fc.record({ ttlSeconds: fc.nat(100), values: fc.subarray(['192.0.2.0', '192.0.2.1', '192.0.2.2', '192.0.2.9']) }),
  fc.constant({ aliasZoneId: 'Z1', dnsName: '192.0.2.0', evaluateTargetHealth: false }),
);
const observation: fc.Arbitrary<Observation> = fc.record({
  record: fc.oneof(
    { weight: 6, arbitrary: record.map((each) => ({ kind: 'record' as const, record: each })) },
    fc.constant({ kind: 'missing' as const }),
    fc.constant({ kind: 'not-simple' as const, why: 'weighted' }),
    fc.constant({ kind: 'unknown' as const, why: 'timeout' }),
  ),
  sites: fc.record({ a: health, b: health, c: health }, { requiredKeys: [] }),
});
const target = fc
  .record({ failBack: fc.constantFrom('auto' as const, 'person' as const) })
  .map((more) => ({ ...endpoint, sites, ...more }));

/** Said once more, by other means than `verdictOf`: everything that was asked is well, and of three checkers or more most are. */
const isProved = (seen: SiteHealth | undefined): boolean =>
  seen !== undefined &&
  seen.probes.healthy === 3 &&
  'all' in seen.votes &&
  seen.votes.all >= 3 &&
  2 * seen.votes.healthy > seen.votes.all;

describe('fail-over-dns, whatever is seen', () => {
  it('sends nobody to a site that is not proved healthy, nor away from one that is, and keeps the record that it found', () => {
    fc.assert(
      fc.property(target, observation, (endpointOf, seen) => {
        const decision = decide({ signal, target: endpointOf, observation: seen, hold: undefined, config });
        if (decision.kind !== 'act') return;
        const [before, after] = [beforeOf(decision.change), afterOf(decision.change)];
        expect(isProved(seen.sites[after.site])).toBe(true);
        expect(isProved(seen.sites[before.site])).toBe(false);
        expect(after.site).not.toBe(before.site);
        expect(seen.record).toEqual({ kind: 'record', record: before.record });
        expect(sites.map((site) => [site.target])).toContainEqual('values' in after.record && after.record.values);
        expect(decision.change.hold?.field ?? 'site').toBe('site');
      }),
    );
  });

  it('sends nobody back to a site that is not proved healthy', () => {
    const holds = fc.record({ baseline: fc.nat(3), value: fc.nat(3) });
    fc.assert(
      fc.property(target, observation, holds, (endpointOf, seen, held) => {
        const hold = {
          remediation: 'fail-over-dns',
          field: 'site',
          stabiliseForSeconds: 60,
          incidentId: 'i',
          since: '',
          ...held,
        };
        const verdict = decideHandBack({ target: endpointOf, hold, observation: seen });
        if (verdict.kind !== 'restore') return;
        expect(afterOf(verdict.change).site).toBe(sites[held.baseline]?.name);
        expect(beforeOf(verdict.change).site).toBe(sites[held.value]?.name);
        expect(isProved(seen.sites[afterOf(verdict.change).site])).toBe(true);
      }),
    );
  });
});
