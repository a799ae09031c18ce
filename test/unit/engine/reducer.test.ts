import { describe, expect, it } from '@jest/globals';
import type { EntryKind, JournalEntry } from '../../../events/journal.ts';
import { reduceIncident } from '../../../functions/engine/reducer.ts';

let counter = 0;
const entry = (kind: EntryKind, data: Record<string, unknown> = {}): JournalEntry => ({
  id: String(counter++).padStart(6, '0'),
  incidentId: 'inc-1',
  at: new Date(Date.UTC(2026, 10, 20, 3, 0, counter)).toISOString(),
  kind,
  by: 'test',
  summary: kind,
  data,
});
const opened = () => entry('opened', { title: 'cpu', target: 'ecs-service/orders/backend', severity: 'P2' });
const fired = () => entry('signal', { subject: 'arn:a' });
const intent = () => entry('intent', { actionId: 'act-1', remediation: 'scale-out-service', change: '2 to 3' });
const about = (kind: EntryKind) => entry(kind, { actionId: 'act-1' });

describe('reducing an incident', () => {
  it('is nothing without its opening', () => {
    expect(reduceIncident([fired()])).toBeUndefined();
  });

  it.each<[string, JournalEntry[], string]>([
    ['open while held', [opened(), fired(), entry('decided')], 'open'],
    ['acting after the intent', [opened(), fired(), intent()], 'acting'],
    ['verifying after the action', [opened(), fired(), intent(), about('acted')], 'verifying'],
    [
      'resolved at the end',
      [opened(), fired(), intent(), about('acted'), about('verified'), entry('resolved')],
      'resolved',
    ],
    ['escalated when it failed', [opened(), fired(), intent(), about('act-failed'), entry('escalated')], 'escalated'],
    ['escalated still when another action follows', [opened(), entry('escalated'), about('acted')], 'escalated'],
    [
      'resolved still when its hold is handed back',
      [opened(), entry('resolved'), intent(), about('handed-back')],
      'resolved',
    ],
    [
      'resolved again once a hand-back that had failed succeeds',
      [opened(), entry('resolved'), intent(), about('act-failed'), entry('escalated'), intent(), about('handed-back')],
      'resolved',
    ],
    ['escalated when the hand-back failed', [opened(), entry('resolved'), intent(), entry('escalated')], 'escalated'],
  ])('%s', (_, entries, state) => {
    expect(reduceIncident(entries)?.state).toBe(state);
  });

  it('does not depend on the order in which entries are read', () => {
    const entries = [
      opened(),
      fired(),
      intent(),
      about('acted'),
      entry('alarm-ok', { subject: 'arn:a' }),
      about('verified'),
      entry('resolved'),
    ];
    expect(reduceIncident([...entries].reverse())).toEqual(reduceIncident(entries));
  });

  it('knows alarms and actions', () => {
    const incident = reduceIncident([
      opened(),
      fired(),
      intent(),
      about('acted'),
      entry('alarm-ok', { subject: 'arn:a' }),
    ]);
    expect(incident).toMatchObject({
      alarms: { 'arn:a': 'OK' },
      actions: [{ actionId: 'act-1', change: '2 to 3', status: 'done' }],
    });
  });

  it.each([
    ['P1', 'P1'],
    ['urgent', 'P3'],
    [7, 'P3'],
  ])('whose severity is changed to %s is of severity %s', (severity, result) => {
    const entries = [entry('opened', { severity: 'P2' }), entry('severity-changed', { severity: 'P3' })];
    expect(reduceIncident([...entries, entry('severity-changed', { severity })])?.severity).toBe(result);
  });

  it('is of the usual severity when it was opened without one', () => {
    expect(reduceIncident([entry('opened', { severity: 'none' })])?.severity).toBe('P2');
  });
});
