/** The matrix's own judgement: a check that can't turn red proves nothing. */
import { describe, expect, it } from '@jest/globals';
import { type ActionItem, type EventItem, NEW_TARGET, type WorkItem } from '../../../functions/engine/items.ts';
import { afterDeliveries, atTheEnd, eachOfBoth, type Facts } from '../../matrix/invariants.ts';
import type { Journal } from '../../matrix/journal.ts';

const NOW = Date.parse('2026-11-20T03:00:00Z');

const action: ActionItem = {
  actionId: 'act-1',
  remediation: 'scale-out-service',
  target: 'ecs-service/orders/mx0001x',
  incidentId: 'inc-1',
  purpose: 'remediate',
  signalId: 'event-1',
  change: { summary: 'raise', before: { value: 1 }, after: { value: 2 }, undo: 'lower' },
  status: 'done',
  attempt: 1,
  leaseUntil: NOW - 1,
  requestId: 'request-1',
  verifyBy: NOW + 60_000,
};
const event: EventItem = {
  pk: 'EVENT#scale-out-service#event-1',
  sk: 'EVENT',
  status: 'done',
  requestId: 'request-1',
  actionId: 'act-1',
  outcome: { kind: 'remediated', incidentId: 'inc-1', actionId: 'act-1' },
  at: new Date(NOW).toISOString(),
};
const work = (kind: WorkItem['kind'], dueAt = NOW + 30_000): WorkItem => ({
  pk: `WORK#${kind}`,
  sk: 'WORK',
  kind,
  id: 'x',
  remediation: 'scale-out-service',
  target: action.target,
  dueAt,
  attempts: 0,
});
const good: Journal = {
  target: { ...NEW_TARGET, version: 2 },
  actions: [action],
  events: new Map([['event-1', event]]),
  work: [work('recheck'), work('verify')],
  entries: [],
};
const facts = (journal: Partial<Journal> = {}, more: Partial<Facts> = {}): Facts => ({
  stage: 'firing',
  journal: { ...good, ...journal },
  inspection: { state: 'after', changes: 1, detail: 'two tasks' },
  now: NOW,
  deliveries: [{ id: 'event-1', acknowledged: true }],
  ...more,
});
const entry = (kind: Journal['entries'][number]['kind']) => ({
  id: kind,
  incidentId: 'inc-1',
  at: '',
  kind,
  by: 'test',
  summary: '',
  data: {},
});

it('a point after which everything is in order holds', () => {
  expect(afterDeliveries(facts())).toEqual([]);
  expect(atTheEnd(facts())).toEqual([]);
});

describe('after the deliveries', () => {
  it.each<[string, Facts, RegExp]>([
    [
      'an acknowledged event that isn’t finished',
      facts({ events: new Map([['event-1', { ...event, status: 'committed' }]]) }),
      /^I1.*acknowledged/,
    ],
    ['an acknowledged event without an item', facts({ events: new Map(), actions: [] }), /^I1.*missing/],
    [
      'an event that doesn’t name its action',
      facts({ events: new Map([['event-1', { ...event, actionId: 'act-0' }]]) }),
      /^I4/,
    ],
    [
      'an outcome while the intent is unfinished',
      facts({ actions: [{ ...action, status: 'intended' }] }),
      /^I1.*unfinished/,
    ],
    ['two actions within one cooldown', facts({ actions: [action, { ...action, actionId: 'act-2' }] }), /^I5/],
    [
      'two intents under way',
      facts({
        actions: [
          { ...action, status: 'intended' },
          { ...action, actionId: 'act-2', purpose: 'hand-back', status: 'intended' },
        ],
      }),
      /^I2/,
    ],
  ])('%s is told', (_what, given, expected) => {
    expect(afterDeliveries(given).some((sentence) => expected.test(sentence))).toBe(true);
  });

  it('an event that was given up needs no item', () => {
    const given = facts({ events: new Map(), actions: [] }, { deliveries: [{ id: 'event-1', acknowledged: false }] });
    expect(afterDeliveries(given)).toEqual([]);
  });
});

