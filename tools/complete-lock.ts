/**
 * Completes package-lock.json: `npm ci` wants every optional package of every platform to be named in it, but npm leaves out those that the
 * registry in use doesn't know. They are never installed where they aren't meant for, so naming them is enough.
 * Run after `npm install` when the test "the lock file" fails: `npm run lock:complete`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

interface Locked {
  readonly version?: string;
  readonly optional?: boolean;
  readonly dev?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}
export interface Lock {
  readonly packages: Record<string, Locked>;
}

const SYSTEMS = ['darwin', 'linux', 'win32', 'android', 'freebsd', 'openbsd', 'netbsd', 'sunos', 'aix', 'openharmony'];
const PROCESSORS = ['x64', 'arm64', 'ia32', 'arm', 'ppc64', 's390x', 'riscv64', 'loong64', 'mips64el', 'wasm32'];

/** Optional packages that are asked for and not in the lock, with the entry that `npm ci` is content with. */
export function missingOptional({ packages }: Lock): [path: string, entry: Locked][] {
  return Object.entries(packages).flatMap(([parent, { optionalDependencies = {}, dev }]) =>
    Object.entries(optionalDependencies)
      .filter(([name]) => !packages[`node_modules/${name}`] && !packages[`${parent}/node_modules/${name}`])
      .map(([name, range]): [string, Locked] => [
        `node_modules/${name}`,
        { ...entryFor(name, range), ...(dev && { dev }) },
      ]),
  );
}

/** Names of platform packages say what they are for. */
function entryFor(name: string, range: string): Locked {
  const words = name.split(/[-/@]/);
  const os = SYSTEMS.filter((each) => words.includes(each));
  const cpu = /eabi/.test(name) ? ['arm'] : PROCESSORS.filter((each) => words.includes(each));
  if (os.length === 0) throw new Error(`${name}: not a platform package; install it or take it out`);
  const libc = name.includes('musl') ? ['musl'] : os.includes('linux') && name.includes('gnu') ? ['glibc'] : undefined;
  return {
    version: range.replace(/^[~^]/, ''),
    optional: true,
    os,
    ...(cpu.length > 0 && { cpu }),
    ...(libc && { libc }),
  };
}

if (import.meta.main) {
  const file = join(import.meta.dirname, '..', 'package-lock.json');
  const lock = JSON.parse(readFileSync(file, 'utf8')) as Lock;
  const missing = missingOptional(lock);
  const packages = Object.fromEntries(
    Object.entries({ ...lock.packages, ...Object.fromEntries(missing) }).sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  if (missing.length > 0) writeFileSync(file, `${JSON.stringify({ ...lock, packages }, null, 2)}\n`);
  process.stdout.write(`${missing.length} optional packages of other platforms added\n`);
}
