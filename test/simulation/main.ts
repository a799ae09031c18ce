/**
 * `npm run simulate -- --incidents N --seed S`: incidents on virtual time, until an invariant doesn't hold. `--replay <seed>`: one run again, with its trace.
 * `--bugs`: every known bug, each in a process of its own, and how many were found. Failures on stderr, one line of JSON on stdout
 * (events/published/simulation.ts). Exit code 1 when an invariant doesn't hold or a bug isn't found. Docs: docs/simulation.md.
 */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import type { BugsDocument, SimulationDocument } from '../../events/published/simulation.ts';
import { commandLine, refuse, wholeNumber } from '../support/command-line.ts';
import { BUGS, seed as seedBug } from './bugs.ts';
import { install } from './clock.ts';
import type { Failure } from './run.ts';

const USAGE = `npm run simulate -- [options]
  --incidents <n>          until so many were opened (20000)
  --seed <s>               the same seed, the same runs (1)
  --replay <seed>          the run of a failing seed again, with its trace
  --bugs                   every known bug, each put into the engine: how many are found
  --bug <name>             with that one of test/simulation/bugs.ts in it
  --json                   accepted for uniformity: the last line of stdout is JSON either way`;

const { values } = commandLine(
  USAGE,
  {
    incidents: { type: 'string', default: '20000' },
    seed: { type: 'string', default: '1' },
    replay: { type: 'string' },
    bug: { type: 'string' },
    bugs: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
  false,
);
const seed = wholeNumber('seed', values.seed);
const incidents = wholeNumber('incidents', values.incidents);
const replayed = values.replay === undefined ? undefined : wholeNumber('replay', values.replay);
const say = (line: string) => process.stderr.write(`${line}\n`);
const tell = (document: SimulationDocument | BugsDocument) => process.stdout.write(`${JSON.stringify(document)}\n`);

function explain({ seed, steps, trace, violations }: Failure): void {
  say(`seed ${seed} (npm run simulate -- --replay ${seed}), cut down to:`);
  for (const step of steps) say(`  step   ${step}`);
  for (const line of trace) say(`  ${line}`);
  for (const each of violations) say(`  VIOLATION ${each}`);
}

/** Incidents within which a bug has to be found. */
const MOST_FOR_A_BUG = 40_000;

async function findBugs(): Promise<BugsDocument> {
  const missed: string[] = [];
  for (const { name } of BUGS) {
    const begun = performance.now();
    const args = ['--disable-warning=ExperimentalWarning', import.meta.filename, '--bug', name];
    const child = spawn(process.execPath, [...args, '--incidents', String(MOST_FOR_A_BUG), '--seed', String(seed)], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const found = JSON.parse((await text(child.stdout)) || '{}') as Partial<SimulationDocument>;
    const isFound = (found.violations ?? 0) > 0;
    if (!isFound) missed.push(name);
    say(
      `${isFound ? 'found ' : 'MISSED'} ${name}: ${found.incidents} incidents, ${Math.round((performance.now() - begun) / 1000)} s`,
    );
  }
  return { version: 1, seededBugs: BUGS.length, seededBugsFound: BUGS.length - missed.length, missed };
}

if (values.bugs) {
  const document = await findBugs();
  tell(document);
  process.exitCode = document.missed.length > 0 ? 1 : 0;
} else {
  const bug = BUGS.find(({ name }) => name === values.bug);
  if (values.bug !== undefined && !bug)
    refuse(`--bug "${values.bug}": there is none of that name in test/simulation/bugs.ts`);
  if (bug) seedBug(bug);
  install();
  // Only now: what it imports must find time and chance replaced, and the bug in place.
  const { replay, simulate } = await import('./run.ts');
  const begun = process.cpuUsage();
  const { failures, mix, ...found } =
    replayed === undefined ? await simulate({ incidents, seed }) : await replay(replayed);
  const { user, system } = process.cpuUsage(begun);
  for (const each of failures) explain(each);
  tell({
    version: 1,
    incidents: found.incidents,
    entriesPerIncident: Number((found.entries / Math.max(1, found.incidents)).toFixed(2)),
    violations: failures.reduce((sum, each) => sum + each.violations.length, 0),
    perMinute: Math.round((found.incidents * 60_000_000) / Math.max(1, user + system)),
    seed: replayed ?? seed,
    runs: found.runs,
    failingSeeds: failures.map((each) => each.seed),
    mix,
  });
  process.exitCode = failures.some(({ violations }) => violations.length > 0) ? 1 : 0;
}