describe('at the end', () => {
  it.each<[string, Facts, RegExp]>([
    [
      'a state beyond the intent',
      facts({}, { inspection: { state: 'beyond', changes: 1, detail: '3' } }),
      /^I4.*neither/,
    ],
    [
      'more changes than intents',
      facts({}, { inspection: { state: 'after', changes: 2, detail: '' } }),
      /^I4.*2 times/,
    ],
    [
      'a finished action without its change',
      facts({}, { inspection: { state: 'before', changes: 0, detail: '' } }),
      /^I7.*isn't changed/,
    ],
    [
      'a failure that nobody was told of',
      facts({ actions: [{ ...action, status: 'failed' }] }),
      /^I7.*nobody was called/,
    ],
    [
      'a lease that ran out',
      facts({ target: { ...NEW_TARGET, version: 2, leaseHolder: 'act-1', leaseUntil: NOW - 1 } }),
      /^I2.*lease/,
    ],
    [
      'a lease that still runs',
      facts({ target: { ...NEW_TARGET, version: 2, leaseHolder: 'a', leaseUntil: NOW + 9 } }),
      /^I1.*not settled/,
    ],
    ['an unfinished intent', facts({ actions: [{ ...action, status: 'intended' }] }), /^I1.*not settled/],
    ['a firing alarm that nothing looks at again', facts({ work: [work('verify')] }), /^I1.*nothing looks/],
    ['a verification that is never due', facts({ work: [work('recheck')] }), /^I7.*never due/],
    [
      'a verification long after its deadline',
      facts({ work: [work('recheck'), work('verify', NOW + 3_600_000)] }),
      /^I7.*long after/,
    ],
    ['a person who isn’t there', facts({ entries: [entry('left-as-is')] }), /^I4.*nobody did/],
    [
      'an incident that stays open',
      facts({ target: { ...NEW_TARGET, version: 2, openIncidentId: 'inc-1' } }, { stage: 'resolved' }),
      /^I1.*not settled/,
    ],
  ])('%s is told', (_what, given, expected) => {
    expect(atTheEnd(given).filter((sentence) => expected.test(sentence))).toHaveLength(1);
  });

  it.each<[string, Facts, RegExp]>([
    [
      'an action that nobody approved',
      facts({ entries: [entry('approval-requested')] }, { stage: 'asked' }),
      /^I6.*nobody/,
    ],
    [
      'an action without its approval',
      facts({ entries: [entry('approval-requested')] }, { stage: 'approved' }),
      /^I6.*names no/,
    ],
    ['a question that wasn’t asked', facts({ actions: [] }, { stage: 'asked' }), /^I6.*0 times/],
    [
      'a question that was asked twice',
      facts({ entries: [entry('approval-requested'), entry('approval-requested')] }, { stage: 'approved' }),
      /^I6.*2 times/,
    ],
    ['an approval that nothing comes of', facts({ actions: [] }, { stage: 'approved' }), /^I1.*not settled/],
  ])('%s is told', (_what, given, expected) => {
    expect(atTheEnd(given).filter((sentence) => expected.test(sentence))).toHaveLength(1);
  });

  it('a change that was asked for and approved holds', () => {
    const approved = { actions: [{ ...action, approvalId: 'apr-1' }], entries: [entry('approval-requested')] };
    expect(atTheEnd(facts(approved, { stage: 'approved' }))).toEqual([]);
  });

  it('what has no level may be over for a delivery that found it done, and what has one never', () => {
    const fine: EventItem = { ...event, outcome: { kind: 'already-fine', reason: 'its copy is there' } };
    const over: Partial<Journal> = {
      actions: [{ ...action, status: 'verified' }],
      target: { ...NEW_TARGET, version: 3 },
      events: new Map([
        ['event-1', event],
        ['event-2', fine],
      ]),
      work: [],
    };
    const after = { state: 'after' as const, changes: 1, detail: 'it is copied' };
    const forgotten = [expect.stringMatching(/^I1: the alarm fires and nothing looks/)];
    const of = (journal: Partial<Journal>, withoutLevel: boolean) =>
      atTheEnd(facts(journal, { inspection: { ...after, ...(withoutLevel && { withoutLevel }) } }));
    expect(of(over, true)).toEqual([]);
    expect(of(over, false)).toEqual(forgotten);
    expect(of({ ...over, events: new Map([['event-1', event]]) }, true)).toEqual(forgotten);
    expect(of({ ...over, target: { ...NEW_TARGET, version: 3, openIncidentId: 'inc-1' } }, true)).toEqual(forgotten);
  });

  it('a failure that a person was called about holds', () => {
    const given = facts({ actions: [{ ...action, status: 'failed' }], entries: [entry('escalated')] });
    expect(atTheEnd(given)).toEqual([]);
  });
});

