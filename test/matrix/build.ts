/** Bundles as they are deployed, or with one known bug put in: never by a flag in the code that is deployed. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { strToU8, type Zippable, zipSync } from 'fflate';
import type { RuntimeConfig } from '../../functions/engine/config.ts';
import { type BundleEntry, bundle } from '../../infra/bundle.ts';
import { REPOSITORY } from '../../infra/discover.ts';
import type { Patch, SeededBug } from './bugs.ts';

/** A known bug, as far as building goes. */
export type Patched = Pick<SeededBug, 'name' | 'patches'>;

/** Zipped assets by function. */
export type Assets = ReadonlyMap<string, Uint8Array>;

/** @throws Error when a patch's snippet isn't in its file exactly once: the bug must be put in again by hand. */
export async function buildAssets(
  entries: readonly BundleEntry[],
  runtime: RuntimeConfig,
  bug?: Patched,
): Promise<Assets> {
  const config = JSON.stringify(runtime);
  return bug ? buildPatched(entries, config, bug) : buildDeployed(entries, runtime, config);
}

const zipped = ({ files = {} }: BundleEntry, code: Uint8Array, config: string): Uint8Array => {
  const further = Object.fromEntries(Object.entries(files).map(([name, text]) => [name, strToU8(text)]));
  const all: Zippable = { ...further, 'index.cjs': code, 'config.json': strToU8(config) };
  return zipSync(all, { level: 1 });
};

function buildDeployed(entries: readonly BundleEntry[], runtime: RuntimeConfig, config: string): Assets {
  const bundles = bundle(entries, runtime);
  try {
    return new Map(
      entries.map((entry) => [
        entry.name,
        zipped(entry, readFileSync(join(bundles.folderOf(entry.name), 'index.cjs')), config),
      ]),
    );
  } finally {
    bundles.remove();
  }
}

async function buildPatched(entries: readonly BundleEntry[], config: string, bug: Patched): Promise<Assets> {
  const outdir = mkdtempSync(join(tmpdir(), 'nightshift-seeded-'));
  const used = new Set<Patch>();
  try {
    const { outputFiles } = await build({
      absWorkingDir: REPOSITORY,
      entryPoints: Object.fromEntries(entries.map(({ name, handler }) => [name, handler])),
      outdir,
      write: false,
      bundle: true,
      platform: 'node',
      target: 'node24',
      format: 'cjs',
      mainFields: ['module', 'main'],
      minify: true,
      keepNames: true,
      external: ['pg-native'],
      logLevel: 'silent',
      plugins: [patching(bug, used)],
    });
    for (const patch of bug.patches)
      if (!used.has(patch)) throw new Error(`seeded bug ${bug.name}: ${patch.file} is in no bundle`);
    return new Map(
      entries.map((entry) => {
        const output = outputFiles.find(({ path }) => path.endsWith(`/${entry.name}.js`));
        if (!output) throw new Error(`seeded bug ${bug.name}: ${entry.name} was not built`);
        return [entry.name, zipped(entry, output.contents, config)];
      }),
    );
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
}

function patching(bug: Patched, used: Set<Patch>): Plugin {
  return {
    name: 'seeded-bug',
    setup(setup) {
      setup.onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const patches = bug.patches.filter(({ file }) => relative(REPOSITORY, path) === file);
        if (patches.length === 0) return undefined;
        for (const patch of patches) used.add(patch);
        return { loader: 'ts', contents: patches.reduce(apply, readFileSync(path, 'utf8')) };
      });
    },
  };
}

/** @throws Error unless the snippet is there exactly once. */
export function apply(source: string, { file, find, replace }: Patch): string {
  const found = source.split(find).length - 1;
  if (found !== 1)
    throw new Error(`${file}: the snippet of a seeded bug is there ${found} times, expected once: ${find}`);
  return source.replace(find, () => replace);
}
