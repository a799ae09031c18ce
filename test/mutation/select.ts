/** Which files are mutated, and which tests decide about each. Pure, but for reading the sources. */
import { readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { glob } from '../support/files.ts';

const REPOSITORY = resolve(import.meta.dirname, '../..');

/** What decides: the engine, and everything pure that remediations, plans and jobs decide with. */
const DECIDES = [/^functions\/engine\/[^/]+\.ts$/, /^functions\/.+\/decide\.ts$/];

/** What each file imports of the repository when it runs, both by their paths from its root. Imports of types only don't count. */
export type Imports = ReadonlyMap<string, readonly string[]>;

const IMPORT = /^(?:import|export)\s(?!type\s)[^'"]*from\s+'(\.[^']+)'|import\(\s*'(\.[^']+)'\s*\)/gm;

/** @param file from the repository's root. */
export const importsOf = (file: string, source: string): string[] =>
  [...source.matchAll(IMPORT)].map(([, named, dynamic]) => join(dirname(file), named ?? dynamic ?? ''));

export function readImports(folders: readonly string[]): Imports {
  const files = folders.flatMap((folder) => glob(join(REPOSITORY, folder), '.ts'));
  return new Map(
    files.map((path) => {
      const file = relative(REPOSITORY, path);
      return [file, importsOf(file, readFileSync(path, 'utf8'))];
    }),
  );
}

/** Files that are mutated unless others are named. */
export const decidingFiles = (imports: Imports): string[] =>
  [...imports.keys()].filter((file) => DECIDES.some((pattern) => pattern.test(file))).sort();

/**
 * Tests that import the file itself. Those further away run much more than the file, so that thousands of mutants would take days. A file that no unit or
 * property test imports makes calls: the emulator tests, the crash matrix and the simulation prove it, too slowly for thousands of mutants.
 */
export const testsOf = (file: string, imports: Imports): string[] =>
  [...imports]
    .filter(([from, to]) => from.endsWith('.test.ts') && to.includes(file))
    .map(([from]) => from)
    .sort();
