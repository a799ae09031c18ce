/** Real samples, mutated, into every place at which something comes in; what isn't handled is what is looked for. */
import type { RuntimeConfig } from '../../functions/engine/config.ts';
import { parseConfig } from '../../infra/config/parse.ts';
import { discover } from '../../infra/discover.ts';
import example from '../../nightshift.config.ts';
import { between, oneOf, randomOf } from '../simulation/random.ts';
import { type Json, mutated } from './mutate.ts';
import type { Surface } from './surface.ts';
import { commandLine } from './surfaces/command-line.ts';
import { configuration } from './surfaces/configuration.ts';
import { events, orders } from './surfaces/events.ts';
import { journal } from './surfaces/journal.ts';
import { links, webhooks } from './surfaces/links.ts';

export interface Unhandled {
  readonly surface: string;
  /** `--replay` of it repeats it. */
  readonly run: number;
  readonly error: string;
  readonly input: Json;
}

export interface Fuzzed {
  readonly runs: number;
  readonly schemaValid: number;
  readonly byOutcome: Readonly<Record<string, number>>;
  readonly unhandled: readonly Unhandled[];
}

/** Every surface; the configuration that events meet is the example's, with everything switched on. */
export async function surfaces(): Promise<readonly Surface[]> {
  const { remediations, jobs } = await discover();
  const manifests = remediations.map(({ manifest }) => manifest);
  const names = jobs.map(({ manifest }) => manifest.name);
  const { runtime } = parseConfig(example, manifests, 'nightshift.config.ts', names);
  const config: RuntimeConfig = {
    ...runtime,
    // The samples are years old: they are judged all the same.
    staleAfterSeconds: Number.MAX_SAFE_INTEGER / 1000,
    runbooks: Object.fromEntries(
      Object.entries(runtime.runbooks).map(([name, limits]) => [name, { ...limits, mode: 'auto' }]),
    ),
  };
  const deployed = manifests.filter(({ name }) => name in config.runbooks);
  return [
    events(deployed, config),
    orders(deployed, config),
    configuration(manifests, names),
    await links(),
    await webhooks(),
    commandLine,
    journal(config),
  ];
}

/** @param first number of the first run: each run depends on the seed and its number alone. */
export async function fuzz(of: readonly Surface[], seed: number, runs: number, first = 0): Promise<Fuzzed> {
  const byOutcome: Record<string, number> = {};
  const unhandled: Unhandled[] = [];
  let schemaValid = 0;
  for (let run = first; run < first + runs; run++) {
    const random = randomOf(Math.imul(seed, 0x9e3779b1) + run);
    const surface = oneOf(random, of);
    const input = mutated(oneOf(random, surface.samples), between(random, 0, 3), random);
    try {
      const { outcome, isSchemaValid } = await surface.take(input, random);
      if (isSchemaValid) schemaValid++;
      const key = `${surface.name}: ${outcome}`;
      byOutcome[key] = (byOutcome[key] ?? 0) + 1;
    } catch (error) {
      const text =
        error instanceof Error ? (error.stack ?? error.message).split('\n').slice(0, 4).join(' | ') : String(error);
      unhandled.push({ surface: surface.name, run, error: text, input });
    }
  }
  return { runs, schemaValid, byOutcome, unhandled };
}
