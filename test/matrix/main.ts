/**
 * `npm run crash-matrix`: every point and every known bug, of the remediations, of the functions behind the journal and of jobs. `-- <text>`: only the points whose
 * name contains the text; begun with the whole name of a remediation or function, only that one is set up. `-- --bugs`: only the bugs.
 * Progress on stderr, one line of JSON on stdout.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { added, wholeMatrix } from './crash-matrix.ts';
import { incidentMatrix, jobNames, unitNames } from './incidents/run.ts';
import { nameOfPoint } from './incidents/types.ts';
import { nameOf } from './types.ts';

const [argument] = process.argv.slice(2);
const onlyBugs = argument === '--bugs';
const text = onlyBugs ? undefined : argument;
const bugs = argument === undefined || onlyBugs;
// The name of a point begins with its remediation's or function's.
const [first = ''] = argument?.split(' ') ?? [];
const isRemediation = existsSync(join(import.meta.dirname, 'cases', `${first}.ts`));
const isUnit = [...unitNames(), ...jobNames()].includes(first);
const startedAt = performance.now();
const tell = (line: string) =>
  process.stderr.write(`${Math.round((performance.now() - startedAt) / 1000)} s  ${line}\n`);

const ofRemediations = () =>
  wholeMatrix({
    bugs,
    ...(onlyBugs && { stages: [] }),
    ...(isRemediation && { remediations: [first] }),
    ...(!onlyBugs && { withApprove: true as const }),
    ...(text !== undefined && { select: (point) => nameOf(point).includes(text) }),
    report: tell,
  });
const ofIncidents = () =>
  incidentMatrix({
    points: !onlyBugs,
    bugs,
    ...(isUnit && { units: [first] }),
    ...(text !== undefined && { select: (point) => nameOfPoint(point).includes(text) }),
    report: tell,
  });

const reports = [...(isUnit ? [] : [await ofRemediations()]), ...(isRemediation ? [] : [await ofIncidents()])];
const report = added(reports);
process.stdout.write(`${JSON.stringify(report)}\n`);
const isComplete = report.failures.length === 0 && report.held === report.points && (onlyBugs || report.points > 0);
process.exitCode = isComplete && report.seededBugsFound === report.seededBugs ? 0 : 1;
