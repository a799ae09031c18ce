/** Installing the emulator (ministack, from PyPI) into the user's cache: pinned, checked by hash, complete or not there at all. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { EnvironmentMissing } from '../world/errors.ts';
import { findPython, type Python } from './python.ts';

const run = promisify(execFile);
const REQUIREMENTS = join(import.meta.dirname, 'requirements.txt');
const INSTALL_LIMIT_MS = 300_000;
/** Written last, inside the folder: remembers the interpreter, so that later starts don't look for one again. */
const MARK = 'nightshift.json';

export interface InstalledEmulator {
  /** Absolute path of the Python interpreter. */
  readonly python: string;
  /** Folder with ministack and what it needs. */
  readonly sitePackages: string;
}

/** Where the emulator is kept between worlds unless told otherwise. */
export const DEFAULT_CACHE_DIR = join(import.meta.dirname, '..', '..', 'node_modules', '.cache', 'nightshift');

/**
 * Makes sure that the emulator is installed under `cacheDir`, in a folder named by the hash of requirements.txt, the platform and (if it is
 * named by the environment) the interpreter. Two callers may install at the same time: each installs beside, and the first to rename wins.
 * @param report told one line when something has to be downloaded.
 * @throws EnvironmentMissing without a Python, without pip, or when the packages can't be had.
 */
export async function installEmulator(options: {
  cacheDir?: string;
  report: (line: string) => void;
}): Promise<InstalledEmulator> {
  const cacheDir = options.cacheDir ?? DEFAULT_CACHE_DIR;
  const requirements = await readFile(REQUIREMENTS);
  const key = createHash('sha256')
    .update(requirements)
    .update(`${process.platform} ${process.arch} ${process.env.NIGHTSHIFT_PYTHON ?? ''}`)
    .digest('hex')
    .slice(0, 16);
  const folder = join(cacheDir, `emulator-${key}`);
  const installed = await readMark(folder);
  if (installed) return installed;
  const python = await findPython();
  if (!python.hasPip)
    throw new EnvironmentMissing(
      `${python.executable} has no pip, which is needed to install the local AWS. Install it (Debian: apt-get install python3-pip), or set NIGHTSHIFT_PYTHON to another Python.`,
    );
  options.report('installing the local AWS (ministack 1.4.21, about 2 MB) with pip');
  await mkdir(cacheDir, { recursive: true });
  return installInto(cacheDir, folder, python);
}

/** What is installed in `folder`; nothing if it isn't there or its interpreter has gone since. */
async function readMark(folder: string): Promise<InstalledEmulator | undefined> {
  const mark = join(folder, MARK);
  if (!existsSync(mark)) return undefined;
  const { python } = JSON.parse(await readFile(mark, 'utf8')) as { python: string };
  if (existsSync(python)) return { python, sitePackages: folder };
  await rm(folder, { recursive: true, force: true });
  return undefined;
}

async function installInto(cacheDir: string, folder: string, python: Python): Promise<InstalledEmulator> {
  const building = await mkdtemp(join(cacheDir, 'building-'));
  try {
    await pipInstall(python, building);
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

async function pipInstall(python: Python, target: string): Promise<void> {
  const pip = ['-m', 'pip', 'install', '--quiet', '--no-input', '--disable-pip-version-check'];
  const what = ['--require-hashes', '--no-deps', '--only-binary', ':all:', '--target', target, '-r', REQUIREMENTS];
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
      `pip couldn't install the local AWS for Python ${python.version}: ${said}. Check that a package index can be reached.`,
      { cause: error },
    );
  }
}
