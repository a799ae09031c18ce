/**
 * `npm run fuzz -- --runs N --seed S`: real samples, mutated, into everything that Nightshift reads; at least 30 % of them still valid by their schemas.
 * `--replay <run>` repeats one of them. What isn't handled on stderr, one line of JSON on stdout (events/published/fuzz.ts). Exit code 1 when anything wasn't
 * handled or too little was valid. Docs: docs/simulation.md.
 */
import { parseArgs } from 'node:util';
import type { FuzzDocument } from '../../events/published/fuzz.ts';
import { fuzz, surfaces } from './run.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '20000' },
    seed: { type: 'string', default: '1' },
    replay: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});
const wholeNumber = (name: 'runs' | 'seed' | 'replay'): number => {
  const value = Number(values[name]);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  process.stderr.write(`--${name} ${values[name]}: expected a whole number\n`);
  process.exit(2);
};

const LEAST_VALID = 0.3;
const seed = wholeNumber('seed');
const all = await surfaces();
// What functions log is not what this command says.
const stdout = process.stdout.write.bind(process.stdout);
process.stdout.write = () => true;
const { unhandled, ...found } =
  values.replay === undefined
    ? await fuzz(all, seed, wholeNumber('runs'))
    : await fuzz(all, seed, 1, wholeNumber('replay'));
for (const { surface, run, error, input } of unhandled.slice(0, 10))
  process.stderr.write(`run ${run}, ${surface}: ${error}\n  ${JSON.stringify(input).slice(0, 1500)}\n`);
const document: FuzzDocument = { version: 1, seed, ...found, unhandled: unhandled.length };
stdout(`${JSON.stringify(document)}\n`);
const isEnough = values.replay !== undefined || found.schemaValid >= found.runs * LEAST_VALID;
process.exitCode = unhandled.length === 0 && isEnough ? 0 : 1;
