import { describe, expect, it } from '@jest/globals';
import { anySlots, budgetsOf, chooseSlots, claimSlots, judgeSlots } from '../../../functions/engine/budget.ts';
import { slotKey } from '../../../functions/engine/items.ts';
import { config, limits, NOW } from '../../support/fixtures.ts';

const HOUR = 3_600_000;
const budget = { scope: 'fleet', limit: 3 };
/** Claims of the slots 0, 1, 2 ... at these times. */
const claims = (...times: readonly number[]) =>
  times.map((claimedAt, slot) => ({ sk: slotKey('fleet', slot).sk, claimedAt }));

describe('a budget of three changes an hour', () => {
  it.each<[string, readonly number[], object]>([
    ['untouched', [], { slots: [0, 1, 2] }],
    ['with one claim', [NOW - 1], { slots: [1, 2] }],
    ['one short of its limit', [NOW - 2, NOW - 1], { slots: [2] }],
    ['spent, until the oldest claim is an hour old', [NOW - 1, NOW - 10, NOW - 5], { spentUntil: NOW - 10 + HOUR }],
    ['spent to the last millisecond', [NOW - HOUR + 1, NOW, NOW], { spentUntil: NOW + 1 }],
    ['free again when a claim is an hour old', [NOW - HOUR, NOW, NOW], { slots: [0] }],
    ['that a clock ahead of ours has claimed', [NOW + 5, NOW + 5, NOW + 5], { spentUntil: NOW + 5 + HOUR }],
  ])('is %s', (_, times, verdict) => {
    expect(judgeSlots(budget, claims(...times), NOW)).toEqual(verdict);
  });

  it.each<[string, string]>([
    ['the end of a clock hour', '2026-11-20T02:59:59.999Z'],
    ['midnight', '2026-11-20T23:59:00Z'],
    ['the hour that Paris skips', '2026-03-29T00:59:59Z'],
    ['the hour that New York has twice', '2026-11-01T05:59:59Z'],
    ['the beginning of a leap day', '2028-02-28T23:59:59Z'],
    ['the end of a leap day', '2028-02-29T23:59:59Z'],
  ])('is no fresh one after %s: an hour is an hour', (_, text) => {
    const spentAt = Date.parse(text);
    const spent = claims(spentAt, spentAt, spentAt);
    expect(judgeSlots(budget, spent, spentAt + 1000)).toEqual({ spentUntil: spentAt + HOUR });
    expect(judgeSlots(budget, spent, spentAt + HOUR - 1)).toEqual({ spentUntil: spentAt + HOUR });
    expect(judgeSlots(budget, spent, spentAt + HOUR)).toEqual({ slots: [0, 1, 2] });
  });

  it('counts no slot beyond a limit that was lowered', () => {
    expect(judgeSlots({ scope: 'fleet', limit: 1 }, claims(NOW - 1, NOW), NOW)).toEqual({ spentUntil: NOW - 1 + HOUR });
  });
});

describe('the budgets of a change', () => {
  const guardrails = (removesCapacity: boolean) =>
    budgetsOf({ name: 'stop-task', removesCapacity }, limits, config).map(({ guardrail, limit }) => [guardrail, limit]);

  it('are its runbook’s and the fleet’s, and that of removals when it takes capacity away', () => {
    const both = [
      ['runbook-budget', limits.perRunbookPerHour],
      ['fleet-budget', config.fleet.changesPerHour],
    ];
    expect(guardrails(false)).toEqual(both);
    expect(guardrails(true)).toEqual([...both, ['removal-budget', config.fleet.removalsPerHour]]);
  });

  it('may be claimed by any of their slots, by none beyond them', () => {
    const [free] = anySlots(budgetsOf({ name: 'stop-task' }, { perRunbookPerHour: 2 }, config));
    expect(free?.slots).toEqual([0, 1]);
  });
});

describe('the slots that a change tries to claim', () => {
  const budgets = budgetsOf({ name: 'stop-task' }, { perRunbookPerHour: 4 }, config);
  const free = anySlots(budgets);
  const last = () => 0.999;

  it('are one of each budget, any that may be free', () => {
    expect(chooseSlots(free, () => 0)).toEqual({ 'runbook-budget': 0, 'fleet-budget': 0 });
    expect(chooseSlots(free, last)).toEqual({ 'runbook-budget': 3, 'fleet-budget': config.fleet.changesPerHour - 1 });
  });

  it('stay where nobody was in the way, and are chosen anew elsewhere', () => {
    const keep = { 'fleet-budget': 1 };
    expect(chooseSlots(free, last, keep)).toEqual({ 'runbook-budget': 3, 'fleet-budget': 1 });
  });

  it('do not stay when they turn out to be taken', () => {
    const [ofRunbook, ofFleet] = budgets;
    if (!ofRunbook || !ofFleet) throw new Error('a change has two budgets');
    const listed = [
      { budget: ofRunbook, slots: [2] },
      { budget: ofFleet, slots: [0, 5] },
    ];
    const kept = { 'runbook-budget': 1, 'fleet-budget': 5 };
    expect(chooseSlots(listed, () => 0, kept)).toEqual({ 'runbook-budget': 2, 'fleet-budget': 5 });
  });

  it('are claimed under the name of the budget that would refuse', () => {
    const claims = claimSlots('journal', free, { 'runbook-budget': 2, 'fleet-budget': 7 }, 'act-1', NOW);
    expect(claims.map(({ label, item }) => [label, item.Put?.Item?.pk, item.Put?.Item?.sk])).toEqual([
      ['runbook-budget', { S: slotKey('stop-task', 2).pk }, { S: slotKey('stop-task', 2).sk }],
      ['fleet-budget', { S: slotKey('fleet', 7).pk }, { S: slotKey('fleet', 7).sk }],
    ]);
  });
});
