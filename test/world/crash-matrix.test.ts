/** A part of the crash matrix, the same one each time, and every known bug; `npm run crash-matrix` runs the whole. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { SEEDED_BUGS } from '../matrix/bugs.ts';
import { isOneIn, type MatrixReport, oneIn, remediationNames, wholeMatrix } from '../matrix/crash-matrix.ts';
import { INCIDENT_BUGS } from '../matrix/incidents/bugs.ts';
import { incidentMatrix, jobNames, planNames } from '../matrix/incidents/run.ts';
import { type IncidentPoint, nameOfPoint } from '../matrix/incidents/types.ts';
import { JOB_BUGS } from '../matrix/jobs/bugs.ts';
import { PLAN_BUGS } from '../matrix/plans/bugs.ts';

/** With it the part takes about as long as the whole took when there were two remediations. */
const ONE_IN = 12;
/** Fewer would mean that seams are no longer learned; a remediation has about 20 calls in its deliveries, each with 15 points or more. */
const LEAST_POINTS_EACH = 150 / ONE_IN;

describe('the crash matrix of remediations', () => {
  let report: MatrixReport;
  beforeAll(async () => {
    report = await wholeMatrix({ bugs: true, select: oneIn(ONE_IN), report: () => {} });
  }, 2_400_000);

  it(`holds at one in ${ONE_IN} calls and statements of every remediation`, async () => {
    expect(report.failures).toEqual([]);
    expect(report.held).toBe(report.points);
    expect(report.points).toBeGreaterThanOrEqual(LEAST_POINTS_EACH * (await remediationNames()).length);
  });

  it('finds every known bug', () => {
    expect(report.seededBugsFound).toBe(SEEDED_BUGS.length);
  });
});

/** Of about 1,700. */
const ONE_IN_OF_INCIDENTS = 32;
/** Of about 2,000. */
const ONE_IN_OF_JOBS = 97;
/** Of about 4,400. */
const ONE_IN_OF_PLANS = 450;
const LEAST_POINTS_OF_ALL = 52;

function shareOf({ unit }: IncidentPoint): number {
  if (planNames().includes(unit)) return ONE_IN_OF_PLANS;
  return jobNames().includes(unit) ? ONE_IN_OF_JOBS : ONE_IN_OF_INCIDENTS;
}

/** In one place: opening it costs more than a job's points. */
describe('the crash matrix of the functions behind the journal, of jobs and of plans', () => {
  let report: MatrixReport;
  beforeAll(async () => {
    report = await incidentMatrix({
      points: true,
      bugs: true,
      select: (point) => isOneIn(shareOf(point), nameOfPoint(point)),
      report: () => {},
    });
  }, 1_200_000);

  it(`holds at one in ${ONE_IN_OF_INCIDENTS} of their calls, of jobs one in ${ONE_IN_OF_JOBS}, of plans one in ${ONE_IN_OF_PLANS}`, () => {
    expect(report.failures).toEqual([]);
    expect(report.held).toBe(report.points);
    expect(report.points).toBeGreaterThanOrEqual(LEAST_POINTS_OF_ALL);
  });

  it('finds every known bug', () => {
    expect(report.seededBugsFound).toBe(INCIDENT_BUGS.length + JOB_BUGS.length + PLAN_BUGS.length);
  });
});
