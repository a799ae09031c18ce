/** Size and load time of what is deployed, against a bare handler with the same SDK clients, bundled in the same way. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { entriesOf } from '../../infra/build-app.ts';
import { type Bundles, bundle } from '../../infra/bundle.ts';
import { parseConfig } from '../../infra/config/parse.ts';
import { discover, REPOSITORY } from '../../infra/discover.ts';
import example from '../../nightshift.config.ts';
import { median, type Runs } from './figures.ts';
import { bareHandler, sdkImportsOf } from './floor.ts';

const LOADS = 7;
const LARGEST_BYTES = 800_000;
const MOST_OF_FLOOR = 1.25;

/** Milliseconds that a fresh Node.js process takes to load a bundle, without its own start. */
function loadMs(folder: string): number {
  const script =
    'const t = performance.now(); require(process.argv[1]); process.stdout.write(String(performance.now() - t)); process.exit(0)';
  const env = {
    PATH: process.env.PATH ?? '',
    LAMBDA_TASK_ROOT: folder,
    AWS_REGION: 'us-east-1',
    NIGHTSHIFT_TABLE: 'none',
  };
  return Number(execFileSync(process.execPath, ['-e', script, join(folder, 'index.cjs')], { env, encoding: 'utf8' }));
}

/** Our sources in a bundle, as esbuild lists them. */
const sourcesIn = (bundles: Bundles, name: string): string[] => {
  const output = Object.entries(bundles.metafile.outputs).find(([file]) => file.endsWith(`/${name}/index.cjs`))?.[1];
  return Object.keys(output?.inputs ?? {})
    .filter((file) => !file.includes('node_modules') && file.endsWith('.ts'))
    .map((file) => readFileSync(join(REPOSITORY, file), 'utf8'));
};

interface Pair {
  readonly name: string;
  readonly ours: readonly number[];
  readonly floor: readonly number[];
}

const ratioOf = ({ ours, floor }: Pair): number => median(ours) / median(floor);
const worstOf = (pairs: readonly Pair[]): Pair => {
  const [worst] = [...pairs].sort((a, b) => ratioOf(b) - ratioOf(a));
  if (!worst) throw new RangeError('there are no remediations');
  return worst;
};

/** The remediation that is worst against its floor stands for all. */
export async function measureBundles(say: (line: string) => void): Promise<Runs[]> {
  const units = await discover();
  const manifests = units.remediations.map(({ manifest }) => manifest);
  const jobs = units.jobs.map(({ manifest }) => manifest.name);
  const parsed = parseConfig(example, manifests, 'nightshift.config.ts', jobs);
  const entries = entriesOf({ ...parsed, units }).filter(({ handler }) => handler.includes('/remediations/'));
  // In the repository, so that its packages are found.
  mkdirSync(join(REPOSITORY, '.nightshift'), { recursive: true });
  const floors = mkdtempSync(join(REPOSITORY, '.nightshift', 'floor-'));
  const bundles = bundle(entries, parsed.runtime);
  try {
    const bare = entries.map(({ name }) => {
      const handler = join(floors, `${name}.ts`);
      writeFileSync(handler, bareHandler(sdkImportsOf(sourcesIn(bundles, name))));
      return { name, handler };
    });
    const floorBundles = bundle(bare, parsed.runtime);
    try {
      const sizes: Pair[] = [];
      const loads: Pair[] = [];
      for (const { name } of entries) {
        const [ours, floor] = [bundles.folderOf(name), floorBundles.folderOf(name)];
        const size = (folder: string) => statSync(join(folder, 'index.cjs')).size;
        sizes.push({ name, ours: [size(ours)], floor: [size(floor)] });
        // In turns, so that both meet the same load of the machine.
        const times = Array.from({ length: LOADS }, () => [loadMs(ours), loadMs(floor)] as const);
        loads.push({ name, ours: times.map(([time]) => time), floor: times.map(([, time]) => time) });
        say(
          `${name}: ${size(ours)} bytes (floor ${size(floor)}), ${median(times.map(([time]) => time)).toFixed(1)} ms`,
        );
      }
      const [size, load] = [worstOf(sizes), worstOf(loads)];
      const note = (worst: string) =>
        `the worst of ${entries.length} remediations against its own floor: ${basename(worst)}`;
      return [
        {
          name: 'bundle-size',
          unit: 'bytes',
          values: size.ours,
          floor: size.floor,
          goal: { text: '<= 800 kB and <= 1.25 x floor', atMost: LARGEST_BYTES, ratioToFloorAtMost: MOST_OF_FLOOR },
          note: note(size.name),
        },
        {
          name: 'load-time',
          unit: 'ms',
          values: load.ours,
          floor: load.floor,
          goal: { text: '<= 1.25 x floor', ratioToFloorAtMost: MOST_OF_FLOOR },
          note: note(load.name),
        },
      ];
    } finally {
      floorBundles.remove();
    }
  } finally {
    bundles.remove();
    rmSync(floors, { recursive: true, force: true });
  }
}
