/** Cloud Custodian, the peer: installed into the cache by pip, and run against the same gateway. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DEFAULT_CACHE_DIR } from '../../local/emulators/index.ts';
import { findPython } from '../../local/emulators/python.ts';
import type { World } from '../../local/world/world.ts';

const run = promisify(execFile);
export const CUSTODIAN = '0.9.53';
const INSTALL_LIMIT_MS = 600_000;
const RUN_LIMIT_MS = 180_000;

export interface Custodian {
  readonly python: string;
  readonly sitePackages: string;
}

/** Its version is pinned, what it needs is not: it measures, and nothing of ours rests on it. @throws Error with what pip said. */
export async function installCustodian(say: (line: string) => void): Promise<Custodian> {
  const { executable: python, version } = await findPython();
  const sitePackages = join(DEFAULT_CACHE_DIR, `c7n-${CUSTODIAN}-py${version}`);
  if (existsSync(sitePackages)) return { python, sitePackages };
  say(`installing Cloud Custodian ${CUSTODIAN} (about 70 MB) with pip`);
  await mkdir(DEFAULT_CACHE_DIR, { recursive: true });
  const building = await mkdtemp(join(DEFAULT_CACHE_DIR, 'building-'));
  try {
    const pip = ['-m', 'pip', 'install', '--quiet', '--no-input', '--disable-pip-version-check', '--target', building];
    await run(python, [...pip, `c7n==${CUSTODIAN}`], { timeout: INSTALL_LIMIT_MS });
    await rename(building, sitePackages);
  } finally {
    await rm(building, { recursive: true, force: true });
  }
  return { python, sitePackages };
}

/**
 * From the start of Custodian's process with one policy to the change that it makes.
 * @throws Error when it fails or makes none, with what it said.
 */
export async function custodianMs(
  world: World,
  custodian: Custodian,
  policy: Readonly<Record<string, unknown>>,
  change: { readonly operation: string; readonly resource: string },
): Promise<number> {
  const position = world.gateway.callsSince(Number.MAX_SAFE_INTEGER).next;
  const begun = Date.now();
  const said = await runCustodian(custodian, world.endpoint, policy);
  const made = world.gateway
    .callsSince(position)
    .calls.find(
      ({ operation, caller, resource }) =>
        operation === change.operation && !caller.startsWith('nightshift-') && resource.includes(change.resource),
    );
  if (!made) throw new Error(`Cloud Custodian changed nothing: ${said.slice(-800)}`);
  return Date.parse(made.at) - begun;
}

/** One policy, once. @returns what it said. */
async function runCustodian(
  { python, sitePackages }: Custodian,
  endpoint: string,
  policy: Readonly<Record<string, unknown>>,
): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'nightshift-custodian-'));
  try {
    const file = join(dir, 'policy.json');
    await writeFile(file, JSON.stringify({ policies: [policy] }));
    const options = ['--output-dir', dir, '--region', 'us-east-1', '--cache-period', '0'];
    const { stdout, stderr } = await run(python, ['-c', 'from c7n.cli import main; main()', 'run', ...options, file], {
      timeout: RUN_LIMIT_MS,
      env: {
        PATH: process.env.PATH ?? '',
        HOME: dir,
        PYTHONPATH: sitePackages,
        AWS_ENDPOINT_URL: endpoint,
        AWS_ACCESS_KEY_ID: 'test',
        AWS_SECRET_ACCESS_KEY: 'test',
        AWS_DEFAULT_REGION: 'us-east-1',
      },
    });
    return `${stdout}${stderr}`;
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`Cloud Custodian failed: ${(stdout + stderr).slice(-800)}`, { cause: error });
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
