/**
 * `npm run crash-matrix`: every point and every known bug. `-- <text>`: only the points whose name contains the text. `-- --bugs`: only the bugs.
 * Progress on stderr, one line of JSON on stdout.
 */
import { crashMatrix } from './crash-matrix.ts';
import { nameOf } from './types.ts';

const [argument] = process.argv.slice(2);
const onlyBugs = argument === '--bugs';
const startedAt = performance.now();

const report = await crashMatrix({
  bugs: onlyBugs || argument === undefined,
  ...(onlyBugs && { stages: [] }),
  ...(argument !== undefined && { select: (point) => nameOf(point).includes(argument) }),
  report: (line) => process.stderr.write(`${Math.round((performance.now() - startedAt) / 1000)} s  ${line}\n`),
});
process.stdout.write(`${JSON.stringify(report)}\n`);
const isComplete = report.failures.length === 0 && report.held === report.points && (onlyBugs || report.points > 0);
process.exitCode = isComplete && report.seededBugsFound === report.seededBugs ? 0 : 1;
