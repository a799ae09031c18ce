/**
 * `npm run bench [-- <name>...]`: the numbers of design section 10, against a floor in the same run. Progress on stderr, one line of JSON on stdout
 * (events/published/bench.ts). Exit codes: 0 what was measured meets its goals, 1 something doesn't or couldn't be measured, 2 wrong usage. Not part of CI. Docs: docs/benchmarks.md.
 */
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import type { BenchDocument, BenchResult } from '../../events/published/bench.ts';
import { commandLine, refuse } from '../support/command-line.ts';
import { median, notMeasured, type Runs, resultOf, rounded } from './figures.ts';

type Say = (line: string) => void;

/** What one measurement tells, by the names of its results; loaded when it is asked for. */
const MEASUREMENTS: readonly {
  readonly names: readonly string[];
  readonly run: (say: Say) => Promise<readonly Runs[]>;
}[] = [
  { names: ['bundle-size', 'load-time'], run: async (say) => (await import('./bundles.ts')).measureBundles(say) },
  { names: ['synth'], run: async () => (await import('./commands.ts')).measureSynth() },
  { names: ['engine-cpu'], run: async () => (await import('./engine-cpu.ts')).measureEngineCpu() },
  { names: ['simulate'], run: async () => (await import('./commands.ts')).measureSimulation() },
  {
    names: ['cold-change-ecs', 'warm-change-ecs', 'round-trips', 'pause'],
    run: async (say) => (await import('./first-change.ts')).measureFirstChange(say),
  },
  { names: ['cold-snapshot'], run: async (say) => (await import('./first-snapshot.ts')).measureFirstSnapshot(say) },
  { names: ['plan-added'], run: async () => (await import('./commands.ts')).measurePlans() },
  { names: ['start'], run: async () => (await import('./commands.ts')).measureStart() },
  { names: ['storm'], run: async () => (await import('./commands.ts')).measureStorm() },
];

const say: Say = (line) => process.stderr.write(`${line}\n`);
const names = MEASUREMENTS.flatMap((each) => each.names);
const USAGE = `npm run bench -- [name...] [options]
  name                     only those of ${names.join(', ')} (all)
  --json                   accepted for uniformity: the last line of stdout is JSON either way`;
const { positionals } = commandLine(USAGE, { json: { type: 'boolean', default: false } }, true);
for (const name of positionals)
  if (!names.includes(name)) refuse(`no benchmark "${name}"; there are: ${names.join(', ')}`);
const isAsked = (name: string): boolean => positionals.length === 0 || positionals.includes(name);

const loadBefore = rounded(loadavg()[0] ?? 0);
let hasFailed = false;
const floor: Record<string, number> = {};
const results: BenchResult[] = [];
for (const { names: its, run } of MEASUREMENTS) {
  if (!its.some(isAsked)) continue;
  say(`measuring ${its.join(', ')}`);
  try {
    for (const runs of await run(say)) {
      if (!isAsked(runs.name)) continue;
      results.push(resultOf(runs));
      if (runs.floor) floor[runs.name] = rounded(median(runs.floor));
    }
  } catch (error) {
    // The others are measured all the same.
    hasFailed = true;
    for (const name of its.filter(isAsked)) results.push(notMeasured(name, '', '', `failed: ${String(error)}`));
  }
}
for (const { name, value, unit, met, goal, ratioToFloor } of results)
  say(
    `${met === null ? 'none  ' : met ? 'met   ' : 'MISSED'} ${name}: ${value} ${unit}${ratioToFloor === undefined ? '' : `, ${ratioToFloor} x floor`} (goal ${goal})`,
  );
const document: BenchDocument = {
  version: 1,
  machine: {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model ?? 'unknown',
    memoryGiB: rounded(totalmem() / 2 ** 30),
    node: process.version,
    loadBefore,
    loadAfter: rounded(loadavg()[0] ?? 0),
  },
  floor,
  results,
};
process.stdout.write(`${JSON.stringify(document)}\n`);
process.exit(hasFailed || results.some(({ met }) => met === false) ? 1 : 0);
