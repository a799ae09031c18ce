import { describe, expect, it } from '@jest/globals';
import type { EntryKind, JournalEntry } from '../../../events/journal.ts';
import { incidentEvent } from '../../../events/published/notification.ts';
import { reduceIncident } from '../../../functions/engine/reducer.ts';
import { announcementOf, happeningOf } from '../../../functions/incidents/announcer/event.ts';
import { config } from '../../support/fixtures.ts';

const place = { deployment: 'test', region: 'us-east-1', rules: config };
let ids = 0;
const entry = (
  kind: EntryKind,
  second: number,
  summary: string = kind,
  data: JournalEntry['data'] = {},
): JournalEntry => ({
  id: `01KAG${String(1000 + ++ids)}`,
  incidentId: 'inc-1',
  at: new Date(Date.parse('2026-11-20T03:00:00.000Z') + second * 1000).toISOString(),
  kind,
  by: 'scale-out-service',
  summary,
  data,
});
const story = [
  entry('opened', 0, 'backend-cpu on ecs-service/orders/backend', {
    title: 'backend-cpu on ecs-service/orders/backend',
    target: 'ecs-service/orders/backend',
    severity: 'P1',
  }),
  entry('signal', 0, 'alarm backend-cpu is firing: 81 > 70', { subject: 'arn:alarm' }),
  entry('intent', 0, 'will raise', { actionId: 'a1', remediation: 'scale-out-service', change: 'raise from 2 to 4' }),
  entry('acted', 2, 'desired count is 4', { actionId: 'a1' }),
  entry('not-verified', 60, 'CPU is still 90 %', { actionId: 'a1' }),
  entry('escalated', 60, 'it did not help', { actionId: 'a1', undo: 'set desired count to 2' }),
  entry('resolved', 90, 'all alarms OK'),
];
const incident = reduceIncident(story);
const of = (kind: EntryKind) => {
  const found = story.find((each) => each.kind === kind);
  if (!found) throw new Error(kind);
  return announcementOf(found, incident, place);
};

describe('an announcement', () => {
  it('has the published shape for every entry that is told', () => {
    const told = story.flatMap((each) => announcementOf(each, incident, place) ?? []);
    expect(told.map(({ detailType }) => detailType)).toEqual([
      'Incident Opened',
      'Incident Updated',
      'Incident Updated',
      'Incident Escalated',
      'Incident Resolved',
    ]);
    for (const { detail } of told) expect(incidentEvent.safeParse(detail).error).toBeUndefined();
  });

  it('tells the incident as it stood then, however late it is told', () => {
    expect(of('opened')?.detail.incident).toMatchObject({ state: 'acting', severity: 'P1', alarmsFiring: 1 });
    expect(of('acted')?.detail.incident.state).toBe('verifying');
    expect(of('acted')?.detail.timeline.map(({ kind }) => kind)).toEqual(['opened', 'signal', 'intent', 'acted']);
    expect(of('escalated')?.detail.incident.state).toBe('escalated');
    expect(of('resolved')?.detail.incident).toMatchObject({ state: 'resolved', resolvedAt: story.at(-1)?.at });
  });

  it('is the same when more has been written meanwhile', () => {
    const before = reduceIncident(story.slice(0, 4));
    const acted = story[3] as JournalEntry;
    expect(announcementOf(acted, before, place)).toEqual(announcementOf(acted, incident, place));
  });

  it('of an opening already says why and what is being done, because they were written together', () => {
    expect(of('opened')?.detail.incident).toMatchObject({
      cause: 'alarm backend-cpu is firing: 81 > 70',
      actions: [{ change: 'raise from 2 to 4', status: 'intended' }],
    });
  });

  it('says how to undo, and how to look', () => {
    expect(of('escalated')?.detail).toMatchObject({
      entry: { undo: 'set desired count to 2' },
      look: 'nightshift incident inc-1',
    });
  });

  it('is not made for an entry whose incident is not there', () => {
    expect(announcementOf(entry('note', 5), incident, place)).toBeUndefined();
    expect(announcementOf(entry('acted', 5), undefined, place)).toBeUndefined();
  });

  it('stays small however long the story is', () => {
    const long = Array.from({ length: 500 }, (_, index) =>
      entry('acted', 100 + index, 'x'.repeat(5_000), { actionId: `b${index}` }),
    );
    const intents = long.map(({ data }, index) =>
      entry('intent', 99, 'y'.repeat(5_000), { ...data, remediation: 'r', change: `${index}${'z'.repeat(5_000)}` }),
    );
    const last = entry('escalated', 700, '\u{1F525}'.repeat(3_000), { undo: 'u'.repeat(5_000) });
    const detail = announcementOf(last, reduceIncident([...story, ...intents, ...long, last]), place)?.detail;
    expect(detail?.timelineOmitted).toBeGreaterThan(900);
    expect(detail?.entry.summary.isWellFormed()).toBe(true);
    expect(Buffer.byteLength(JSON.stringify(detail))).toBeLessThan(16_000);
  });
});

describe('who took it in hand', () => {
  const taken = (kind: EntryKind, data: JournalEntry['data'] = {}) => {
    const told = [
      ...story.slice(0, 6),
      entry('called', 61, 'nobody acknowledged', { level: 2, name: 'lead' }),
      entry(kind, 62, `${kind} by jane`, data),
      entry('called', 63, 'later', { level: 3, name: 'head' }),
    ];
    const announced = announcementOf(told[7] as JournalEntry, reduceIncident(told), place);
    expect(incidentEvent.safeParse(announced?.detail).error).toBeUndefined();
    return announced;
  };

  it.each(['acknowledged', 'taken-over', 'snoozed'] as const)(
    'is told when it is %s, to all levels called by then',
    (kind) => {
      const told = taken(kind);
      expect(told?.detailType).toBe('Incident Acknowledged');
      expect(told?.detail.entry).toMatchObject({ kind, summary: `${kind} by jane`, called: [1, 2] });
      expect(told?.detail.entry).not.toHaveProperty('via');
    },
  );

  it('says when it was said in PagerDuty, which knows it then', () => {
    expect(taken('acknowledged', { via: 'pagerduty' })?.detail.entry.via).toBe('pagerduty');
  });

  it.each(['released', 'severity-changed'] as const)('is an update when it is %s', (kind) => {
    expect(taken(kind)?.detailType).toBe('Incident Updated');
  });
});

it('an escalation says whether it only repeats what whoever has it in hand knows', () => {
  const again = [
    ...story.slice(0, 6),
    entry('escalated', 65, 'it did not help'),
    entry('acknowledged', 66, 'jane is looking at it'),
    entry('escalated', 70, 'it did not help'),
    entry('escalated', 80, 'something new'),
  ];
  const whole = reduceIncident(again);
  const said = again.slice(5).map((each) => announcementOf(each, whole, place)?.detail.entry.saidBefore);
  expect(said).toEqual([undefined, undefined, undefined, true, undefined]);
});

describe('what is told', () => {
  it('of decisions is only what was not done because of the mode', () => {
    expect(happeningOf({ kind: 'decided', data: { change: 'raise from 2 to 4' } })).toBe('updated');
    expect(happeningOf({ kind: 'decided', data: { outcome: { kind: 'held' } } })).toBeUndefined();
  });
});
