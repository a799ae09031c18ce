/** Installing Python packages, above all the emulator (ministack), into the user's cache: pinned, checked by hash, complete or not there at all. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { EnvironmentMissing } from '../world/errors.ts';
import { findPython, type Python } from './python.ts';

const run = promisify(execFile);
const INSTALL_LIMIT_MS = 300_000;
/** Written last, inside the folder: remembers the interpreter, so that later starts don't look for one again. */
const MARK = 'nightshift.json';

export interface InstalledPackages {
  /** Absolute path of the Python interpreter. */
  readonly python: string;
  /** Folder with the packages: what `PYTHONPATH` is set to. */
  readonly sitePackages: string;
}
export type InstalledEmulator = InstalledPackages;

/** A set of Python packages that a part of this repository needs. */
export interface PackageSet {
  /** Names the folder in the cache. */
  readonly name: string;
  /** What it is for people, such as `the local AWS`. */
  readonly title: string;
  /** What is downloaded, for people. */
  readonly download: string;
  /** File with every package, its version and the hashes of its wheels. */
  readonly requirements: string;
}

const EMULATOR: PackageSet = {
  name: 'emulator',
  title: 'the local AWS',
  download: 'ministack 1.4.21, about 2 MB',
  requirements: join(import.meta.dirname, 'requirements.txt'),
};

/** Where the emulator is kept between worlds unless told otherwise. */
export const DEFAULT_CACHE_DIR = join(import.meta.dirname, '..', '..', 'node_modules', '.cache', 'nightshift');

interface InstallOptions {
  readonly cacheDir?: string;
  /** Told one line when something has to be downloaded. */
  readonly report: (line: string) => void;
}

/** Makes sure that the emulator is installed. @throws as `installPackages`. */
export const installEmulator = (options: InstallOptions): Promise<InstalledEmulator> =>
  installPackages(EMULATOR, options);

/**
 * Makes sure that the packages are installed under `cacheDir`, in a folder named by the hash of their requirements, the platform and (if it is
 * named by the environment) the interpreter. Two callers may install at the same time: each installs beside, and the first to rename wins.
 * @throws EnvironmentMissing without a Python, without pip, or when the packages can't be had.
 */
export async function installPackages(set: PackageSet, options: InstallOptions): Promise<InstalledPackages> {
  const cacheDir = options.cacheDir ?? DEFAULT_CACHE_DIR;
  const requirements = await readFile(set.requirements);
  const key = createHash('sha256')
    .update(requirements)
    .update(`${process.platform} ${process.arch} ${process.env.NIGHTSHIFT_PYTHON ?? ''}`)
    .digest('hex')
    .slice(0, 16);
  const folder = join(cacheDir, `${set.name}-${key}`);
  const installed = await readMark(folder);
  if (installed) return installed;
  const python = await findPython();
  if (!python.hasPip)
    throw new EnvironmentMissing(
      `${python.executable} has no pip, which is needed to install ${set.title}. Install it (Debian: apt-get install python3-pip), or set NIGHTSHIFT_PYTHON to another Python.`,
    );
  options.report(`installing ${set.title} (${set.download}) with pip`);
  await mkdir(cacheDir, { recursive: true });
  return installInto(cacheDir, folder, python, set);
}

/** What is installed in `folder`; nothing if it isn't there or its interpreter has gone since. */
async function readMark(folder: string): Promise<InstalledPackages | undefined> {
  const mark = join(folder, MARK);
  if (!existsSync(mark)) return undefined;
  const { python } = JSON.parse(await readFile(mark, 'utf8')) as { python: string };
  if (existsSync(python)) return { python, sitePackages: folder };
  await rm(folder, { recursive: true, force: true });
  return undefined;
}

async function installInto(
  cacheDir: string,
  folder: string,
  python: Python,
  set: PackageSet,
): Promise<InstalledPackages> {
  const building = await mkdtemp(join(cacheDir, 'building-'));
  try {
    await pipInstall(python, building, set);
    await writeFile(join(building, MARK), JSON.stringify({ python: python.executable, version: python.version }));
    await rename(building, folder);
  } catch (error) {
    await rm(building, { recursive: true, force: true });
    const { code } = error as NodeJS.ErrnoException;
    // Somebody else finished first: theirs is as good.
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
  }
  return (await readMark(folder)) ?? { python: python.executable, sitePackages: folder };
}

async function pipInstall(python: Python, target: string, { title, requirements }: PackageSet): Promise<void> {
  const pip = ['-m', 'pip', 'install', '--quiet', '--no-input', '--disable-pip-version-check'];
  const what = ['--require-hashes', '--no-deps', '--only-binary', ':all:', '--target', target, '-r', requirements];
  try {
    await run(python.executable, [...pip, ...what], {
      timeout: INSTALL_LIMIT_MS,
      env: { ...process.env, PIP_ROOT_USER_ACTION: 'ignore', PYTHONNOUSERSITE: '1' },
    });
  } catch (error) {
    const said = String((error as { stderr?: string }).stderr ?? error)
      .trim()
      .split('\n')
      .slice(-3)
      .join(' ');
    throw new EnvironmentMissing(
      `pip couldn't install ${title} for Python ${python.version}: ${said}. Check that a package index can be reached.`,
      { cause: error },
    );
  }
}
