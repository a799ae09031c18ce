/** The bundles that are deployed: built by esbuild, loaded by a plain Node.js with nothing else around them. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { entriesOf } from '../../../infra/build-app.ts';
import { type BundleEntry, type Bundles, bundle } from '../../../infra/bundle.ts';
import { type ParsedConfig, parseConfig } from '../../../infra/config/parse.ts';
import { discover } from '../../../infra/discover.ts';
import example from '../../../nightshift.config.ts';

/** Design, section 10: what is loaded decides how fast the first reaction is. */
const LARGEST_BYTES = 800_000;

let parsed: ParsedConfig;
let entries: BundleEntry[];
let bundles: Bundles;

beforeAll(async () => {
  const units = await discover();
  parsed = parseConfig(
    example,
    units.remediations.map((unit) => unit.manifest),
  );
  entries = entriesOf({ ...parsed, units });
  bundles = bundle(entries, parsed.runtime);
});
afterAll(() => {
  bundles?.remove();
});

const digest = (from: Bundles, name: string): string => {
  const hash = createHash('sha256');
  for (const file of readdirSync(from.folderOf(name)).sort())
    hash.update(file).update(readFileSync(join(from.folderOf(name), file)));
  return hash.digest('hex');
};

describe('bundle', () => {
  it('makes a folder with code and configuration for every deployed function', () => {
    const names = entries.map((entry) => entry.name);
    expect(names).toEqual(
      expect.arrayContaining(['announcer', 'archiver', 'publisher', 'reconciler', 'scale-out-service']),
    );
    // Without channels and links nobody is there to tell or to be asked.
    expect(names).not.toEqual(expect.arrayContaining(['notify']));
    for (const { name, files = {} } of entries) {
      expect(readdirSync(bundles.folderOf(name)).sort()).toEqual(
        ['config.json', 'index.cjs', ...Object.keys(files)].sort(),
      );
      expect(JSON.parse(readFileSync(join(bundles.folderOf(name), 'config.json'), 'utf8'))).toEqual(parsed.runtime);
    }
  });

  it('gives equal bytes for equal sources, so that nothing is deployed that did not change', () => {
    const again = bundle(entries, parsed.runtime);
    try {
      for (const { name } of entries) expect(digest(again, name)).toBe(digest(bundles, name));
    } finally {
      again.remove();
    }
  });

  it('keeps every function within its size', () => {
    for (const { name } of entries)
      expect({ name, fits: statSync(join(bundles.folderOf(name), 'index.cjs')).size <= LARGEST_BYTES }).toEqual({
        name,
        fits: true,
      });
  });

  it('holds everything but what Node.js brings, so no version is left to the runtime', () => {
    const outside = Object.values(bundles.metafile.outputs)
      .flatMap((output) => output.imports.filter((each) => each.external).map((each) => each.path))
      .filter((path) => !isBuiltin(path));
    expect([...new Set(outside)]).toEqual(['pg-native']);
  });

  it('loads by itself in a plain Node.js and exports a handler', () => {
    for (const { name } of entries) {
      const folder = bundles.folderOf(name);
      const script = 'const m = require(process.argv[1]); process.stdout.write(typeof m.handler)';
      const env = {
        PATH: process.env.PATH ?? '',
        LAMBDA_TASK_ROOT: folder,
        AWS_REGION: 'us-east-1',
        NIGHTSHIFT_TABLE: 'none',
      };
      const said = execFileSync(process.execPath, ['-e', script, join(folder, 'index.cjs')], {
        cwd: tmpdir(),
        env,
        encoding: 'utf8',
      });
      expect({ name, said }).toEqual({ name, said: 'function' });
    }
  });
});
