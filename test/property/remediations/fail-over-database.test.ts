import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  alreadyApplied,
  beforeOf,
  decide,
  type Observation,
  verify,
} from '../../../functions/remediations/fail-over-database/decide.ts';
import { anyConnected, provesDown } from '../../support/connected.ts';
import { config, database, signal } from '../../support/fixtures.ts';

const AT = Date.parse('2026-11-20T03:00:00.000Z');
const zone = fc.constantFrom('us-east-1a', 'us-east-1b', 'us-east-1c');
const message = fc.constantFrom(
  'Multi-AZ instance failover started.',
  'Multi-AZ instance failover completed.',
  'Abandoning user requested failover since a failover recently occurred on the database instance.',
  'DB instance restarted',
  'DB instance shutdown.',
  'Multi-AZ instance recovery started.',
  'Finished DB Instance backup',
);
const event = fc
  .record({ minutes: fc.integer({ min: -60, max: 10 }), message })
  .map(({ minutes, message: text }) => ({ at: new Date(AT + minutes * 60_000).toISOString(), message: text }));
const observation: fc.Arbitrary<Observation> = fc.oneof(
  fc.constant<Observation>({ kind: 'missing', why: 'gone' }),
  fc
    .record({
      status: fc.constantFrom('available', 'rebooting', 'modifying', 'failed', 'stopped', 'unheard-of'),
      multiAz: fc.boolean(),
      zone,
      secondaryZone: fc.option(zone),
      cluster: fc.option(fc.constant('orders'), { freq: 5 }),
      connected: anyConnected,
      pending: fc.subarray(['MultiAZ', 'DBInstanceClass']),
      events: fc.array(event, { maxLength: 5 }),
    })
    .map(({ secondaryZone, cluster, ...rest }) => ({
      kind: 'instance' as const,
      at: new Date(AT).toISOString(),
      ...rest,
      ...(secondaryZone && { secondaryZone }),
      ...(cluster && { cluster }),
    })),
);
const judge = (seen: Observation, runbook?: string) =>
  decide({
    signal: { ...signal, ...(runbook && { runbook }) },
    target: database,
    observation: seen,
    hold: undefined,
    config,
  });

describe('fail-over-database, whatever it sees', () => {
  it('acts only on an available Multi-AZ instance of its own, with a standby elsewhere and no failover in the last hour', () => {
    fc.assert(
      fc.property(observation, (seen) => {
        const decision = judge(seen);
        if (decision.kind !== 'act') return;
        if (seen.kind !== 'instance') throw new Error('acted on what is missing');
        expect(seen).toMatchObject({ status: 'available', multiAz: true });
        expect(seen.cluster).toBeUndefined();
        expect(seen.secondaryZone).not.toBe(seen.zone);
        expect(seen.events.some((each) => /failover completed/.test(each.message))).toBe(false);
        expect(beforeOf(decision.change).zone).toBe(seen.zone);
      }),
    );
  });

  it('leaves one that is said to be down alone unless clients and heartbeats went together', () => {
    fc.assert(
      fc.property(observation, (seen) => {
        if (seen.kind !== 'instance' || judge(seen, 'database-down').kind !== 'act') return;
        expect(provesDown(seen.connected)).toBe(true);
      }),
    );
  });

  it('never repeats a failover of which there is any sign, nor calls it good before the other zone serves', () => {
    fc.assert(
      fc.property(observation, observation, (first, later) => {
        const decision = judge(first);
        if (decision.kind !== 'act') return;
        const before = beforeOf(decision.change);
        if (alreadyApplied(decision.change, later) === 'no') {
          expect(later).toMatchObject({ status: 'available', zone: before.zone });
          if (later.kind === 'instance')
            expect(
              later.events.filter((each) => each.at >= before.seenAt && /failover|DB instance/.test(each.message)),
            ).toEqual([]);
        }
        if (verify({ change: decision.change, observation: later }).kind === 'good') {
          expect(later).toMatchObject({ status: 'available' });
          expect(later.kind === 'instance' && later.zone).not.toBe(before.zone);
        }
      }),
    );
  });
});
