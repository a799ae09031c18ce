/** A part of the crash matrix, the same one each time, and every known bug; `npm run crash-matrix` runs the whole. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { discover } from '../../infra/discover.ts';
import { SEEDED_BUGS } from '../matrix/bugs.ts';
import { type MatrixReport, oneIn, wholeMatrix } from '../matrix/crash-matrix.ts';

/** With it the part takes about as long as the whole took when there were two remediations. */
const ONE_IN = 8;
/** Fewer would mean that seams are no longer learned; a remediation has about 20 calls in its deliveries, each with 15 points or more. */
const LEAST_POINTS_EACH = 150 / ONE_IN;

let report: MatrixReport;
beforeAll(async () => {
  report = await wholeMatrix({ bugs: true, select: oneIn(ONE_IN), report: () => {} });
}, 2_400_000);

describe('the crash matrix', () => {
  it(`holds at one in ${ONE_IN} calls and statements of every remediation`, async () => {
    const { remediations } = await discover();
    expect(report.failures).toEqual([]);
    expect(report.held).toBe(report.points);
    expect(report.points).toBeGreaterThanOrEqual(LEAST_POINTS_EACH * remediations.length);
  });

  it('finds every known bug', () => {
    expect(report.seededBugsFound).toBe(SEEDED_BUGS.length);
  });
});
