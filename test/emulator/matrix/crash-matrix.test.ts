/** The quick form of the crash matrix: the most telling points of one remediation, and every known bug of it. `npm run crash-matrix` runs all of it. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { SEEDED_BUGS } from '../../matrix/bugs.ts';
import { crashMatrix, type MatrixReport } from '../../matrix/crash-matrix.ts';
import { nameOf, type Point } from '../../matrix/types.ts';

/** Before the intent, while it is written, when the change is made, and when that is written down. */
const TELLING = [
  'dynamodb BatchGetItem #1 refused, retry',
  'ecs DescribeServices #1 timeout-before, reconciler',
  'dynamodb TransactWriteItems #1 timeout-after, retry',
  'dynamodb TransactWriteItems #1 answers-lost, reconciler',
  'dynamodb TransactWriteItems #1 killed, concurrent',
  'ecs UpdateService #1 refused, retry',
  'ecs UpdateService #1 throttled, retry',
  'ecs UpdateService #1 answers-lost, concurrent',
  'ecs UpdateService #1 killed, retry',
  'ecs UpdateService #1 killed, reconciler',
  'dynamodb TransactWriteItems #2 killed, retry',
];
const isTelling = (point: Point) => TELLING.some((name) => nameOf(point) === `scale-out-service firing: ${name}`);

let report: MatrixReport;
beforeAll(async () => {
  report = await crashMatrix({
    remediations: ['scale-out-service'],
    stages: ['firing'],
    select: isTelling,
    targets: 60,
    bugs: true,
    report: () => {},
  });
}, 300_000);

describe('a function that meets a fault, or dies, at its most telling moments', () => {
  it('leaves nothing forgotten, nothing done twice and nothing untold', () => {
    expect(report.failures).toEqual([]);
    expect({ points: report.points, held: report.held }).toEqual({ points: TELLING.length, held: TELLING.length });
  });

  it('would be caught by this matrix if it had one of the known bugs', () => {
    const ofServices = SEEDED_BUGS.filter(({ points }) =>
      points.every(({ remediation }) => remediation === 'scale-out-service'),
    );
    expect(report.seededBugs).toBe(ofServices.length);
    expect(report.seededBugsFound).toBe(report.seededBugs);
  });
});
