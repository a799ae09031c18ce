import { describe, expect, it } from '@jest/globals';
import { type Finding, verdictOf } from '../../../functions/jobs/findings.ts';

const finding = (result: Finding['result'], subject = 'orders'): Finding => ({
  check: `check-${result}`,
  subject,
  result,
  says: `says ${result}`,
});

describe('the verdict of many findings', () => {
  it('passes when everything did, and counts what passed before', () => {
    expect(verdictOf([finding('passed')], 7)).toEqual({
      kind: 'passed',
      summary: '8 of 8 checks passed',
      report: { passed: 8, notPassed: 0, findings: [] },
    });
  });

  it('passes where there was nothing to look at', () => {
    expect(verdictOf([])).toMatchObject({ kind: 'passed', summary: '0 of 0 checks passed' });
  });

  it('names the failure before what is unknown, and says each with its figure', () => {
    expect(verdictOf([finding('passed'), finding('unknown', 'a'), finding('failed', 'b')])).toMatchObject({
      kind: 'failed',
      check: 'check-failed',
      summary: '2 of 3 checks did not pass: b: says failed; a: says unknown',
    });
  });

  it('is no pass when something could not be looked at', () => {
    expect(verdictOf([finding('passed'), finding('unknown')])).toMatchObject({
      kind: 'failed',
      check: 'check-unknown',
    });
  });

  it('tells five, keeps a hundred, counts all', () => {
    const verdict = verdictOf(Array.from({ length: 120 }, (_, at) => finding('failed', `s${at}`)));
    expect(verdict.summary).toMatch(/^120 of 120 checks did not pass: s0: .*; s4: says failed; 115 more$/);
    expect(verdict.report).toMatchObject({ notPassed: 120 });
    expect(verdict.report.findings).toHaveLength(100);
  });
});
