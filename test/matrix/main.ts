/**
 * `npm run crash-matrix [-- <text>]`: the whole matrix and the known bugs, or only the points whose name contains the text. Progress on stderr, one line of JSON on stdout. */
import { crashMatrix } from './crash-matrix.ts';
import { nameOf } from './types.ts';

const text = process.argv[2];
const startedAt = performance.now();

const report = await crashMatrix({
  bugs: !text,
  ...(text && { select: (point) => nameOf(point).includes(text) }),
  report: (line) => process.stderr.write(`${Math.round((performance.now() - startedAt) / 1000)} s  ${line}\n`),
});
process.stdout.write(`${JSON.stringify(report)}\n`);
const isComplete = report.held === report.points && report.failures.length === 0 && report.points > 0;
process.exitCode = isComplete && report.seededBugsFound === report.seededBugs ? 0 : 1;
