/** Finding a Python that can run the emulator. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { EnvironmentMissing } from '../world/errors.ts';

const run = promisify(execFile);

/** Versions that every pinned wheel exists for. */
const OLDEST_MINOR = 10;
const NEWEST_MINOR = 14;
const CANDIDATES = ['python3', 'python3.13', 'python3.12', 'python3.11', 'python3.14', 'python3.10', 'python'];
const PROBE_LIMIT_MS = 20_000;

export interface Python {
  /** Absolute path of the interpreter itself (not of a version manager's shim). */
  readonly executable: string;
  /** Such as `3.12`. */
  readonly version: string;
  readonly hasPip: boolean;
}

const PROBE = `import importlib.util as u, json, sys
print(json.dumps({"executable": sys.executable, "version": list(sys.version_info[:2]), "pip": u.find_spec("pip") is not None}))`;

/** What `command` is, or why it can't be used, in a few words. */
async function probe(command: string): Promise<Python | string> {
  try {
    const { stdout } = await run(command, ['-c', PROBE], { timeout: PROBE_LIMIT_MS });
    const found = JSON.parse(stdout) as { executable: string; version: [number, number]; pip: boolean };
    const [major, minor] = found.version;
    const version = `${major}.${minor}`;
    if (major !== 3 || minor < OLDEST_MINOR || minor > NEWEST_MINOR) return `${command} is Python ${version}`;
    return { executable: found.executable, version, hasPip: found.pip };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? `${command} isn't there` : `${command} doesn't start`;
  }
}

/**
 * The first usable Python: `NIGHTSHIFT_PYTHON` alone if that is set, else the usual names in PATH; one with pip is preferred.
 * @throws EnvironmentMissing saying what was tried and what to do.
 */
export async function findPython(env: NodeJS.ProcessEnv = process.env): Promise<Python> {
  const wanted = env.NIGHTSHIFT_PYTHON;
  const reasons: string[] = [];
  let withoutPip: Python | undefined;
  for (const candidate of wanted ? [wanted] : CANDIDATES) {
    const found = await probe(candidate);
    if (typeof found === 'string') reasons.push(found);
    else if (found.hasPip) return found;
    else withoutPip ??= found;
  }
  if (withoutPip) return withoutPip;
  throw new EnvironmentMissing(
    `Python 3.${OLDEST_MINOR} to 3.${NEWEST_MINOR} is needed to run the local AWS, and none was found (${reasons.join(', ')}). ` +
      'Install one, or set NIGHTSHIFT_PYTHON to its path.',
  );
}
