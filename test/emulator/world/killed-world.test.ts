import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openWorld } from '../../../local/world/context.ts';
import { UsageError } from '../../../local/world/errors.ts';
import { isAlive, self, startOf } from '../../../local/world/processes.ts';
import { runningWorlds, writeState } from '../../../local/world/state.ts';
import { killAndStartAgain, markedUnder } from './killing.ts';

let base: string;
let root: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'worlds-'));
  root = join(base, 'worlds');
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

const open = (name: string) => openWorld({ name, timeScale: 1, root, report: () => {} });
/** A grandchild that survives its parent, and refuses polite signals. */
const STUBBORN_FAMILY = `require('node:child_process').spawn(process.execPath,
  ['-e', "process.on('SIGTERM', () => {}); console.log('up'); setInterval(() => {}, 1000)"],
  { stdio: 'inherit', detached: true }).unref()`;

describe('a world whose process was killed', () => {
  it('is cleaned up by the next start: children, their children and the folder', async () => {
    const { leftByKill, leftByNextStart, foldersWhileOpen } = await killAndStartAgain(root, 150);
    expect(leftByKill).toBeGreaterThan(0);
    expect(leftByNextStart).toBe(0);
    expect(foldersWhileOpen).toEqual(['restless']);
    expect(readdirSync(root)).toEqual([]);
  });

  it('is told from a process that got its pid later', () => {
    const [pid = ''] = self().split('.');
    expect(isAlive(self())).toBe(true);
    expect(isAlive(`${pid}.another-start`)).toBe(false);
  });

  it('leaves processes of a living world alone, whatever their name', async () => {
    const living = await open('living');
    const child = living.spawn(process.execPath, ['-e', 'console.log(1); setInterval(() => {}, 1000)'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    if (child.stdout) await once(child.stdout, 'data');
    const other = await open('other');
    expect(child.pid && startOf(child.pid)).toBeTruthy();
    expect(runningWorlds(root).map(({ name }) => name)).toEqual(['living', 'other']);
    await other.stop();
    expect(markedUnder(root)).toHaveLength(1);
    await living.stop();
    expect(markedUnder(root)).toHaveLength(0);
  });

  it('leaves processes without a marker alone', async () => {
    const stranger = spawn(process.execPath, ['-e', 'console.log(1); setInterval(() => {}, 1000)'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await once(stranger.stdout, 'data');
    await killAndStartAgain(root, 60);
    expect(stranger.pid && startOf(stranger.pid)).toBeTruthy();
    stranger.kill();
  });
});

describe('a world that stops', () => {
  it('ends grandchildren that ignore polite signals, and keeps the logs', async () => {
    const world = await open('family');
    const child = world.spawn(process.execPath, ['-e', STUBBORN_FAMILY], { stdio: ['ignore', 'pipe', 'ignore'] });
    if (child.stdout) await once(child.stdout, 'data');
    world.log('test', 'a line to find again');
    await world.stop();
    expect(markedUnder(root)).toHaveLength(0);
    expect(existsSync(world.dir)).toBe(false);
    expect(readFileSync(join(base, 'logs', 'family', 'world.log'), 'utf8')).toContain('a line to find again');
  });

  it('undoes in reverse order, and goes on when one step fails', async () => {
    const world = await open('order');
    const undone: string[] = [];
    world.onStop('first', () => {
      undone.push('first');
    });
    world.onStop('broken', () => {
      throw new Error('broken part');
    });
    world.onStop('last', async () => {
      await sleep(5);
      undone.push('last');
    });
    await Promise.all([world.stop(), world.stop()]);
    expect(undone).toEqual(['last', 'first']);
    expect(readFileSync(join(base, 'logs', 'order', 'world.log'), 'utf8')).toContain('stopping broken: broken part');
  });

  it('starts nothing any more', async () => {
    const world = await open('late');
    await world.stop();
    expect(() => world.spawn(process.execPath, ['-v'])).toThrow('is stopping');
  });
});

describe('opening a world', () => {
  it('refuses a name that is running and says which pid runs it', async () => {
    const world = await open('twice');
    await expect(open('twice')).rejects.toThrow(new RegExp(`"twice" is already running \\(pid ${process.pid},`));
    await world.stop();
    const again = await open('twice');
    await again.stop();
  });

  it.each(['', 'Upper', '../up', '1st', 'x'.repeat(33)])('refuses the name "%s"', async (name) => {
    await expect(open(name)).rejects.toThrow(UsageError);
  });

  it('lets exactly one of several starters have a name that a killed world held', async () => {
    const dead = await open('wanted');
    const abandoned = join(root, 'abandoned');
    await dead.stop();
    const { mkdirSync } = await import('node:fs');
    mkdirSync(abandoned);
    writeState(abandoned, { ...stateOf('abandoned', abandoned), owner: `${process.pid}.gone` });
    const opened = await Promise.allSettled([open('abandoned'), open('abandoned'), open('abandoned')]);
    const winners = opened.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    expect(winners).toHaveLength(1);
    expect(runningWorlds(root)).toHaveLength(1);
    await winners[0]?.stop();
  });

  it('gives its children a temporary folder that goes away with it', async () => {
    const world = await open('temporary');
    const write = "console.log(require('node:fs').mkdtempSync(require('node:os').tmpdir() + '/left-'))";
    const child = world.spawn(process.execPath, ['-e', write], { stdio: ['ignore', 'pipe', 'ignore'] });
    const [line] = child.stdout ? await once(child.stdout, 'data') : [''];
    const left = String(line).trim();
    expect(left.startsWith(world.dir)).toBe(true);
    expect(existsSync(left)).toBe(true);
    await world.stop();
    expect(existsSync(left)).toBe(false);
  });

  it('tells a missing program as spawn does', async () => {
    const world = await open('missing');
    const child = world.spawn('no-such-program-here', []);
    const [error] = await once(child, 'error');
    expect(error).toMatchObject({ code: 'ENOENT' });
    await world.stop();
  });
});

const stateOf = (name: string, dir: string) =>
  ({
    version: 1,
    name,
    dir,
    pid: process.pid,
    owner: self(),
    startedAt: new Date(0).toISOString(),
    phase: 'ready',
    region: 'us-east-1',
    standbyRegion: 'us-west-2',
    timeScale: 1,
  }) as const;
