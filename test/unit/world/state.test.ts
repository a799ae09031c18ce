import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EnvironmentMissing, exitCodeOf, parseArgsComplaint, UsageError } from '../../../local/world/errors.ts';
import { readState, runningWorlds, worldFolders, writeState } from '../../../local/world/state.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'states-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const STATE = {
  version: 1,
  name: 'demo',
  dir: '/x',
  pid: 1,
  owner: '1.long-gone',
  startedAt: '2026-11-20T03:04:05.678Z',
  phase: 'ready',
  region: 'us-east-1',
  standbyRegion: 'us-west-2',
  timeScale: 1,
} as const;

describe("a world's state on disk", () => {
  it('is read as it was written', () => {
    writeState(root, STATE);
    expect(readState(root)).toEqual(STATE);
  });

  it.each(['', '{', '{"version":2}'])('is nothing when the file says "%s"', (text) => {
    writeFileSync(join(root, 'world.json'), text);
    expect(readState(root)).toBeUndefined();
  });

  it('does not count as running when its process is gone', () => {
    mkdirSync(join(root, 'demo'));
    writeState(join(root, 'demo'), STATE);
    expect(worldFolders(root)).toHaveLength(1);
    expect(runningWorlds(root)).toEqual([]);
  });

  it('is nothing where no world ever was', () => {
    expect(worldFolders(join(root, 'missing'))).toEqual([]);
  });
});

describe('exit codes', () => {
  it.each([
    [new UsageError('x'), 2],
    [new EnvironmentMissing('x'), 3],
    [new Error('x'), 1],
    ['text', 1],
    [Object.assign(new Error('x'), { exitCode: 0 }), 1],
  ])('%s exits with %i', (error, code) => {
    expect(exitCodeOf(error)).toBe(code);
  });

  it('takes only complaints of parseArgs for wrong usage', () => {
    const complaint = Object.assign(new TypeError("Unknown option '-x'. To specify"), {
      code: 'ERR_PARSE_ARGS_UNKNOWN_OPTION',
    });
    expect(parseArgsComplaint(complaint)?.message).toBe("Unknown option '-x'");
    expect(parseArgsComplaint(new TypeError('x'))).toBeUndefined();
  });
});
