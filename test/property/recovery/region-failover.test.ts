/** Nothing is promoted for less than the whole quorum, the fence and the gate: whatever else is seen. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { confirm, gate, moved, type SeenAlarm } from '../../../functions/recovery/region-failover/decide.ts';
import { outlook, pair, replicaWith } from '../../support/failover.ts';
import { NOW } from '../../support/fixtures.ts';

/** Often enough all or none that whole quorums are met. */
const probes = fc.constantFrom(0, 0, 0, 1, 2, 3, 3, 3).map((healthy) => ({ healthy, all: 3 }));
const alarms = fc.array(
  fc.record({
    name: fc.constantFrom('silent', 'canary', 'other'),
    state: fc.constantFrom<SeenAlarm['state']>(...Array(20).fill('ALARM'), 'OK', 'INSUFFICIENT_DATA', 'missing'),
    since: fc.integer({ min: NOW - 3_600_000, max: NOW }),
  }),
  { maxLength: 4 },
);
const sickFor = fc.option(fc.integer({ min: 0, max: 200 }), { nil: undefined });

describe('region-failover', () => {
  it('confirms an outage only if no probe of the primary is good for the whole time, the standby is, and all alarms fire', () => {
    fc.assert(
      fc.property(probes, probes, alarms, sickFor, fc.boolean(), (primary, standby, told, seconds, isReplica) => {
        const before = seconds === undefined ? undefined : { sickSince: NOW - seconds * 1000 };
        const replica = replicaWith(isReplica ? {} : { replicaOf: undefined });
        const seen = outlook({ primary, standby, alarms: told, replica });
        const decision = confirm(seen, pair, { now: NOW, before, rehearse: false });
        const quorum =
          primary.healthy === 0 &&
          standby.healthy === 3 &&
          told.length > 0 &&
          told.every(({ state }) => state === 'ALARM') &&
          (seconds ?? -1) >= pair.unhealthyForSeconds;
        expect(decision.kind === 'done').toBe(quorum && isReplica);
        expect(decision.kind).not.toBe('act');
        if (decision.kind === 'done') {
          const { cutAt, sickSince } = decision.result as { cutAt: number; sickSince: number };
          // Not before all of them tell of it: the loss is never reckoned too small by an early alarm.
          expect(cutAt).toBe(Math.min(sickSince, Math.max(...told.map(({ since }) => since))));
        }
      }),
    );
  });

  it('passes the gate only with a word on the fence, and never with a loss that nobody allowed', () => {
    const accepted = fc.option(fc.oneof(fc.integer({ min: 0, max: 2_000 }), fc.constant('unknown' as const)), {
      nil: undefined,
    });
    const lag = fc.option(fc.integer({ min: -100, max: 2_000 }), { nil: undefined });
    fc.assert(
      fc.property(lag, accepted, fc.boolean(), (seconds, acceptLossSeconds, isFenced) => {
        const recoveryPointAt = seconds === undefined ? undefined : NOW - seconds * 1000;
        const input = { pair: 'checkout', acceptLossSeconds, ...(isFenced && { fenced: 'jane' }) };
        const decision = gate({ recoveryPointAt }, input, pair, { sickSince: NOW, cutAt: NOW, rehearse: false });
        const most = acceptLossSeconds === 'unknown' ? Number.POSITIVE_INFINITY : Math.max(300, acceptLossSeconds ?? 0);
        const allowed = seconds === undefined ? acceptLossSeconds === 'unknown' : seconds <= most;
        expect(decision.kind).toBe(isFenced && allowed ? 'done' : 'fail');
      }),
    );
  });

  it('never takes users for moved while any address is another than the standby’s', () => {
    const address = fc.constantFrom('192.0.2.1', '192.0.2.2', '192.0.2.3');
    fc.assert(
      fc.property(fc.array(address), fc.array(address), probes, sickFor, (addresses, standby, answers, seconds) => {
        const since = seconds === undefined ? undefined : NOW - seconds * 1000;
        const decision = moved({ addresses, standby, answers }, pair, { now: NOW, since });
        const there = addresses.length > 0 && addresses.every((each) => standby.includes(each));
        if (decision.kind === 'done') expect([there, answers.healthy, (seconds ?? 0) >= 60]).toEqual([true, 3, true]);
        else expect(decision.kind).toBe('wait');
      }),
    );
  });
});
