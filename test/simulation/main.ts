/**
 * `npm run simulate -- --incidents N --seed S`: incidents on virtual time, until an invariant doesn't hold. `--replay <seed>`: one run again, with its trace.
 * `--bugs`: every known bug, each in a process of its own, and how many were found. `--until N --ledger <file>`: gone on with until it is that many.
 * Failures on stderr, one line of JSON on stdout (events/published/simulation.ts). Exit code 1 when an invariant doesn't hold or a bug isn't found. Docs: docs/simulation.md.
 */
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { text } from 'node:stream/consumers';
import type { BugsDocument, SimulationDocument } from '../../events/published/simulation.ts';
import { commandLine, refuse, wholeNumber } from '../support/command-line.ts';
import { BLOCK_INCIDENTS, blockOf, digestOfSources, type Played, summed } from './blocks.ts';
import { BUGS, seed as seedBug } from './bugs.ts';
import { install } from './clock.ts';
import { appendToLedger, missingBlocks, readLedger, sumOfLedger } from './ledger.ts';
import { playAll } from './pool.ts';
import type { Failure, Simulated } from './run.ts';

const USAGE = `npm run simulate -- [options]
  --incidents <n>          until so many were opened (20000)
  --seed <s>               the same seed, the same runs (1)
  --workers <n>            processes at a time, each on a core (as many as there are cores)
  --until <n>              goes on with what the ledger says was played, until it is so many in all
  --ledger <file>          keeps what was played of that seed and these sources; with --until
  --replay <seed>          the run of a failing seed again, with its trace
  --bugs                   every known bug, each put into the engine: how many are found
  --bug <name>             with that one of test/simulation/bugs.ts in it, in one process
  --json                   accepted for uniformity: the last line of stdout is JSON either way`;

