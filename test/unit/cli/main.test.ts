import { describe, expect, it } from '@jest/globals';
import type { Command } from '../../../cli/command.ts';
import { incident, incidents, type JournalReader } from '../../../cli/commands/incidents.ts';
import { table } from '../../../cli/io.ts';
import { main } from '../../../cli/main.ts';
import type { IncidentWithTimeline } from '../../../events/journal.ts';
import { incidentDocument, incidentsDocument } from '../../../events/published/incidents.ts';
import { LOCAL_PLACE, recorder } from './harness.ts';

const STORY: IncidentWithTimeline = {
  id: '01K0000000000000000000000A',
  title: 'CPU of orders/backend is above 80 %',
  target: 'ecs-service/orders/backend',
  severity: 'P2',
  state: 'resolved',
  openedAt: '2026-11-20T03:04:05.006Z',
  resolvedAt: '2026-11-20T03:05:05.006Z',
  alarms: { 'backend-cpu': 'OK' },
  actions: [
    { actionId: 'a1', remediation: 'scale-out-service', change: 'desired count 2 -> 3', status: 'handed-back' },
  ],
  timeline: [
    {
      id: '01K0000000000000000000000B',
      incidentId: '01K0000000000000000000000A',
      at: '2026-11-20T03:04:05.006Z',
      kind: 'opened',
      by: 'scale-out-service',
      summary: 'CPU 91 % is above 80 %',
      data: { threshold: 80 },
    },
  ],
};

const journal: JournalReader = {
  listIncidents: async () => [STORY],
  readIncident: async (id) => (id === STORY.id ? STORY : undefined),
};
const changing: Command = {
  name: 'change',
  usage: 'change',
  summary: 'Changes something.',
  run: async (_words, _options, { confirm, io }) => {
    await confirm('change everything');
    io.out('changed');
  },
};
const broken: Command = {
  name: 'break',
  usage: 'break',
  summary: 'Fails.',
  run: async () => {
    throw new RangeError('the disk is full');
  },
};
const parts = {
  commands: [
    incidents(() => journal),
    incident(
      () => journal,
      () => {
        throw new Error('only with --verify');
      },
    ),
    changing,
    broken,
  ],
  find: async () => LOCAL_PLACE,
};

describe('nightshift incidents', () => {
  it('prints the published document as the last line', async () => {
    const io = recorder();
    expect(await main(['incidents', '--json'], io, parts)).toBe(0);
    const document = incidentsDocument.parse(JSON.parse(io.stdout.at(-1) ?? ''));
    expect(document.place).toEqual({ world: 'demo', account: '000000000000', region: 'us-east-1' });
    expect(document.incidents.map(({ id }) => id)).toEqual([STORY.id]);
  });

  it('prints a table for people', async () => {
    const io = recorder();
    expect(await main(['incidents'], io, parts)).toBe(0);
    expect(io.stdout).toHaveLength(2);
    expect(io.stdout[1]).toContain('ecs-service/orders/backend');
  });

  it('says so when there are none', async () => {
    const io = recorder();
    const none = incidents(() => ({ ...journal, listIncidents: async () => [] }));
    expect(await main(['incidents'], io, { ...parts, commands: [none] })).toBe(0);
    expect(io.stdout).toEqual(['no incidents']);
  });
});

describe('nightshift incident', () => {
  it('prints the published document with the timeline', async () => {
    const io = recorder();
    expect(await main(['incident', STORY.id, '--json'], io, parts)).toBe(0);
    const document = incidentDocument.parse(JSON.parse(io.stdout.at(-1) ?? ''));
    expect(document.incident.timeline).toEqual(STORY.timeline);
  });

  it('tells the story to people', async () => {
    const io = recorder();
    expect(await main(['incident', STORY.id], io, parts)).toBe(0);
    const text = io.stdout.join('\n');
    for (const expected of ['P2', 'resolved', 'desired count 2 -> 3', 'CPU 91 % is above 80 %', 'backend-cpu'])
      expect(text).toContain(expected);
  });

  it.each([
    [['incident']],
    [['incident', 'a', 'b']],
    [['incident', 'unknown']],
    [['incidents', '--for', '2h']],
    [['incidents', '--reason', 'why']],
  ])('calls %j wrong usage', async (argv) => {
    const io = recorder();
    expect(await main(argv, io, parts)).toBe(2);
    expect(io.stderr.at(-1)).toBe('try "nightshift help"');
    expect(io.stdout).toEqual([]);
  });
});

describe('a changing command', () => {
  it('says account, region and world before it asks', async () => {
    const io = recorder(true);
    expect(await main(['change'], io, parts)).toBe(0);
    expect(io.stderr[0]).toBe('account 000000000000, region us-east-1, local world "demo": change everything');
    expect(io.questions).toHaveLength(1);
    expect(io.stdout).toEqual(['changed']);
  });

  it('changes nothing when the answer is no', async () => {
    const io = recorder(false);
    expect(await main(['change'], io, parts)).toBe(1);
    expect(io.stdout).toEqual([]);
    expect(io.stderr.at(-1)).toBe('nothing was changed');
  });

  it('needs --yes when nobody can answer', async () => {
    const io = recorder();
    expect(await main(['change'], io, parts)).toBe(2);
    expect(io.stdout).toEqual([]);
    expect(await main(['change', '--yes'], io, parts)).toBe(0);
    expect(io.stdout).toEqual(['changed']);
  });
});

describe('the command line', () => {
  it.each([
    [['dance'], /no command "dance"; there are incidents/],
    [['incidents', '--colour'], /Unknown option '--colour'/],
    [['incidents', '--world'], /--world/],
    [['incidents', 'extra'], /takes no words/],
  ])('refuses %j with exit code 2 and a helpful line', async (argv, message) => {
    const io = recorder();
    expect(await main(argv, io, parts)).toBe(2);
    expect(io.stderr[0]).toMatch(message);
  });

  it('tells a failure with exit code 1', async () => {
    const io = recorder();
    expect(await main(['break'], io, parts)).toBe(1);
    expect(io.stderr).toEqual(['RangeError: the disk is full']);
  });

  it('shows every real command in its help, with the exit codes', async () => {
    const io = recorder();
    expect(await main(['--help'], io)).toBe(0);
    const text = io.stdout.join('\n');
    for (const expected of ['incidents', 'incident <id>', 'fault list', '--world', '--aws', 'wrong usage'])
      expect(text).toContain(expected);
  });
});

describe('a table', () => {
  it('aligns columns by what is seen, not by colour codes', () => {
    const lines = table(
      [
        ['a', 'bb'],
        ['aaa', 'b'],
      ],
      (cell) => `<${cell}>`,
    ); // prettier-free: the rows are the point
    expect(lines).toEqual(['<a  >  <bb>', '<aaa>  <b>']);
  });
});
