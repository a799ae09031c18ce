/** The quick form of `npm run simulate`, in a process of its own, because it replaces time and chance. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { expect, it, jest } from '@jest/globals';
import { simulationDocument } from '../../../events/published/simulation.ts';

jest.setTimeout(240_000);

const MAIN = join(import.meta.dirname, '../../simulation/main.ts');

/** Runs the command to its end. */
const simulate = (...args: string[]) =>
  new Promise<{ code: number; document: unknown; stderr: string }>((resolve) => {
    const child = execFile(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', MAIN, ...args],
      { maxBuffer: 64 * 1024 * 1024 },
      (_error, stdout, stderr) =>
        resolve({
          code: child.exitCode ?? -1,
          stderr,
          document: JSON.parse(stdout.trim().split('\n').at(-1) || 'null'),
        }),
    );
  });

it('holds every invariant over some hundred incidents, and says so', async () => {
  const { code, document, stderr } = await simulate('--incidents', '300', '--seed', '1', '--json');
  const report = simulationDocument.parse(document);
  expect({ ...report, stderr }).toMatchObject({ violations: 0, failingSeeds: [], seed: 1, stderr: '' });
  expect(code).toBe(0);
  expect(report.incidents).toBeGreaterThanOrEqual(300);
  expect(report.entriesPerIncident).toBeGreaterThanOrEqual(5);
});

it('tells the same of the same seed', async () => {
  const [first, second] = await Promise.all([1, 2].map(() => simulate('--incidents', '60', '--seed', '5')));
  const { perMinute: _first, perMinuteInAll: _firstInAll, ...one } = simulationDocument.parse(first?.document);
  const { perMinute: _second, perMinuteInAll: _secondInAll, ...other } = simulationDocument.parse(second?.document);
  expect(one).toEqual(other);
});

it('finds a known bug, cuts its run down to the steps that matter, and repeats it by its seed', async () => {
  const bug = ['--bug', 'nothing brings up an intent that its function left unfinished'];
  const { code, document, stderr } = await simulate('--incidents', '2000', ...bug);
  const { violations, failingSeeds } = simulationDocument.parse(document);
  expect(code).toBe(1);
  expect(violations).toBeGreaterThan(0);
  expect(stderr).toContain('VIOLATION I1');
  expect(stderr.match(/^ {2}step /gm)?.length).toBeLessThanOrEqual(4);
  const again = await simulate('--replay', String(failingSeeds[0]), ...bug);
  expect(again.code).toBe(1);
  expect((await simulate('--replay', String(failingSeeds[0]))).code).toBe(0);
});

it('refuses what is no number, and a bug that there is not', async () => {
  expect((await simulate('--seed', 'x')).code).toBe(2);
  expect((await simulate('--bug', 'none')).code).toBe(2);
  expect((await simulate('--until', '100')).code).toBe(2);
});