describe('two remediations of one target', () => {
  const both = ['scale-out-service', 'restart-service'];
  const ids = ['event-1', 'event-2'];
  const held: EventItem = { ...event, pk: 'EVENT#restart-service#event-2' };
  const journal: Journal = {
    ...good,
    events: new Map([
      ['event-1', event],
      ['event-2', held],
    ]),
    work: [...good.work, { ...work('recheck'), remediation: 'restart-service' }],
  };

  it('hold when one acts and the other is looked at again', () => {
    expect(eachOfBoth(journal, both, ids)).toEqual([]);
  });

  it.each<[string, Partial<Journal>, RegExp]>([
    ['the other is forgotten', { work: good.work }, /^I1: restart-service didn't act, and nothing looks/],
    ['the other has no outcome', { events: good.events }, /^I1: event event-2 has no outcome/],
    ['neither acts and nobody is called', { actions: [] }, /^I1: neither remediation acted/],
  ])('turn red when %s', (_, change, sentence) => {
    expect(eachOfBoth({ ...journal, ...change }, both, ids)).toContainEqual(expect.stringMatching(sentence));
  });

  it('turn red when both are under way, or one of them acts twice', () => {
    const [first, second] = ['scale-out-service', 'restart-service'].map(
      (remediation, index): ActionItem => ({ ...action, remediation, actionId: `act-${index}`, status: 'intended' }),
    );
    const actions = [first, second].flatMap((each) => each ?? []);
    expect(atTheEnd(facts({ ...journal, actions }))).toContainEqual(expect.stringMatching(/^I2: 2 intents/));
    const twice = [action, { ...action, actionId: 'act-2' }];
    expect(atTheEnd(facts({ ...journal, actions: twice }))).toContainEqual(expect.stringMatching(/^I5: 2 actions of/));
  });
});

describe('of what changes nothing', () => {
  const journalOf = (kinds: Journal['entries'][number]['kind'][]): Partial<Journal> => ({
    ...{ actions: [], entries: kinds.map(entry), target: { ...NEW_TARGET, openIncidentId: 'inc-1' } },
    work: [work('recheck')],
  });
  const nothing = { state: 'before' as const, changes: 0, detail: 'nothing is changed' };
  const of = (kinds: Journal['entries'][number]['kind'][], stage: Facts['stage']) =>
    atTheEnd(facts(journalOf(kinds), { stage, callsOnly: true, inspection: nothing }));

  it('somebody must have been called', () => {
    expect(of(['escalated'], 'firing')).toEqual([]);
    expect(of([], 'firing')).toEqual(['I7: nobody was called']);
  });

  it('that somebody was called is no end, once the end was told', () => {
    expect(of(['escalated'], 'resolved')).toEqual([expect.stringMatching(/^I1: not settled/)]);
  });
});
