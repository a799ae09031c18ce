import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, jest } from '@jest/globals';
import { allProofs } from '../coverage/main.ts';

jest.setTimeout(900_000);

interface JestResults {
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly title: string; readonly status: string }[];
  }[];
}

/** A title claims procedures by an id in brackets. */
const CLAIMS = '\\[(\\d[a-z]?/|[MD]\\d)';

it('no test of a remediation or job claims a procedure and still passes when all of them do nothing', () => {
  const folder = mkdtempSync(join(tmpdir(), 'nightshift-no-op-'));
  try {
    const out = join(folder, 'results.json');
    const repository = join(import.meta.dirname, '../..');
    const { stderr } = spawnSync(
      process.execPath,
      [
        ...['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'],
        ...[join(repository, 'node_modules/jest/bin/jest.js'), '--config', 'test/coverage/no-op.config.js'],
        // A test that fails half-way may leave something open, which would keep jest from ending.
        ...['--testNamePattern', CLAIMS, '--json', '--outputFile', out, '--forceExit'],
      ],
      { cwd: repository, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024, timeout: 600_000 },
    );
    let results: JestResults;
    try {
      results = JSON.parse(readFileSync(out, 'utf8')) as JestResults;
    } catch (error) {
      throw new Error(`jest left no results: ${stderr.slice(-2000)}`, { cause: error });
    }
    const ran = results.testResults
      .flatMap(({ assertionResults }) => assertionResults)
      .filter(({ status }) => status === 'passed' || status === 'failed');
    const claimed = allProofs().filter(({ file }) => /^test\/emulator\/(remediations|jobs)\//.test(file));
    expect(claimed.length).toBeGreaterThan(0);
    expect(ran).toHaveLength(claimed.length);
    expect(ran.filter(({ status }) => status === 'passed').map(({ title }) => title)).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
