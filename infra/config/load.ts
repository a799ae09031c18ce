/** Reading a configuration file. */
import { existsSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { RemediationManifest } from '../../functions/engine/manifest.ts';
import { ConfigurationError } from './faults.ts';
import { type ParsedConfig, parseConfig } from './parse.ts';

/**
 * Imports a configuration file and checks what it exports by default.
 * @param path of a TypeScript or JavaScript module, relative to the working directory.
 * @throws ConfigurationError when there is no such file, no default export, or any fault in it.
 */
export async function loadConfig(
  path: string,
  manifests: readonly RemediationManifest[],
  jobs: readonly string[] = [],
): Promise<ParsedConfig> {
  const file = resolve(path);
  const shown = relative(process.cwd(), file) || file;
  if (!existsSync(file))
    throw new ConfigurationError(shown, [
      { path: '', given: undefined, expected: 'no such file; give another with -c config=<path>' },
    ]);
  const module = await importFile(file, shown);
  if (module.default === undefined)
    throw new ConfigurationError(shown, [
      { path: '', given: undefined, expected: 'the file must have `export default defineConfig({ ... })`' },
    ]);
  return parseConfig(module.default, manifests, shown, jobs);
}

/** What the file exports; when it can't be run, its line is named, where Node.js tells it. @throws ConfigurationError. */
async function importFile(file: string, shown: string): Promise<{ default?: unknown }> {
  try {
    return (await import(pathToFileURL(file).href)) as { default?: unknown };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const after = error.stack?.split(`${file}:`)[1] ?? '';
    const [line] = /^\d+/.exec(after) ?? [];
    throw new ConfigurationError(line === undefined ? shown : `${shown}:${line}`, [
      { path: '', given: 'it cannot be read', expected: `${error.name}: ${error.message.replaceAll(file, shown)}` },
    ]);
  }
}
