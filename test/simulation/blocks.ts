/** A simulation in blocks of runs that have nothing to do with each other, so that they can be played by several processes, and on several days, with the same result. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { glob } from '../support/files.ts';
import type { Options, Simulated } from './run.ts';

/** Incidents of one block: some ten seconds. */
export const BLOCK_INCIDENTS = 5_000;
/** Runs of one block at most, so that no run belongs to two: it takes about three for four incidents. */
const BLOCK_RUNS = 16_384;

/** What one block came to. */
export interface Played extends Simulated {
  readonly block: number;
  /** CPU time, in milliseconds. */
  readonly cpuMs: number;
}

/** Which runs of that seed belong to the block, and until when they are played. */
export const blockOf = (
  seed: number,
  block: number,
  incidents = BLOCK_INCIDENTS,
): Required<Pick<Options, 'incidents' | 'seed' | 'firstRun' | 'mostRuns'>> => ({
  incidents,
  seed,
  firstRun: block * BLOCK_RUNS,
  mostRuns: BLOCK_RUNS,
});

/** The sum of results. */
export function summed<Result extends Simulated>(results: readonly Result[]): Simulated {
  const mix: Record<string, number> = {};
  for (const result of results)
    for (const [kind, count] of Object.entries(result.mix)) mix[kind] = (mix[kind] ?? 0) + count;
  const sum = (of: (each: Result) => number) => results.reduce((total, each) => total + of(each), 0);
  return {
    runs: sum(({ runs }) => runs),
    incidents: sum(({ incidents }) => incidents),
    entries: sum(({ entries }) => entries),
    failures: results.flatMap(({ failures }) => failures),
    mix,
  };
}

const REPOSITORY = join(import.meta.dirname, '../..');
/** What decides how a run goes and whether it holds. */
const SOURCES = ['events', 'functions/engine', 'functions/incidents/reconciler', 'test/simulation'];

/** Of the sources that are simulated and of the simulation itself: results of two digests are of two programs. */
export function digestOfSources(): string {
  const hash = createHash('sha256');
  for (const file of SOURCES.flatMap((folder) => glob(join(REPOSITORY, folder), '.ts')).sort())
    hash
      .update(`${relative(REPOSITORY, file)}\n`)
      .update(readFileSync(file))
      .update('\n');
  return hash.digest('hex').slice(0, 16);
}
