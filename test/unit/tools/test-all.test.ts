import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { AGAINST_THE_CLOCK, againOf, type SuiteResult, summaryOf } from '../../../tools/test-all.ts';

const REPOSITORY = join(import.meta.dirname, '..', '..', '..');
const suite = (name: string, passed: boolean, tests = { passed: 2, failed: passed ? 0 : 1 }): SuiteResult => ({
  suite: name,
  passed,
  tests,
});
const DEMO = 'test/world/demo.test.ts';
const RDS = 'test/emulator/rds/rds.test.ts';

describe('a suite that failed', () => {
  it('is run once more', () => {
    expect(againOf([suite(DEMO, false), suite(RDS, true)])).toEqual([DEMO]);
  });

  it.each([
    'test/world/crash-matrix.test.ts',
    'test/world/records.test.ts',
    'test/emulator/engine/protocol.test.ts',
    'test/emulator/jobs/run.test.ts',
  ])('is not when it is %s, and then no other either', (name) => {
    expect(existsSync(join(REPOSITORY, name))).toBe(true);
    expect(againOf([suite(DEMO, false), suite(name, false)])).toEqual([]);
  });

  it.each(AGAINST_THE_CLOCK)('may be of %s, which is there', (name) => {
    expect(existsSync(join(REPOSITORY, name))).toBe(true);
  });

  it('is not when there are many', () => {
    expect(againOf(Array.from({ length: 3 }, (_, n) => suite(`${RDS}-${n}`, false)))).toHaveLength(3);
    expect(againOf(Array.from({ length: 4 }, (_, n) => suite(`${RDS}-${n}`, false)))).toEqual([]);
  });
});

describe('what is told at the end', () => {
  it('counts the second result, and names the suite', () => {
    expect(summaryOf([suite(DEMO, false), suite(RDS, true)], [suite(DEMO, true)])).toEqual({
      ...{ passed: 4, failed: 0, failedSuites: [], flaky: [DEMO] },
    });
  });

  it('is a failure when the second try failed too, or there was none', () => {
    const failed = { passed: 4, failed: 1, failedSuites: [DEMO], flaky: [] };
    expect(summaryOf([suite(DEMO, false), suite(RDS, true)], [suite(DEMO, false)])).toEqual(failed);
    expect(summaryOf([suite(DEMO, false), suite(RDS, true)], [])).toEqual(failed);
  });

  it('is a failure when a suite could not be loaded', () => {
    expect(summaryOf([suite(DEMO, false, { passed: 0, failed: 0 })], [])).toMatchObject({ failed: 1 });
  });
});
