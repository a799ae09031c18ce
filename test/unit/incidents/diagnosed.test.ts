/** Asking for a diagnosis never keeps a page waiting, and never fails it. */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { IncidentWithTimeline, JournalEntry } from '../../../events/journal.ts';
import { type DiagnoseContext, diagnoseIncident } from '../../../functions/incidents/diagnose/handler.ts';
import { diagnosingClientDefaults, haveDiagnosed, WAITS_MS } from '../../../functions/incidents/publisher/diagnosed.ts';
import { pageFor } from '../../../functions/incidents/publisher/page.ts';

beforeEach((): void => {
  jest.spyOn(process.stdout, 'write').mockImplementation(() => true);
});
afterEach(() => {
  jest.restoreAllMocks();
});

const asking = (send: () => Promise<object>, remainingMs = 30_000) => {
  const calls: unknown[] = [];
  const lambda = {
    send: (command: { input: unknown }) => {
      calls.push(command.input);
      return send();
    },
  };
  const diagnostician = {
    lambda: lambda as never,
    functionName: 'nightshift-main-diagnose',
    remaining: () => remainingMs,
  };
  return { calls, diagnostician };
};

describe('asking for a diagnosis', () => {
  it('names the incident, and is answered', async () => {
    const { calls, diagnostician } = asking(async () => ({}));
    expect(await haveDiagnosed('inc-1', diagnostician)).toBe(true);
    expect(calls).toEqual([{ FunctionName: 'nightshift-main-diagnose', Payload: '{"incidentId":"inc-1"}' }]);
  });

  it.each([
    ['can’t be reached', () => Promise.reject(new Error('timeout'))],
    ['fails', async () => ({ FunctionError: 'Unhandled' })],
  ])('is given up when it %s', async (_, send) => {
    expect(await haveDiagnosed('inc-1', asking(send).diagnostician)).toBe(false);
  });

  it('is not begun when the time is needed for calling people', async () => {
    const { calls, diagnostician } = asking(async () => ({}), 20_000);
    expect(await haveDiagnosed('inc-1', diagnostician)).toBe(false);
    expect(calls).toEqual([]);
  });

  it('is tried once, for a few seconds', () => {
    const { maxAttempts, requestHandler } = diagnosingClientDefaults();
    expect([maxAttempts, requestHandler.requestTimeout]).toEqual([1, WAITS_MS]);
    expect(WAITS_MS).toBeLessThanOrEqual(5_000);
  });
});

describe('being asked', () => {
  it.each([undefined, {}, { incidentId: 7 }, { incidentId: 'TARGET#x' }])('refuses %j', async (event) => {
    await expect(diagnoseIncident(event, {} as DiagnoseContext)).rejects.toThrow('expected { incidentId }');
  });
});

describe('a page with a diagnosis', () => {
  const entry = (id: string, kind: JournalEntry['kind'], data = {}): JournalEntry => ({
    ...{ id, incidentId: 'inc-1', at: '2026-11-20T03:00:00.000Z', kind, by: 'test', summary: `${kind} it`, data },
  });
  const line = '\u4e16'.repeat(400);
  const diagnosed = (data: object) => entry('3', 'diagnosed', data);
  const incident = (timeline: JournalEntry[]) =>
    ({
      title: 't',
      target: 'ecs-service/a/b',
      severity: 'P1',
      openedAt: '',
      actions: [],
      timeline,
    }) as unknown as IncidentWithTimeline;
  const escalated = entry('2', 'escalated');

  it('says the newest one', () => {
    const old = { ...diagnosed({ findings: [{ cause: 'Old.', evidence: [] }] }), id: '1' };
    const data = {
      findings: [{ cause: 'It is full.', evidence: ['no space left'] }],
      seen: ['status: full'],
      unread: ['x'],
    };
    const { message } = pageFor(escalated, incident([old, escalated, diagnosed(data)]));
    for (const text of ['Probably: It is full.\n    no space left', 'AWS says: status: full', 'Could not be read: x'])
      expect(message).toContain(text);
    expect(message).not.toContain('Old.');
  });

  it('fits into what SNS sends when the incident has thousands of long lines, too', () => {
    const findings = Array.from({ length: 4 }, () => ({ cause: line, evidence: [line, line, line] }));
    const data = { findings, seen: Array.from({ length: 8 }, () => line), unread: [line, line, line] };
    const lines = Array.from({ length: 500 }, (_, n) => ({ ...entry(`0${n}`, 'decided'), summary: line.repeat(3) }));
    const { message } = pageFor(escalated, incident([...lines, escalated, diagnosed(data)]));
    expect(Buffer.byteLength(message)).toBeLessThan(256 * 1024);
  });
});
