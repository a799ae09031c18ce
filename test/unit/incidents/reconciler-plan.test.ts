import { describe, expect, it } from '@jest/globals';
import type { WorkItem, WorkKind } from '../../../functions/engine/items.ts';
import {
  disabledUntil,
  isForgotten,
  type LiveAlarm,
  orderFor,
  runbookOf,
} from '../../../functions/incidents/reconciler/plan.ts';
import { NOW, signal } from '../../support/fixtures.ts';

const work = (kind: WorkKind, change: Partial<WorkItem> = {}): WorkItem => ({
  pk: 'WORK',
  sk: 'WORK',
  kind,
  id: 'act-1',
  remediation: 'scale-out-service',
  target: signal.target,
  dueAt: NOW,
  attempts: 0,
  ...change,
});
const alarm = (change: Partial<LiveAlarm> = {}): LiveAlarm => ({
  arn: signal.subject,
  name: signal.name,
  state: 'ALARM',
  stateAt: NOW - 60_000,
  actionsEnabled: true,
  ...change,
});
const alarms = (...list: LiveAlarm[]) => new Map(list.map((each) => [each.arn, each]));

describe('what the reconciler orders', () => {
  it('judges a held signal again under an identity of its own while its alarm fires', () => {
    const order = orderFor(work('recheck', { signal }), alarms(alarm()));
    expect(order).toMatchObject({
      command: 'signal',
      signal: { state: 'firing', recheck: 1, id: `${signal.id}#recheck-${NOW}` },
    });
    const next = orderFor(
      work('recheck', { signal: { ...signal, id: `${signal.id}#recheck-${NOW}`, recheck: 1 }, dueAt: NOW + 1 }),
      alarms(alarm()),
    );
    expect(next).toMatchObject({ signal: { recheck: 2, id: `${signal.id}#recheck-${NOW + 1}` } });
  });
  it('gives the same order the same identity when it is given twice', () => {
    const due = work('recheck', { signal });
    expect(orderFor(due, alarms(alarm()))).toEqual(orderFor(due, alarms(alarm())));
  });
  it('tells that the alarm is OK when its event was missed', () => {
    expect(orderFor(work('recheck', { signal }), alarms(alarm({ state: 'OK' })))).toMatchObject({
      signal: { state: 'resolved' },
    });
  });
  it('has the incident of a deleted alarm looked at, since no event will ever end it', () => {
    expect(orderFor(work('recheck', { signal }), alarms(alarm({ state: 'GONE' })))).toEqual({
      nightshift: 1,
      command: 'settle',
      target: signal.target,
      alarms: { [signal.subject]: 'GONE' },
    });
  });
  it.each<[string, LiveAlarm[]]>([
    ['has no data', [alarm({ state: 'INSUFFICIENT_DATA' })]],
    ['has its actions disabled by a person', [alarm({ actionsEnabled: false })]],
    ['could not be seen', []],
  ])('neither acts on nor forgets a held signal whose alarm %s', (_, live) => {
    expect(orderFor(work('recheck', { signal }), alarms(...live))).toBe('wait');
  });
  it('has an unfinished intent resumed, a hold handed back, a target settled with the states of its alarms', () => {
    expect(orderFor(work('unfinished'), alarms())).toEqual({ nightshift: 1, command: 'resume', actionId: 'act-1' });
    expect(orderFor(work('hand-back'), alarms())).toEqual({
      nightshift: 1,
      command: 'hand-back',
      target: signal.target,
    });
    expect(orderFor(work('verify'), alarms(alarm({ state: 'OK' })))).toMatchObject({
      command: 'settle',
      alarms: { [signal.subject]: 'OK' },
    });
  });
});

describe('whose alarm it is', () => {
  const tags = (entries: Record<string, string>) => Object.entries(entries).map(([Key, Value]) => ({ Key, Value }));
  it.each<[string, Record<string, string>, string | undefined]>([
    [
      'ours by both tags',
      { 'nightshift:runbook': 'scale-out-service', 'nightshift:deployment': 'main' },
      'scale-out-service',
    ],
    ["everybody's without a deployment", { 'nightshift:runbook': 'scale-out-service' }, 'scale-out-service'],
    [
      "another deployment's",
      { 'nightshift:runbook': 'scale-out-service', 'nightshift:deployment': 'staging' },
      undefined,
    ],
    ['asks for what is not deployed', { 'nightshift:runbook': 'something-else' }, undefined],
    ['untagged', {}, undefined],
  ])('%s', (_, entries, expected) => {
    expect(runbookOf(tags(entries), 'main', ['scale-out-service'])).toBe(expected);
  });
});

describe('an alarm that the journal has forgotten', () => {
  const GRACE = 30_000;
  const stateAt = NOW - 60_000;
  it.each<[string, LiveAlarm, Parameters<typeof isForgotten>[1], boolean]>([
    ['fires unknown', alarm(), undefined, true],
    ['fires again after an OK that is known', alarm(), { state: 'OK', stateAt: stateAt - 1 }, true],
    ['fires again after an earlier alarm that is known', alarm(), { state: 'ALARM', stateAt: stateAt - 60_000 }, true],
    ['is known to fire', alarm(), { state: 'ALARM', stateAt }, false],
    ['is none of ours', alarm(), { state: 'INSUFFICIENT_DATA', stateAt: 0, notOursUntil: NOW + 1 }, false],
    ['was none of ours an hour ago', alarm(), { state: 'INSUFFICIENT_DATA', stateAt: 0, notOursUntil: NOW }, true],
    ['has only just fired', alarm({ stateAt: NOW - GRACE + 1 }), undefined, false],
    ['is OK', alarm({ state: 'OK' }), undefined, false],
    ['has its actions disabled', alarm({ actionsEnabled: false }), undefined, false],
  ])('%s', (_, live, known, forgotten) => {
    expect(isForgotten(live, known, NOW, GRACE)).toBe(forgotten);
  });
});

describe('disabled actions', () => {
  const MINUTE = 60_000;
  const remembered = (actionsDisabledUntil?: number, actionsEnabled = false) =>
    disabledUntil(
      { actionsEnabled },
      actionsDisabledUntil === undefined ? undefined : { actionsDisabledUntil },
      NOW,
      MINUTE,
    );

  it.each<[string, number | undefined, number | undefined]>([
    ['are remembered for six runs', remembered(), NOW + 6 * MINUTE],
    ['are told again before that lapses', remembered(NOW + 2 * MINUTE), NOW + 6 * MINUTE],
    ['are not told at each run', remembered(NOW + 2 * MINUTE + 1), undefined],
    ['are not remembered of an alarm whose actions are enabled', remembered(undefined, true), undefined],
    ['are forgotten when they are enabled again', remembered(NOW + 1, true), NOW],
    ['are not forgotten twice', remembered(NOW, true), undefined],
  ])('%s', (_what, until, expected) => {
    expect(until).toBe(expected);
  });
});
