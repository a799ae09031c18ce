/** Bundles every handler in one run of esbuild. See docs/decisions/0010-bundles.md for what was measured. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync, type Metafile } from 'esbuild';
import type { RuntimeConfig } from '../functions/engine/config.ts';
import { REPOSITORY } from './discover.ts';

/** A function's name and the file that exports its `handler`. */
export interface BundleEntry {
  readonly name: string;
  readonly handler: string;
  /** Further files of its asset, by name. */
  readonly files?: Readonly<Record<string, string>>;
}

export interface Bundles {
  /** Folder of a function's asset: `index.cjs`, `config.json`, and what its entry adds. */
  folderOf(name: string): string;
  readonly metafile: Metafile;
  /** Removes the folders; assets were copied into the assembly by then. */
  remove(): void;
}

/**
 * Bundles handlers with the AWS SDK and everything else inside, so that versions are pinned and loading is quick.
 * Equal sources and configuration give equal bytes, whatever the folder is called.
 * @throws esbuild's own error, with file and line, when a source doesn't build.
 */
export function bundle(entries: readonly BundleEntry[], runtime: RuntimeConfig): Bundles {
  const outdir = mkdtempSync(join(tmpdir(), 'nightshift-bundle-'));
  try {
    const { metafile } = buildSync({
      absWorkingDir: REPOSITORY,
      entryPoints: Object.fromEntries(entries.map(({ name, handler }) => [`${name}/index`, handler])),
      outdir,
      outExtension: { '.js': '.cjs' },
      bundle: true,
      platform: 'node',
      target: 'node24',
      format: 'cjs',
      // ES module sources can be shaken: half the size and half the load time of the CommonJS builds of the same packages.
      mainFields: ['module', 'main'],
      minify: true,
      // Errors and stack traces keep the names that people read.
      keepNames: true,
      // pg asks for it only when its native mode is chosen.
      external: ['pg-native'],
      legalComments: 'none',
      logLevel: 'silent',
      metafile: true,
    });
    for (const { name, files } of entries) {
      mkdirSync(join(outdir, name), { recursive: true });
      writeFileSync(join(outdir, name, 'config.json'), JSON.stringify(runtime));
      for (const [file, content] of Object.entries(files ?? {})) writeFileSync(join(outdir, name, file), content);
    }
    return {
      folderOf: (name) => join(outdir, name),
      metafile,
      remove: () => rmSync(outdir, { recursive: true, force: true }),
    };
  } catch (cause) {
    rmSync(outdir, { recursive: true, force: true });
    throw cause;
  }
}