const { values } = commandLine(
  USAGE,
  {
    incidents: { type: 'string', default: '20000' },
    seed: { type: 'string', default: '1' },
    workers: { type: 'string', default: String(availableParallelism()) },
    until: { type: 'string' },
    ledger: { type: 'string' },
    replay: { type: 'string' },
    bug: { type: 'string' },
    bugs: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
  false,
);
const seed = wholeNumber('seed', values.seed);
const incidents = wholeNumber('incidents', values.incidents);
const workers = wholeNumber('workers', values.workers, 1);
const until = values.until === undefined ? undefined : wholeNumber('until', values.until);
const replayed = values.replay === undefined ? undefined : wholeNumber('replay', values.replay);
if ((until === undefined) !== (values.ledger === undefined)) refuse('--until and --ledger go together');
const say = (line: string) => process.stderr.write(`${line}\n`);
const tell = (document: SimulationDocument | BugsDocument) => process.stdout.write(`${JSON.stringify(document)}\n`);
/** Of the true time: the simulation replaces the process's clock. */
const now = performance.now.bind(performance);

function explain({ seed, steps, trace, violations }: Failure): void {
  say(`seed ${seed} (npm run simulate -- --replay ${seed}), cut down to:`);
  for (const step of steps) say(`  step   ${step}`);
  for (const line of trace) say(`  ${line}`);
  for (const each of violations) say(`  VIOLATION ${each}`);
}

/** What was simulated as it is published. @param cpuMs Of all that; `wallMs`: of the `present` incidents of this call. */
function documentOf(
  simulated: Omit<Simulated, 'failures'> & { readonly violations: number; readonly failingSeeds: readonly number[] },
  { cpuMs, wallMs, present, processes }: { cpuMs: number; wallMs: number; present: number; processes: number },
): SimulationDocument {
  const { incidents: opened, entries, runs, violations, failingSeeds, mix } = simulated;
  const perMinute = (count: number, ms: number) => (count === 0 ? 0 : Math.round((count * 60_000) / Math.max(1, ms)));
  return {
    version: 1,
    incidents: opened,
    entriesPerIncident: Number((entries / Math.max(1, opened)).toFixed(2)),
    violations,
    perMinute: perMinute(opened, cpuMs),
    perMinuteInAll: perMinute(present, wallMs),
    workers: processes,
    seed: replayed ?? seed,
    runs,
    failingSeeds: [...failingSeeds],
    mix,
  };
}

const violationsIn = (failures: readonly Failure[]) => ({
  violations: failures.reduce((sum, { violations }) => sum + violations.length, 0),
  // Told whether they fail or not: a replay of a run that holds is no failure.
  failingSeeds: failures.map((each) => each.seed),
});

function end(document: SimulationDocument): void {
  tell(document);
  process.exitCode = document.violations > 0 ? 1 : 0;
}

/** In this process: one run, or some that aren't worth more processes. */
async function playHere(play: (run: typeof import('./run.ts')) => Promise<Simulated>): Promise<void> {
  install();
  // Only now: what it imports must find time and chance replaced, and the bug in place.
  const run = await import('./run.ts');
  const [begun, begunAt] = [process.cpuUsage(), now()];
  const simulated = await play(run);
  const { user, system } = process.cpuUsage(begun);
  for (const each of simulated.failures) explain(each);
  const figures = {
    cpuMs: (user + system) / 1000,
    wallMs: now() - begunAt,
    present: simulated.incidents,
    processes: 1,
  };
  end(documentOf({ ...simulated, ...violationsIn(simulated.failures) }, figures));
}

/** In processes of their own. */
async function playBlocks(): Promise<void> {
  const blocks = Array.from({ length: Math.ceil(incidents / BLOCK_INCIDENTS) }, (_, block) => ({
    block,
    options: blockOf(seed, block, Math.min(BLOCK_INCIDENTS, incidents - block * BLOCK_INCIDENTS)),
  }));
  const begunAt = now();
  const played: Played[] = [];
  const processes = Math.min(workers, blocks.length);
  await playAll(blocks, processes, (each) => played.push(each));
  const simulated = summed(played.sort((a, b) => a.block - b.block));
  for (const each of simulated.failures) explain(each);
  const cpuMs = played.reduce((sum, each) => sum + each.cpuMs, 0);
  const figures = { cpuMs, wallMs: now() - begunAt, present: simulated.incidents, processes };
  end(documentOf({ ...simulated, ...violationsIn(simulated.failures) }, figures));
}

/** Goes on with the ledger until it is as many as asked for. */
async function goOn(file: string, most: number): Promise<void> {
  const digest = digestOfSources();
  const before = readLedger(file, digest, seed);
  const known = sumOfLedger(before);
  say(`${file}: ${known.incidents} incidents of seed ${seed} and sources ${digest} are played`);
  // What doesn't hold is to be mended first; then the sources are others.
  const left = known.violations > 0 ? 0 : Math.max(0, most - known.incidents);
  const blocks = missingBlocks(before, Math.ceil(left / BLOCK_INCIDENTS));
  const [begunAt, played] = [now(), [] as Played[]];
  const asked = blocks.map((block) => ({ block, options: blockOf(seed, block) }));
  await playAll(asked, workers, (each) => {
    // A later process would have loaded them.
    if (digestOfSources() !== digest)
      throw new Error('the sources were changed while they were simulated: go on with them unchanged, or begin anew');
    played.push(each);
    const { block, runs, incidents: opened, entries, cpuMs } = each;
    const at = new Date().toISOString();
    appendToLedger(file, {
      digest,
      seed,
      block,
      runs,
      incidents: opened,
      entries,
      ...violationsIn(each.failures),
      cpuMs,
      at,
    });
    for (const failure of each.failures) explain(failure);
    say(`block ${block}: ${opened} incidents, ${played.length} of ${blocks.length} blocks`);
  });
  const { cpuMs, ...sum } = sumOfLedger(readLedger(file, digest, seed));
  const present = summed(played);
  const figures = { cpuMs, wallMs: now() - begunAt, present: present.incidents, processes: workers };
  end({ ...documentOf({ ...sum, mix: present.mix }, figures), digest });
}

/** Incidents within which a bug has to be found. */
const MOST_FOR_A_BUG = 40_000;

/** Looks for one bug, in a process of its own. */
async function findBug(name: string): Promise<boolean> {
  const begun = now();
  const args = ['--disable-warning=ExperimentalWarning', import.meta.filename, '--bug', name];
  const child = spawn(process.execPath, [...args, '--incidents', String(MOST_FOR_A_BUG), '--seed', String(seed)], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const found = JSON.parse((await text(child.stdout)) || '{}') as Partial<SimulationDocument>;
  const isFound = (found.violations ?? 0) > 0;
  const seconds = Math.round((now() - begun) / 1000);
  say(`${isFound ? 'found ' : 'MISSED'} ${name}: ${found.incidents} incidents, ${seconds} s`);
  return isFound;
}

async function findBugs(): Promise<BugsDocument> {
  const waiting = BUGS.map(({ name }) => name);
  const missed: string[] = [];
  const lane = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift())
      if (!(await findBug(name))) missed.push(name);
  };
  await Promise.all(Array.from({ length: workers }, lane));
  return { version: 1, seededBugs: BUGS.length, seededBugsFound: BUGS.length - missed.length, missed };
}

const bug = BUGS.find(({ name }) => name === values.bug);
if (values.bug !== undefined && !bug)
  refuse(`--bug "${values.bug}": there is none of that name in test/simulation/bugs.ts`);
if (bug) seedBug(bug);

if (values.bugs) {
  const document = await findBugs();
  tell(document);
  process.exitCode = document.missed.length > 0 ? 1 : 0;
} else if (replayed !== undefined) await playHere(({ replay }) => replay(replayed));
else if (bug || (until === undefined && incidents <= BLOCK_INCIDENTS))
  await playHere(({ simulate }) => simulate({ incidents, seed }));
else if (until !== undefined && values.ledger !== undefined) await goOn(values.ledger, until);
else await playBlocks();
