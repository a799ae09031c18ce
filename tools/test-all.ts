/**
 * `npm run test:all`: the emulators' own suites, then whole worlds; of both, all suites are run, so that one failure doesn't hide the next. A suite that
 * fails is run once more, alone, unless what it proves must hold each time. Decision 132 says why, and what is printed of it.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';

const REPOSITORY = join(import.meta.dirname, '..');
const PROJECTS = ['emulator', 'world'];

/** What fails here once in a hundred times is a defect of Nightshift: two commits that won, a point of the matrix that didn't hold, a world left behind. */
export const HOLDS_EACH_TIME: readonly string[] = [
  'test/emulator/engine/contention.test.ts',
  'test/emulator/engine/crashed-change.test.ts',
  'test/emulator/engine/interleaved.test.ts',
  'test/emulator/engine/two-remediations.test.ts',
  'test/world/contention.test.ts',
  'test/world/crash-matrix.test.ts',
  'test/world/killed-engine.test.ts',
  'test/world/killed-worlds.test.ts',
];
/** More than these at once isn't chance. */
const MOST_AGAIN = 3;

export interface SuiteResult {
  /** Path from the top of the repository. */
  readonly suite: string;
  readonly passed: boolean;
  readonly tests: { readonly passed: number; readonly failed: number };
}

/** The suites that are run once more: none when one of the failures is decisive by itself, or there are too many. */
export function againOf(results: readonly SuiteResult[]): readonly string[] {
  const failed = results.filter(({ passed }) => !passed).map(({ suite }) => suite);
  const isDecided = failed.some((suite) => HOLDS_EACH_TIME.includes(suite));
  return isDecided || failed.length > MOST_AGAIN ? [] : failed;
}

/** What is told at the end: the second result of a suite counts, and that there was a first. */
export function summaryOf(first: readonly SuiteResult[], second: readonly SuiteResult[]) {
  const last = first.map((each) => second.find(({ suite }) => suite === each.suite) ?? each);
  const sum = (count: (tests: SuiteResult['tests']) => number) =>
    last.reduce((total, { tests }) => total + count(tests), 0);
  const flaky = second.filter(({ passed }) => passed).map(({ suite }) => suite);
  const failedSuites = last.filter(({ passed }) => !passed).map(({ suite }) => suite);
  return {
    passed: sum(({ passed }) => passed),
    // A suite that can't be loaded has no failed test of its own.
    failed: Math.max(
      sum(({ failed }) => failed),
      failedSuites.length,
    ),
    failedSuites,
    flaky,
  };
}

/** As jest's `--json` writes it. */
interface JestOutput {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

/** Runs jest to its end. @throws when it ended without results, as when it was killed. */
function runJest(args: readonly string[], folder: string): SuiteResult[] {
  const output = join(folder, 'results.json');
  rmSync(output, { force: true });
  const jest = join(REPOSITORY, 'node_modules', 'jest', 'bin', 'jest.js');
  const node = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', jest];
  const child = spawnSync(process.execPath, [...node, '--json', `--outputFile=${output}`, ...args], {
    cwd: REPOSITORY,
    // Its document goes to the file; what people read comes by standard error.
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (child.signal) throw new Error(`jest was ended by ${child.signal}`);
  const { testResults } = JSON.parse(readFileSync(output, 'utf8')) as JestOutput;
  if (testResults.length === 0) throw new Error(`jest ran no suite of ${args.join(' ')}`);
  return testResults.map(({ name, status, assertionResults }) => {
    const count = (wanted: string) => assertionResults.filter((each) => each.status === wanted).length;
    return {
      suite: relative(REPOSITORY, name),
      passed: status === 'passed',
      tests: { passed: count('passed'), failed: count('failed') },
    };
  });
}

function main(): number {
  const folder = mkdtempSync(join(tmpdir(), 'nightshift-test-all-'));
  try {
    const first = PROJECTS.flatMap((project) => runJest(['--maxWorkers=2', '--selectProjects', project], folder));
    const again = againOf(first);
    if (again.length > 0) process.stdout.write(`\nOnce more, alone: ${again.join(', ')}\n`);
    const second =
      again.length > 0
        ? runJest(['--maxWorkers=1', '--selectProjects', ...PROJECTS, '--runTestsByPath', ...again], folder)
        : [];
    const { passed, failed, failedSuites, flaky } = summaryOf(first, second);
    for (const suite of failedSuites) process.stdout.write(`failed: ${suite}\n`);
    for (const suite of flaky)
      process.stdout.write(`flaky: ${suite} passed at its second try; its first failure is above\n`);
    process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
    return failed === 0 ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) process.exitCode = main();
