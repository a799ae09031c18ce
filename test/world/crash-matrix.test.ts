/** The whole crash matrix, as `npm run crash-matrix` runs it. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { discover } from '../../infra/discover.ts';
import { SEEDED_BUGS } from '../matrix/bugs.ts';
import { crashMatrix, type MatrixReport } from '../matrix/crash-matrix.ts';

/** Fewer would mean that seams are no longer learned; a remediation has about 20 calls in its deliveries, each with 15 points or more. */
const LEAST_POINTS_EACH = 200;

let report: MatrixReport;
beforeAll(async () => {
  report = await crashMatrix({ bugs: true, report: () => {} });
}, 1_800_000);

describe('the crash matrix', () => {
  it('holds at every call and statement of every remediation', async () => {
    const { remediations } = await discover();
    expect(report.failures).toEqual([]);
    expect(report.held).toBe(report.points);
    expect(report.points).toBeGreaterThanOrEqual(LEAST_POINTS_EACH * remediations.length);
  });

  it('finds every known bug', () => {
    expect(report.seededBugsFound).toBe(SEEDED_BUGS.length);
  });
});
