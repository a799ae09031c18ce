import { describe, expect, it } from '@jest/globals';
import { type Authority, withdrawn } from '../../../functions/authority/rules.ts';
import type { Change } from '../../../functions/engine/remediation.ts';
import { gate } from '../../../functions/recovery/region-failover/decide.ts';
import {
  decideAdmission,
  decideGrantAgain,
  decideWithdraw,
  lapse,
  proveWithdraw,
  stillWrites,
  whyAttested,
} from '../../../functions/recovery/region-failover/fence.ts';
import { pair as attested } from '../../support/failover.ts';
import { NOW } from '../../support/fixtures.ts';

const RUN = 'region-failover-1';
const pair = {
  ...attested,
  fencing: { by: 'self', deployment: 'main', database: 'checkout-db', leaseSeconds: 180, clockMarginSeconds: 5 },
} as const;
const granting: Authority = {
  ...{ pair: 'checkout', state: 'granting', version: 7, until: NOW + 60_000 },
  confirmed: { at: NOW, until: NOW + 60_000, clockOffMs: 0, guardedTables: 3, unguarded: [] },
};
const taken = withdrawn(granting, RUN);
const at = { now: NOW, run: RUN, rehearse: false };
const changeOf = (authority: Authority | undefined): Change => {
  const decision = decideWithdraw(authority, pair, RUN);
  if (decision.kind !== 'act') throw new Error(`expected a change, got ${decision.kind}`);
  return decision.change;
};

describe('withdrawing the authority', () => {
  it('is done once, also where nothing was granted yet: nobody begins to grant while a replica is promoted', () => {
    expect(changeOf(granting)).toMatchObject({ before: { state: 'granting' }, after: { state: 'withdrawn' } });
    expect(changeOf(undefined).after).toEqual({ state: 'withdrawn' });
    expect(decideWithdraw(taken, pair, RUN).kind).toBe('done');
    expect(decideWithdraw(granting, attested, RUN).kind).toBe('done');
  });

  it('is proved by the journal', () => {
    expect(proveWithdraw(changeOf(granting), taken, RUN).kind).toBe('good');
    expect(proveWithdraw(changeOf(granting), granting, RUN).kind).toBe('bad');
  });

  it('is taken back by the run that did it, and only where it was granted before', () => {
    expect(decideGrantAgain(taken, changeOf(granting), RUN)).toMatchObject({
      ...{ kind: 'act', change: { after: { state: 'granting' } } },
    });
    expect(decideGrantAgain(taken, undefined, RUN).kind).toBe('done');
    expect(decideGrantAgain(withdrawn(granting, 'another'), changeOf(granting), RUN).kind).toBe('done');
    expect(decideGrantAgain(taken, changeOf(withdrawn(granting, 'another')), RUN).kind).toBe('done');
  });
});

describe('waiting it out', () => {
  it('waits for the last grant and the margin, and is over then', () => {
    expect(lapse(taken, {}, pair, at)).toMatchObject({
      kind: 'wait',
      seconds: 5,
      detail: expect.stringMatching(/65 s/),
    });
    expect(lapse(taken, {}, pair, { ...at, now: NOW + 64_001 })).toMatchObject({ kind: 'wait', seconds: 1 });
    expect(lapse(taken, {}, pair, { ...at, now: NOW + 65_000 }).kind).toBe('done');
  });

  it('waits also where a person said that it is fenced, and takes the word alone where waiting says nothing', () => {
    expect(lapse(taken, { fenced: 'jane' }, pair, at).kind).toBe('wait');
    const silent = { ...taken, confirmed: undefined };
    expect(lapse(silent, { fenced: 'jane' }, pair, at).kind).toBe('done');
    expect(lapse(silent, {}, pair, at).kind).toBe('fail');
  });

  it('is asked again directly before the promotion: whoever granted it again keeps its database', () => {
    const over = { ...at, now: NOW + 65_000 };
    expect(stillWrites(taken, {}, pair, over)).toBeUndefined();
    expect(stillWrites(taken, {}, pair, at)).toMatch(/isn’t over/);
    expect(stillWrites(granting, {}, pair, over)).toMatch(/isn’t withdrawn by this run/);
    expect(stillWrites(withdrawn(granting, 'another'), {}, pair, over)).toMatch(/isn’t withdrawn by this run/);
    expect(stillWrites(undefined, { fenced: 'jane' }, attested, at)).toBeUndefined();
  });

  it('is no word of anybody where fencing by itself was given up during the run: the old primary may have been freed', () => {
    expect(stillWrites(taken, {}, attested, { ...at, now: NOW + 65_000 })).toMatch(/fenced by people by now/);
    expect(lapse(undefined, {}, attested, { ...at, rehearse: true }).kind).toBe('done');
  });

  it('needs nobody’s word at the gate, and counts as lost what may be written until it is over', () => {
    const seen = { recoveryPointAt: NOW, mayWriteUntil: taken.until, whyAttested: whyAttested(pair, taken) };
    const cut = { sickSince: NOW, cutAt: NOW, rehearse: false };
    expect(gate(seen, { pair: 'checkout' }, pair, cut)).toMatchObject({
      ...{ kind: 'done', detail: 'fenced by itself, once its authority is over; 60 s may be lost' },
      result: { writtenUntil: NOW + 60_000 },
    });
    expect(gate(seen, { pair: 'checkout', fenced: 'jane' }, pair, cut)).toMatchObject({
      result: { writtenUntil: NOW },
    });
    const unguarded = { ...taken, confirmed: { ...taken.confirmed, unguarded: ['public.refunds'] } } as Authority;
    const weak = gate({ ...seen, whyAttested: whyAttested(pair, unguarded) }, { pair: 'checkout' }, pair, cut);
    expect(weak).toMatchObject({ kind: 'fail', reason: expect.stringMatching(/public\.refunds.*fenced=/) });
  });

  it('asks a person where the database wasn’t heard of for long before the outage, or was withdrawn by an earlier run', () => {
    expect(whyAttested(pair, taken, NOW + 60_000)).toBeUndefined();
    expect(whyAttested(pair, taken, NOW + 3_600_000)).toMatch(/60 min before the outage/);
    const again = withdrawn(taken, 'region-failover-2');
    const later = { ...at, run: 'region-failover-2', now: NOW + 3_600_000 };
    expect(lapse(again, {}, pair, later)).toMatchObject({ kind: 'fail' });
    expect(lapse(again, { fenced: 'jane' }, pair, later).kind).toBe('done');
  });
});

it('frees the promoted database of the old primary’s lease, where that one had any', () => {
  expect(decideAdmission(taken, pair)).toMatchObject({ kind: 'act', change: { after: { lease: 'none' } } });
  // Its message may have arrived, and only the answer was lost.
  expect(decideAdmission({ ...taken, confirmed: undefined }, pair).kind).toBe('act');
  expect(decideAdmission({ ...taken, confirmed: undefined, until: 0 }, pair).kind).toBe('done');
  expect(decideAdmission(undefined, attested).kind).toBe('done');
});
