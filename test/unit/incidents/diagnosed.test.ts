/** Asking for a diagnosis never keeps a page waiting for long, never fails it, and never doubles it. */
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { IncidentWithTimeline, JournalEntry } from '../../../events/journal.ts';
import { type DiagnoseContext, diagnoseIncident } from '../../../functions/incidents/diagnose/handler.ts';
import { type CallContext, callFor } from '../../../functions/incidents/publisher/call.ts';
import { diagnosing, diagnosingClientDefaults, WAITS_MS } from '../../../functions/incidents/publisher/diagnosed.ts';
import { pageFor } from '../../../functions/incidents/publisher/page.ts';
import { config } from '../../support/fixtures.ts';

beforeEach((): void => {
  jest.spyOn(process.stdout, 'write').mockImplementation(() => true);
});
afterEach(() => {
  jest.restoreAllMocks();
});

type Answer = (options: { readonly abortSignal: AbortSignal }) => Promise<object>;

const asking = (send: Answer, remainingMs = 30_000) => {
  const calls: unknown[] = [];
  const lambda = {
    send: (command: { input: unknown }, options: { abortSignal: AbortSignal }) => {
      calls.push(command.input);
      return send(options);
    },
  };
  const ask = diagnosing({
    ...{ lambda: lambda as never, functionName: 'nightshift-main-diagnose', remaining: () => remainingMs },
  });
  return { calls, ask };
};

describe('asking for a diagnosis', () => {
  it('names the incident, and is answered', async () => {
    const { calls, ask } = asking(async () => ({}));
    expect(await ask('inc-1')).toBe(true);
    expect(calls).toEqual([{ FunctionName: 'nightshift-main-diagnose', Payload: '{"incidentId":"inc-1"}' }]);
  });

  it.each([
    ['can’t be reached', () => Promise.reject(new Error('timeout'))],
    ['fails', async () => ({ FunctionError: 'Unhandled' })],
  ])('is given up when it %s', async (_, send) => {
    expect(await asking(send).ask('inc-1')).toBe(false);
  });

  it('is not begun when the time is needed for calling people', async () => {
    const { calls, ask } = asking(async () => ({}), 20_000);
    expect(await ask('inc-1')).toBe(false);
    expect(calls).toEqual([]);
  });

  it('is tried once', () => {
    expect(diagnosingClientDefaults().maxAttempts).toBe(1);
  });
});

describe('a function that never answers', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('holds all pages of one invocation up for 4 s together, and is asked once', async () => {
    // Not even an abort makes it answer.
    const { calls, ask } = asking(() => new Promise(() => {}));
    const first = ask('inc-1');
    await jest.advanceTimersByTimeAsync(WAITS_MS);
    expect(await first).toBe(false);
    for (const next of ['inc-2', 'inc-3']) expect(await ask(next)).toBe(false);
    expect(calls).toHaveLength(1);
    expect(WAITS_MS).toBe(4_000);
  });

  it('leaves the next incident of the invocation what is left of the time', async () => {
    const { calls, ask } = asking(
      () => new Promise((resolve) => setTimeout(resolve, calls.length === 1 ? 3_000 : 1_500, {})),
    );
    const both = Promise.all([ask('inc-1'), jest.advanceTimersByTimeAsync(3_000)]);
    expect((await both)[0]).toBe(true);
    const second = ask('inc-2');
    await jest.advanceTimersByTimeAsync(1_000);
    expect(await second).toBe(false);
    expect(calls).toHaveLength(2);
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

describe('calling people', () => {
  const entry: JournalEntry = {
    ...{ id: '01', incidentId: 'inc-1', at: '2026-11-20T03:00:00.000Z', kind: 'escalated', by: 'scale-out-service' },
    ...{ summary: 'beyond help', data: {} },
  };
  const opened: JournalEntry = {
    ...entry,
    ...{ id: '00', kind: 'opened', data: { title: 'slow', target: 'ecs-service/orders/backend', severity: 'P1' } },
  };
  const paged: JournalEntry = { ...entry, id: '01-paged', kind: 'paged', data: { for: '01', level: 1 } };

  /** A journal whose incident reads as `stories` say, one after the other; `undefined` can't be read. */
  function calling(stories: readonly (readonly JournalEntry[] | undefined)[], diagnose: CallContext['diagnose']) {
    const [sent, written, left]: [string[], unknown[], (readonly JournalEntry[] | undefined)[]] = [
      [],
      [],
      [...stories],
    ];
    const store = {
      ...{ table: 'journal', read: async () => undefined },
      query: async () => {
        const story = left.shift();
        if (!story) throw new Error('the journal is throttled');
        return story;
      },
      transact: async (items: unknown[]) => written.push(...items),
    };
    const context = {
      ...{ deployment: 'main', store: store as never, rules: config, now: () => Date.parse(entry.at), diagnose },
      ...{ topics: { everybody: 'arn:aws:sns:us-east-1:000000000000:pages', own: {} } },
      sns: { send: async ({ input }: { input: { Message?: string } }) => sent.push(input.Message ?? '') } as never,
    } as CallContext;
    return { context, sent, written };
  }

  it('is done without the diagnosis when the journal can not be read again', async () => {
    const { context, sent, written } = calling([[opened, entry], undefined], async () => true);
    expect(await callFor(entry, context)).toBe(true);
    expect(sent).toHaveLength(1);
    expect(written).toHaveLength(1);
  });

  it('is not done twice when another delivery called while the target was looked at', async () => {
    const { context, sent, written } = calling(
      [
        [opened, entry],
        [opened, entry, paged],
      ],
      async () => true,
    );
    expect(await callFor(entry, context)).toBe(false);
    expect([sent, written]).toEqual([[], []]);
  });

  it.each([
    ['a storm, which is none of its target’s', { headline: '40 alarms' }],
    ['the word to management', { level: 'management' }],
  ])('has nothing looked at for %s', async (_, data) => {
    const diagnose = jest.fn(async () => true);
    const { context, sent } = calling([[opened, entry]], diagnose);
    await callFor({ ...entry, kind: 'called', data }, context);
    expect(sent).toHaveLength(1);
    expect(diagnose).not.toHaveBeenCalled();
  });
});
