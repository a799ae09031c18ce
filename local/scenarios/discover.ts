/** Scenarios by convention: each file in `plays/` exports `scenario`, whose name is the file's. */
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { UsageError } from '../world/errors.ts';
import type { Scenario } from './types.ts';

const PLAYS = join(import.meta.dirname, 'plays');

/** Every scenario, by name. @throws Error when a file exports none, or one of another name. */
export async function allScenarios<W>(folder: string = PLAYS): Promise<Scenario<W>[]> {
  const files = readdirSync(folder).filter((file) => file.endsWith('.ts'));
  return Promise.all(
    files.sort().map(async (file) => {
      const { scenario } = (await import(pathToFileURL(join(folder, file)).href)) as { scenario?: Scenario<W> };
      const name = basename(file, '.ts');
      if (scenario?.name !== name)
        throw new Error(
          `${join(folder, file)}: expected an export "scenario" named "${name}", found "${scenario?.name}"`,
        );
      return scenario;
    }),
  );
}

/**
 * The scenarios meant by names and groups, in the order asked for, each once; within a group by rank, then name.
 * @throws UsageError for a word that is neither.
 */
export function choose<W>(scenarios: readonly Scenario<W>[], words: readonly string[]): Scenario<W>[] {
  const chosen = words.flatMap((word) => {
    const found = scenarios.filter(({ name, groups }) => word === 'all' || name === word || groups.includes(word));
    found.sort((a, b) => a.rank - b.rank || a.name.localeCompare(b.name));
    if (found.length === 0) throw new UsageError(`no scenario or group "${word}"; there are ${described(scenarios)}`);
    return found;
  });
  return [...new Set(chosen)];
}

function described<W>(scenarios: readonly Scenario<W>[]): string {
  const groups = [...new Set(scenarios.flatMap((scenario) => scenario.groups))].sort();
  return `the scenarios ${scenarios.map(({ name }) => name).join(', ')} and the groups ${[...groups, 'all'].join(', ')}`;
}
