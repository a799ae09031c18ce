/**
 * `npm run test:all`: the emulators' own suites, then whole worlds; of both, all suites are run, so that one failure doesn't hide the next. A suite that
 * fails is run once more, alone, when it plays against the clock. Decision 132 says why, and what is printed of it.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';

const REPOSITORY = join(import.meta.dirname, '..');
const PROJECTS = ['emulator', 'world'];
/** Dozens of plays one after the other, each with its limits of time: it gets the machine for itself. */
const ALONE = 'test/world/iam.test.ts';
const RUNS: readonly (readonly string[])[] = [
  ['--maxWorkers=2', '--selectProjects', 'emulator'],
  ['--maxWorkers=2', '--selectProjects', 'world', '--testPathIgnorePatterns', ALONE],
  ['--maxWorkers=1', '--selectProjects', 'world', '--testPathPatterns', ALONE],
];

/**
 * Suites that play the machine around Nightshift against the clock: servers, tasks, state machines, whole worlds that have to come up and go in time. Everywhere
 * else one failure is a defect, however seldom: what changes twice, once in a hundred times, is no chance.
 */
export const AGAINST_THE_CLOCK: readonly string[] = [
  'test/emulator/cli/',
  'test/emulator/deploy/',
  'test/emulator/ecs/',
  'test/emulator/emulators/',
  'test/emulator/eventbridge/',
  'test/emulator/gateway/',
  'test/emulator/lambda/',
  'test/emulator/postgres/',
  'test/emulator/rds/',
  // Tasks and servers that have to get well within a plan's budgets.
  'test/emulator/recovery/',
  'test/emulator/route53/',
  'test/emulator/scheduler/',
  'test/emulator/services/',
  'test/emulator/step-functions/',
  'test/emulator/world/',
  'test/world/alerts.test.ts',
  'test/world/demo.test.ts',
  'test/world/does-nothing.test.ts',
  'test/world/ecs/',
  // A permission that is missing on a path is missing each time the path is played.
  'test/world/iam.test.ts',
  'test/world/operator.test.ts',
  'test/world/self-watch.test.ts',
  'test/world/step-functions/',
];
/** More than these at once isn't chance. */
const MOST_AGAIN = 3;

export interface SuiteResult {
  /** Path from the top of the repository. */
  readonly suite: string;
  readonly passed: boolean;
  readonly tests: { readonly passed: number; readonly failed: number };
}

/** The suites that are run once more: none when one of the failures can't be chance, or there are too many. */
export function againOf(results: readonly SuiteResult[]): readonly string[] {
  const failed = results.filter(({ passed }) => !passed).map(({ suite }) => suite);
  const mayBeChance = failed.every((suite) => AGAINST_THE_CLOCK.some((each) => suite.startsWith(each)));
  return mayBeChance && failed.length <= MOST_AGAIN ? failed : [];
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

/** Runs jest to its end. @throws when it was killed, ran nothing, or failed without a suite that did. */
function runJest(args: readonly string[], folder: string): SuiteResult[] {
  const output = join(folder, 'results.json');
  rmSync(output, { force: true });
  const jest = join(REPOSITORY, 'node_modules', 'jest', 'bin', 'jest.js');
  const node = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', jest];
  const child = spawnSync(process.execPath, [...node, '--json', `--outputFile=${output}`, ...args], {
    cwd: REPOSITORY,
    // Its document goes to the file; suites print figures of theirs to standard output.
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (child.signal) throw new Error(`jest was ended by ${child.signal}`);
  const { testResults } = JSON.parse(readFileSync(output, 'utf8')) as JestOutput;
  if (testResults.length === 0) throw new Error(`jest ran no suite of ${args.join(' ')}`);
  const results = testResults.map(({ name, status, assertionResults }): SuiteResult => {
    const count = (wanted: string) => assertionResults.filter((each) => each.status === wanted).length;
    return {
      suite: relative(REPOSITORY, name),
      passed: status === 'passed',
      tests: { passed: count('passed'), failed: count('failed') },
    };
  });
  if (child.status !== 0 && results.every(({ passed }) => passed))
    throw new Error(`jest ended with ${child.status} though every suite of ${args.join(' ')} passed`);
  return results;
}

function attempt(run: () => SuiteResult[]): { readonly results?: SuiteResult[]; readonly error?: unknown } {
  try {
    return { results: run() };
  } catch (error) {
    return { error };
  }
}

function main(): number {
  const folder = mkdtempSync(join(tmpdir(), 'nightshift-test-all-'));
  try {
    // One run that breaks doesn't hide what the others say.
    const runs = RUNS.map((args) => attempt(() => runJest(args, folder)));
    const broken = runs.flatMap(({ error }) => error ?? []);
    const first = runs.flatMap(({ results }) => results ?? []);
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
    for (const error of broken) process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return failed === 0 && broken.length === 0 ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) process.exitCode = main();
