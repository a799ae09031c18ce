/**
 * `npm run crash-matrix`: every point and every known bug, of the remediations, of the functions behind the journal, of jobs and of recovery plans. `-- <text>`: only the points whose
 * name contains the text; begun with the whole name of a remediation or function, only that one is set up. `-- --bugs`: only the bugs; after a name, only those of that one.
 * `--one-in 20` after it: only one in twenty of the points, the same ones every time.
 * Progress on stderr, one line of JSON on stdout.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { added, isOneIn, wholeMatrix } from './crash-matrix.ts';
import { incidentMatrix, jobNames, planNames, unitNames } from './incidents/run.ts';
import { nameOfPoint } from './incidents/types.ts';
import { nameOf } from './types.ts';

const options = process.argv.slice(2);
const unknown = options.find((each) => each.startsWith('-') && each !== '--bugs' && each !== '--one-in');
if (unknown !== undefined) {
  process.stderr.write(`${unknown}: no such option; npm run crash-matrix -- [text] [--one-in <n>] [--bugs]\n`);
  process.exit(2);
}
const share = options.indexOf('--one-in');
const count = share < 0 ? 1 : Number(options[share + 1]);
if (!(Number.isInteger(count) && count > 0)) throw new Error('--one-in: expected a whole number above 0');
const [argument] = (share < 0 ? options : options.toSpliced(share, 2)).filter((each) => each !== '--bugs');
const onlyBugs = options.includes('--bugs');
const text = argument;
const bugs = (argument === undefined && count === 1) || onlyBugs;
// The name of a point begins with its remediation's or function's.
const [first = ''] = argument?.split(' ') ?? [];
const isRemediation = existsSync(join(import.meta.dirname, 'cases', `${first}.ts`));
const isUnit = [...unitNames(), ...jobNames(), ...planNames()].includes(first);
const startedAt = performance.now();
const tell = (line: string) =>
  process.stderr.write(`${Math.round((performance.now() - startedAt) / 1000)} s  ${line}\n`);

const isWanted = (name: string): boolean => (text === undefined || name.includes(text)) && isOneIn(count, name);

const ofRemediations = () =>
  wholeMatrix({
    bugs,
    ...(onlyBugs && { stages: [] }),
    ...(isRemediation && { remediations: [first] }),
    ...(!onlyBugs && { withApprove: true as const }),
    select: (point) => isWanted(nameOf(point)),
    report: tell,
  });
const ofIncidents = () =>
  incidentMatrix({
    points: !onlyBugs,
    bugs,
    ...(isUnit && { units: [first] }),
    select: (point) => isWanted(nameOfPoint(point)),
    report: tell,
  });

const reports = [...(isUnit ? [] : [await ofRemediations()]), ...(isRemediation ? [] : [await ofIncidents()])];
const report = added(reports);
process.stdout.write(`${JSON.stringify(report)}\n`);
const isComplete = report.failures.length === 0 && report.held === report.points && (onlyBugs || report.points > 0);
process.exitCode = isComplete && report.seededBugsFound === report.seededBugs ? 0 : 1;
