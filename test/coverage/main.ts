/** `npm run coverage:runbooks [-- --json] [-- --write]`: what of the source runbooks is covered. Exit code 1 when a test claims an id that there isn't. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { glob } from '../support/files.ts';
import { coverageOf, coveragePage, type Proof, proofsIn, unknownIds } from './coverage.ts';
import { SECTIONS } from './sections.ts';

const REPOSITORY = join(import.meta.dirname, '../..');
const PAGE = join(REPOSITORY, 'docs/coverage.md');

/** Proofs in all tests that run something: those with the local world under them. */
export function allProofs(): Proof[] {
  return ['test/emulator', 'test/world']
    .flatMap((folder) => glob(join(REPOSITORY, folder), '.test.ts'))
    .sort()
    .flatMap((file) => proofsIn(relative(REPOSITORY, file), readFileSync(file, 'utf8')));
}

export const currentPage = (): string => coveragePage(SECTIONS, allProofs());
export const writtenPage = (): string => readFileSync(PAGE, 'utf8');

if (import.meta.main) {
  const { values } = parseArgs({ options: { json: { type: 'boolean' }, write: { type: 'boolean' } } });
  const rows = Object.values(SECTIONS).flat();
  const proofs = allProofs();
  const coverage = coverageOf(rows, proofs);
  if (values.write) writeFileSync(PAGE, currentPage());
  const unknown = unknownIds(rows, proofs);
  for (const id of unknown) process.stderr.write(`A test claims ${id}, which isn't in test/coverage/catalogue.\n`);
  if (unknown.length > 0) process.exitCode = 1;
  const { total, covered, later, notAutomatable } = coverage;
  if (!values.json)
    process.stdout.write(`${covered} of ${total} covered, ${later} later, ${notAutomatable} not automatable\n`);
  else process.stdout.write(`${JSON.stringify(coverage)}\n`);
}
