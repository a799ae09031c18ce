import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { startDocument } from '../../events/published/start.ts';
import { markedProcesses } from '../../local/world/processes.ts';
import { WORLDS_ROOT } from '../../local/world/state.ts';
import { lastDocument, run, runToEnd } from '../emulator/world/programs.ts';

const START = 'local/start.ts';
const leftOf = (name: string) => ({
  processes: markedProcesses().filter(({ world }) => world === join(WORLDS_ROOT, name)),
  folder: existsSync(join(WORLDS_ROOT, name)),
});
const NOTHING = { processes: [], folder: false };

describe('the demo', () => {
  it('passes as a whole, says so in its document, and leaves nothing behind', async () => {
    const name = `demo-test-${process.pid}`;
    const ended = await runToEnd(START, ['--once', '--json', '--world', name]);
    const { scenarios } = startDocument.parse(lastDocument(ended));
    const shown = scenarios.map(({ name: scenario, status, error }) => ({ scenario, status, error }));
    expect(shown).toEqual([
      { scenario: 'scale-out', status: 'passed' },
      { scenario: 'idle-connections', status: 'passed' },
      { scenario: 'idle-connections-full', status: 'passed' },
    ]);
    expect(ended.code).toBe(0);
    for (const scenario of scenarios) {
      expect(scenario.incidentId).toMatch(/^inc-/);
      expect(scenario.alarmToFirstChangeMs).toBeGreaterThanOrEqual(0);
      expect(scenario.alarmToResolvedMs).toBeGreaterThan(scenario.alarmToFirstChangeMs ?? 0);
    }
    expect(leftOf(name)).toEqual(NOTHING);
  }, 300_000);

  it('fails, each scenario with its reason, when Nightshift is paused', async () => {
    const name = `paused-test-${process.pid}`;
    // Both scenarios, with the lever pulled while the world is still quiet.
    const world = run(START, ['--once', '--json', '--world', name, '--scenarios', 'scale-out,idle-connections']);
    await world.says(/world "[^"]+" is ready/);
    const paused = await runToEnd('cli/main.ts', ['pause', '--yes', '--world', name]);
    expect(paused.code).toBe(0);
    const ended = await world.ended;
    const { scenarios } = startDocument.parse(lastDocument(ended));
    expect(scenarios.map(({ status }) => status)).not.toContain('passed');
    expect(scenarios[0]?.error).toMatch(/expected Nightshift to change the service/);
    expect(ended.code).toBe(1);
    expect(leftOf(name)).toEqual(NOTHING);
  }, 300_000);
});

describe('npm start, broken off', () => {
  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
    ['SIGHUP', 129],
  ] as const)(
    'by %s at different moments exits with %i and leaves nothing behind',
    async (signal, code) => {
      for (const afterMs of [100, 900, 2_300, 4_100]) {
        const name = `off-${process.pid}-${afterMs}`;
        const world = run(START, ['--world', name]);
        await world.says(/✔/);
        await sleep(afterMs);
        world.child.kill(signal);
        const ended = await world.ended;
        expect({ afterMs, code: ended.code, ...leftOf(name) }).toEqual({ afterMs, code, ...NOTHING });
      }
    },
    300_000,
  );

  it('by SIGKILL at different moments leaves nothing behind after the next start', async () => {
    for (const afterMs of [100, 900, 2_300, 4_100]) {
      const name = `killed-${process.pid}-${afterMs}`;
      const world = run(START, ['--world', name]);
      await world.says(/✔/);
      await sleep(afterMs);
      world.child.kill('SIGKILL');
      await world.ended;
      const { code } = await runToEnd(START, ['--once', '--no-scenarios', '--world', `next-${process.pid}`]);
      expect({ afterMs, code, ...leftOf(name) }).toEqual({ afterMs, code: 0, ...NOTHING });
    }
  }, 300_000);
});

describe('two worlds', () => {
  it('run side by side, each with its own endpoint', async () => {
    const names = [`left-${process.pid}`, `right-${process.pid}`];
    const ended = await Promise.all(
      names.map((name) => runToEnd(START, ['--once', '--no-scenarios', '--json', '--world', name])),
    );
    const documents = ended.map((each) => startDocument.parse(lastDocument(each)).world);
    expect(documents.map(({ name }) => name)).toEqual(names);
    expect(new Set(documents.map(({ endpoint }) => endpoint)).size).toBe(2);
  }, 300_000);
});
