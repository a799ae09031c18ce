/**
 * `npm run mutation [-- --files a.ts,b.ts | --since <git ref>]`: Stryker makes small changes to the code that decides, one at a time, and the unit and
 * property tests that import the file must notice. Survivors on stderr, one line of JSON on stdout (events/published/mutation.ts). Exit code 1 when fewer than 85 % are noticed,
 * 2 on wrong usage. Docs: docs/mutation.md.
 */
import { execFileSync } from 'node:child_process';
import type { Stryker } from '@stryker-mutator/core';
import { commandLine, refuse } from '../support/command-line.ts';
import { documentOf, type MutantStatus, scoreOf } from './score.ts';
import { decidingFiles, readImports, testsOf } from './select.ts';

const say = (line: string) => process.stderr.write(`${line}\n`);

const USAGE = `npm run mutation -- [options]
  --files <a.ts,b.ts,...>  only those (all that decides)
  --since <git ref>        only those that were changed since
  --json                   accepted for uniformity: the last line of stdout is JSON either way`;

const { values } = commandLine(
  USAGE,
  { files: { type: 'string' }, since: { type: 'string' }, json: { type: 'boolean', default: false } },
  false,
);
const imports = readImports(['functions', 'events', 'test/unit', 'test/property', 'test/support']);

function changedSince(ref: string): string[] {
  try {
    const changed = execFileSync('git', ['diff', '--name-only', '--relative', ref, '--'], { encoding: 'utf8' }).split(
      '\n',
    );
    return decidingFiles(imports).filter((file) => changed.includes(file));
  } catch {
    return refuse(`--since ${ref}: git knows no such commit`);
  }
}

function chosen(): string[] {
  if (values.since !== undefined) return changedSince(values.since);
  const named = values.files?.split(',').map((file) => file.trim());
  for (const file of named ?? [])
    if (!imports.has(file)) refuse(`--files ${file}: there is no such file in functions/`);
  return named ?? decidingFiles(imports);
}

/** Without Stryker's own look at tsconfig.json: it needs an API that TypeScript 7 doesn't have, and no types are checked here. */
const NO_TSCONFIG = 'test/mutation/none.json';

const options = (file: string, tests: readonly string[]): ConstructorParameters<typeof Stryker>[0] => ({
  mutate: [file],
  testRunner: 'jest',
  plugins: ['@stryker-mutator/jest-runner'],
  testRunnerNodeArgs: ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'],
  coverageAnalysis: 'perTest',
  jest: {
    projectType: 'custom',
    configFile: 'test/mutation/jest.config.js',
    enableFindRelatedTests: false,
    config: { testMatch: tests.map((test) => `<rootDir>/${test}`) },
  },
  // Texts are for people, and the values among them are closed unions: the compiler refuses others.
  mutator: { excludedMutations: ['StringLiteral'] },
  tsconfigFile: NO_TSCONFIG,
  disableTypeChecks: true,
  concurrency: 1,
  timeoutMS: 30_000,
  timeoutFactor: 4,
  tempDirName: '.nightshift/mutation',
  ignorePatterns: ['.nightshift', 'cdk.out', 'docs', 'infra/**/*.md'],
  reporters: [],
  allowEmpty: true,
});

async function mutate(file: string, tests: readonly string[]): Promise<MutantStatus[]> {
  const { Stryker } = await import('@stryker-mutator/core');
  const mutants = await new Stryker(options(file, tests)).runMutationTest();
  const statuses = mutants.map(({ status }) => status as MutantStatus);
  for (const { status, location, mutatorName, replacement } of mutants)
    if (status === 'Survived' || status === 'NoCoverage')
      say(`  ${file}:${location.start.line}:${location.start.column} ${status} ${mutatorName}: ${replacement}`);
  const { score, detected, mutants: count } = scoreOf(statuses);
  say(`${score.toFixed(1)} % ${file}: ${detected} of ${count} noticed by ${tests.join(', ')}`);
  return statuses;
}

// Stryker logs on stdout, where only the document belongs.
const stdout = process.stdout.write.bind(process.stdout);
process.stdout.write = process.stderr.write.bind(process.stderr);
const byFile: Record<string, MutantStatus[]> = {};
const untested: string[] = [];
for (const file of chosen()) {
  const tests = testsOf(file, imports);
  if (tests.length === 0) untested.push(file);
  else byFile[file] = await mutate(file, tests);
}
const document = documentOf(byFile, untested);
stdout(`${JSON.stringify(document)}\n`);
process.exitCode = document.score < document.threshold ? 1 : 0;
