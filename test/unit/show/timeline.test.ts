import { describe, expect, it } from '@jest/globals';
import type { Incident, IncidentWithTimeline, JournalEntry } from '../../../events/journal.ts';
import { followJournal } from '../../../local/show/timeline.ts';

const entry = (id: string): JournalEntry => ({
  id,
  incidentId: 'i',
  at: '2026-11-20T03:04:05.006Z',
  kind: 'note',
  by: 'test',
  summary: id,
  data: {},
});
const incident: Incident = {
  id: 'i',
  title: 't',
  target: 'x/y',
  severity: 'P2',
  state: 'open',
  openedAt: '2026-11-20T03:04:05.006Z',
  alarms: {},
  actions: [],
};

/** A journal whose readings are scripted; further readings repeat the last one. */
function scripted(readings: readonly (readonly JournalEntry[] | Error)[]) {
  let reading = 0;
  let exhausted = () => {};
  const allRead = new Promise<void>((done) => {
    exhausted = done;
  });
  return {
    allRead,
    listIncidents: async () => [incident],
    readIncident: async (): Promise<IncidentWithTimeline> => {
      const now = readings[Math.min(reading, readings.length - 1)] ?? [];
      reading += 1;
      if (reading > readings.length) exhausted();
      if (now instanceof Error) throw now;
      return { ...incident, timeline: now };
    },
  };
}

describe('following the journal', () => {
  it('tells each entry once and in order, also what is written between two readings', async () => {
    const told: string[] = [];
    const journal = scripted([[entry('a')], [entry('b'), entry('a')], [entry('a'), entry('b'), entry('c')]]);
    const follower = followJournal(
      journal,
      ({ id }) => told.push(id),
      () => {},
      1,
    );
    await journal.allRead;
    await follower.stop();
    expect(told).toEqual(['a', 'b', 'c']);
  });

  it('goes on after a reading that failed, and says so', async () => {
    const told: string[] = [];
    const errors: unknown[] = [];
    const journal = scripted([new Error('throttled'), [entry('a')]]);
    const follower = followJournal(
      journal,
      ({ id }) => told.push(id),
      (error) => errors.push(error),
      1,
    );
    await journal.allRead;
    await follower.stop();
    expect(told).toEqual(['a']);
    expect(errors).toHaveLength(1);
  });

  it('has told everything once it was asked to catch up', async () => {
    const told: string[] = [];
    const journal = scripted([[], [entry('fresh')]]);
    const follower = followJournal(
      journal,
      ({ id }) => told.push(id),
      () => {},
      60_000,
    );
    await follower.flush();
    expect(told).toEqual(['fresh']);
    await follower.stop();
  });

  it('reads once more when it is stopped', async () => {
    const told: string[] = [];
    const journal = scripted([[], [entry('late')]]);
    const follower = followJournal(
      journal,
      ({ id }) => told.push(id),
      () => {},
      60_000,
    );
    await follower.stop();
    expect(told).toEqual(['late']);
  });
});
