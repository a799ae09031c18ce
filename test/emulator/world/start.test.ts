import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { faultsDocument } from '../../../events/published/faults.ts';
import { incidentsDocument } from '../../../events/published/incidents.ts';
import { type StartDocument, startDocument } from '../../../events/published/start.ts';
import { switchDocument } from '../../../events/published/switch.ts';
import { markedProcesses } from '../../../local/world/processes.ts';
import { WORLDS_ROOT } from '../../../local/world/state.ts';
import { lastDocument, type Running, run, runToEnd } from './programs.ts';

const START = 'local/start.ts';
const CLI = 'cli/main.ts';

describe('npm start, called wrongly', () => {
  it.each([
    [['--nonsense'], /Unknown option '--nonsense'/],
    [
      ['--scenarios', 'no-such-scenario'],
      /no scenario or group "no-such-scenario"; there are the scenarios .*scale-out/,
    ],
    [['--world', 'Not A Name'], /world "Not A Name": expected lower-case letters/],
  ])('with %j says so and exits with 2', async (args, message) => {
    const { code, stderr, stdout } = await runToEnd(START, args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
  });

  it('on a machine without Python says what is missing and exits with 3', async () => {
    const name = `no-python-${process.pid}`;
    const { code, stderr } = await runToEnd(START, ['--no-scenarios', '--once', '--json', '--world', name], {
      NIGHTSHIFT_PYTHON: '/no/such/python',
    });
    expect(code).toBe(3);
    expect(stderr).toMatch(/Python/);
    expect(existsSync(join(WORLDS_ROOT, name))).toBe(false);
  });
});

describe('a started world', () => {
  const name = `start-test-${process.pid}`;
  let world: Running;
  let document: StartDocument;

  beforeAll(async () => {
    world = run(START, ['--no-scenarios', '--json', '--world', name]);
    await world.says(/Ctrl-C ends it/);
    const line = await world.says(/^\{.*\}$/m);
    document = startDocument.parse(JSON.parse(line));
  }, 60_000);
  afterAll(async () => {
    world.child.kill('SIGINT');
    await world.ended;
  });

  const cli = (...args: string[]) => runToEnd(CLI, [...args, '--world', name]);

  it('says where it is in one JSON line', () => {
    expect(document.world.name).toBe(name);
    expect(document.scenarios).toEqual([]);
  });

  it('is named to whoever starts it again', async () => {
    const { code, stderr } = await runToEnd(START, ['--no-scenarios', '--world', name]);
    expect(code).toBe(2);
    expect(stderr).toContain(`world "${name}" is already running (pid ${world.child.pid},`);
  });

  it('answers nightshift incidents from its journal', async () => {
    const ended = await cli('incidents', '--json');
    expect(ended.code).toBe(0);
    expect(incidentsDocument.parse(lastDocument(ended))).toMatchObject({ place: { world: name }, incidents: [] });
  });

  it('takes a fault by its name, lists it and lets it go again', async () => {
    const injected = faultsDocument.parse(lastDocument(await cli('fault', 'ecs-throttled', '--yes', '--json')));
    expect(injected.active.map((fault) => fault.name)).toEqual(['ecs-throttled']);
    const cleared = faultsDocument.parse(lastDocument(await cli('fault', 'clear', '--yes', '--json')));
    expect(cleared.active).toEqual([]);
    expect((await cli('fault', 'no-such-fault', '--yes')).code).toBe(2);
  });

  it('is paused and resumed by the lever in its journal', async () => {
    const paused = await cli('pause', 'for', 'a', 'test', '--yes', '--json');
    expect(switchDocument.parse(lastDocument(paused)).switch).toMatchObject({ state: 'pause', reason: 'for a test' });
    expect((await cli('status')).stdout).toMatch(/^paused/);
    await cli('resume', '--yes');
    expect((await cli('status')).stdout).toMatch(/^changes are allowed/);
  });

  it('changes nothing when nobody is there to say yes', async () => {
    expect((await cli('pause')).code).toBe(2);
    expect((await cli('status')).stdout).toMatch(/^changes are allowed/);
  });

  it('ends with 0 and leaves nothing behind when it is interrupted', async () => {
    world.child.kill('SIGINT');
    const { code, stderr } = await world.ended;
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    expect(existsSync(join(WORLDS_ROOT, name))).toBe(false);
    expect(markedProcesses().filter((each) => each.world === join(WORLDS_ROOT, name))).toEqual([]);
  });
});
