/**
 * `npm run crash-matrix`: every point and every known bug. `-- <text>`: only the points whose name contains the text; begun with a
 * remediation's whole name, only that one is set up. `-- --bugs`: only the bugs.
 * Progress on stderr, one line of JSON on stdout.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { wholeMatrix } from './crash-matrix.ts';
import { nameOf } from './types.ts';

const [argument] = process.argv.slice(2);
const onlyBugs = argument === '--bugs';
// The name of a point begins with its remediation's.
const [first = ''] = argument?.split(' ') ?? [];
const only = existsSync(join(import.meta.dirname, 'cases', `${first}.ts`)) ? [first] : undefined;
const startedAt = performance.now();

const report = await wholeMatrix({
  bugs: onlyBugs || argument === undefined,
  ...(onlyBugs && { stages: [] }),
  ...(only && { remediations: only }),
  ...(argument !== undefined && { select: (point) => nameOf(point).includes(argument) }),
  report: (line) => process.stderr.write(`${Math.round((performance.now() - startedAt) / 1000)} s  ${line}\n`),
});
process.stdout.write(`${JSON.stringify(report)}\n`);
const isComplete = report.failures.length === 0 && report.held === report.points && (onlyBugs || report.points > 0);
process.exitCode = isComplete && report.seededBugsFound === report.seededBugs ? 0 : 1;
