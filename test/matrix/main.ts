/**
 * `npm run crash-matrix`: every point and every known bug, of the remediations, of the functions behind the journal, of jobs and of recovery plans. `-- <text>`: only the points whose
 * name contains the text; begun with the whole name of a remediation or function, only that one is set up. `-- --bugs`: only the bugs; after a name, only those of that one.
 * `--one-in 20` after it: only one in twenty of the points, the same ones every time.
 * Progress on stderr, one line of JSON on stdout.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { commandLine, refuse, wholeNumber } from '../support/command-line.ts';
import { nameOfPoint } from './incidents/types.ts';
import { nameOf } from './types.ts';

const USAGE = `npm run crash-matrix -- [text] [options]
  text                     only points whose name contains it; begun with a remediation's or function's name, only that one is set up
  --one-in <n>             one in so many of the points, the same ones every time, and no known bugs
  --bugs                   only the known bugs; after a name, only those of that one
  --json                   accepted for uniformity: the last line of stdout is JSON either way`;

const { values, positionals } = commandLine(
  USAGE,
  {
    'one-in': { type: 'string', default: '1' },
    bugs: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
  true,
);
if (positionals.length > 1)
  refuse(`${positionals.join(' ')}: one text is taken, in quotation marks when it has spaces`);
const count = wholeNumber('one-in', values['one-in'], 1);
const onlyBugs = values.bugs;
const [text] = positionals;
// Only now: what is said of a wrong option needn't wait for the emulators' clients.
const [{ added, isOneIn, wholeMatrix }, { incidentMatrix, jobNames, planNames, unitNames }] = await Promise.all([
  import('./crash-matrix.ts'),
  import('./incidents/run.ts'),
]);
const bugs = (text === undefined && count === 1) || onlyBugs;
// The name of a point begins with its remediation's or function's.
const [first = ''] = text?.split(' ') ?? [];
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
