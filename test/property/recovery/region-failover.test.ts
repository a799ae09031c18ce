/** Nothing is promoted for less than the whole quorum, the fence and the gate: whatever else is seen. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Authority } from '../../../functions/authority/rules.ts';
import { confirm, gate, moved, type SeenAlarm } from '../../../functions/recovery/region-failover/decide.ts';
import { stillWrites, whyAttested } from '../../../functions/recovery/region-failover/fence.ts';
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

  it('promotes for a primary that stops by itself only once its whole lease and the margin are over, and reckons all of it as lost', () => {
    const fencing = {
      by: 'self',
      deployment: 'main',
      database: 'orders',
      leaseSeconds: 180,
      clockMarginSeconds: 5,
    } as const;
    const confirmed = { at: NOW, until: NOW, clockOffMs: 0, guardedTables: 1, unguarded: [] };
    const untilIn = fc.integer({ min: -400_000, max: 400_000 });
    fc.assert(
      fc.property(untilIn, fc.boolean(), fc.boolean(), (inMs, isConfirmed, isOurs) => {
        const until = NOW + inMs;
        const authority: Authority = {
          ...{ pair: 'checkout', state: 'withdrawn', version: 2, until, withdrawnBy: isOurs ? 'run' : 'other' },
          ...(isConfirmed && { confirmed }),
        };
        const selfFenced = { ...pair, fencing };
        const seen = {
          ...{ recoveryPointAt: NOW, mayWriteUntil: until },
          whyAttested: whyAttested(selfFenced, authority),
        };
        const at = { sickSince: NOW, cutAt: NOW, rehearse: false };
        const gated = gate(seen, { pair: 'checkout' }, selfFenced, at);
        expect(gated.kind).toBe(isConfirmed && inMs <= 300_000 ? 'done' : 'fail');
        if (gated.kind === 'done')
          expect(gated.result).toMatchObject({ writtenUntil: NOW + Math.max(0, inMs), recoveryPointAt: NOW });
        const writes = stillWrites(authority, {}, selfFenced, { now: NOW, run: 'run', rehearse: false });
        expect(writes === undefined).toBe(isConfirmed && isOurs && inMs + 5_000 <= 0);
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
        const seen = { recoveryPointAt, mayWriteUntil: undefined, whyAttested: 'fenced by people' };
        const decision = gate(seen, input, pair, { sickSince: NOW, cutAt: NOW, rehearse: false });
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
        const decision = moved({ addresses, site: standby, answers }, pair, { now: NOW, since, site: 'the standby' });
        const there = addresses.length > 0 && addresses.every((each) => standby.includes(each));
        if (decision.kind === 'done') expect([there, answers.healthy, (seconds ?? 0) >= 60]).toEqual([true, 3, true]);
        else expect(decision.kind).toBe('wait');
      }),
    );
  });
});
