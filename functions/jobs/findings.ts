/** What a job that looks at many things found, and what that amounts to. Pure. */
import type { Json } from '../engine/remediation.ts';
import type { Verdict } from './job.ts';

export interface Finding {
  readonly [key: string]: Json;
  /** What was looked for: `storage`, `secret-age`. */
  readonly check: string;
  /** What it was looked for on: a service's, database's or secret's name. */
  readonly subject: string;
  /** `unknown`: it couldn't be looked at, which is no better than failed. */
  readonly result: 'passed' | 'failed' | 'unknown';
  /** A whole sentence's worth, with the figure and its limit. */
  readonly says: string;
}

/** A run's item and its incident's entries stay well below DynamoDB's 400 kB. */
const FINDINGS_KEPT = 100;
/** As many as a person reads in a message. */
const FINDINGS_TOLD = 5;

/**
 * Passed only if everything passed. What didn't is in the report (the first hundred), failures before what is unknown; what passed is counted.
 * @param passed how many passed besides those among `findings`.
 */
export function verdictOf(findings: readonly Finding[], passed = 0): Verdict {
  const bad = [...findings.filter(isResult('failed')), ...findings.filter(isResult('unknown'))];
  const good = passed + findings.length - bad.length;
  const report = { passed: good, notPassed: bad.length, findings: bad.slice(0, FINDINGS_KEPT) };
  const [first] = bad;
  if (!first) return { kind: 'passed', summary: `${good} of ${good} checks passed`, report };
  const told = bad.slice(0, FINDINGS_TOLD).map(({ subject, says }) => `${subject}: ${says}`);
  const more = bad.length > FINDINGS_TOLD ? [`${bad.length - FINDINGS_TOLD} more`] : [];
  return {
    kind: 'failed',
    check: first.check,
    summary: `${bad.length} of ${good + bad.length} checks did not pass: ${[...told, ...more].join('; ')}`,
    report,
  };
}

const isResult =
  (wanted: Finding['result']) =>
  ({ result }: Finding): boolean =>
    result === wanted;
