import { describe, expect, it } from '@jest/globals';
import type { IncidentWithTimeline, JournalEntry } from '../../../events/journal.ts';
import { pageFor } from '../../../functions/incidents/publisher/page.ts';

const entry = (index: number, change: Partial<JournalEntry> = {}): JournalEntry => ({
  id: String(index).padStart(8, '0'),
  incidentId: 'inc-1',
  at: '2026-11-20T03:00:00.000Z',
  kind: 'decided',
  by: 'scale-out-service',
  summary: `line ${index} ${'\u4e16'.repeat(900)}`,
  data: {},
  ...change,
});
const escalated = entry(5000, { kind: 'escalated', summary: 'at its maximum', data: { undo: 'set it back to 2' } });
const incident = (timeline: JournalEntry[]): IncidentWithTimeline => ({
  id: 'inc-1',
  title: 'backend-cpu on ecs-service/orders/backend\nwith a line break and an ü',
  target: 'ecs-service/orders/backend',
  severity: 'P1',
  state: 'escalated',
  openedAt: '2026-11-20T03:00:00.000Z',
  alarms: {},
  actions: [],
  timeline,
});

describe('a page', () => {
  it('of an incident with thousands of lines still fits into what SNS sends, with its beginning and its end', () => {
    const lines = Array.from({ length: 5000 }, (_, index) => entry(index));
    const { message } = pageFor(escalated, incident([...lines, escalated]));
    expect(Buffer.byteLength(message)).toBeLessThan(256 * 1024);
    expect(message).toContain('line 0 ');
    expect(message).toContain('line 4999 ');
    expect(message).toContain('4916 lines are left out');
  });

  it('says what is needed, how to undo, and every line of a short story', () => {
    const { subject, message } = pageFor(escalated, incident([entry(1), entry(2), escalated]));
    expect(subject).toMatch(/^\[P1\] backend-cpu on [\x20-\x7e]*$/);
    expect(subject.length).toBeLessThan(100);
    for (const text of ['Needs a person: at its maximum', 'To undo: set it back to 2', 'line 1 ', 'line 2 '])
      expect(message).toContain(text);
    expect(message).not.toContain('left out');
  });

  it('is made even when the journal holds only the escalation', () => {
    expect(pageFor(escalated, undefined).message).toContain('at its maximum');
  });
});
