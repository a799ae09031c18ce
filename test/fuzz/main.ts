/**
 * `npm run fuzz -- --runs N --seed S`: real samples, mutated, into everything that Nightshift reads; at least 30 % of them still valid by their schemas.
 * `--replay <run>` repeats one of them. What isn't handled on stderr, one line of JSON on stdout (events/published/fuzz.ts). Exit code 1 when anything wasn't
 * handled or too little was valid. Docs: docs/simulation.md.
 */
import type { FuzzDocument } from '../../events/published/fuzz.ts';
import { commandLine, wholeNumber } from '../support/command-line.ts';

const USAGE = `npm run fuzz -- [options]
  --runs <n>               inputs (20000)
  --seed <s>               the same seed, the same inputs (1)
  --replay <run>           one input of that seed again
  --json                   accepted for uniformity: the last line of stdout is JSON either way`;

const { values } = commandLine(
  USAGE,
  {
    runs: { type: 'string', default: '20000' },
    seed: { type: 'string', default: '1' },
    replay: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
  false,
);

const LEAST_VALID = 0.3;
const seed = wholeNumber('seed', values.seed);
const runs = wholeNumber('runs', values.runs);
const replayed = values.replay === undefined ? undefined : wholeNumber('replay', values.replay);
// Only now: what is said of a wrong option needn't wait for everything that reads input.
const { fuzz, surfaces } = await import('./run.ts');
const all = await surfaces();
// What functions log is not what this command says.
const stdout = process.stdout.write.bind(process.stdout);
process.stdout.write = () => true;
const { unhandled, ...found } =
  replayed === undefined ? await fuzz(all, seed, runs) : await fuzz(all, seed, 1, replayed);
for (const { surface, run, error, input } of unhandled.slice(0, 10))
  process.stderr.write(`run ${run}, ${surface}: ${error}\n  ${JSON.stringify(input).slice(0, 1500)}\n`);
const document: FuzzDocument = { version: 1, seed, ...found, unhandled: unhandled.length };
stdout(`${JSON.stringify(document)}\n`);
const isEnough = replayed !== undefined || found.schemaValid >= found.runs * LEAST_VALID;
process.exitCode = unhandled.length === 0 && isEnough ? 0 : 1;
