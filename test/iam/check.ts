/**
 * `npm run iam-check [-- <world> ...]`: Nightshift runs in local worlds, and what its functions asked of IAM is compared with what their roles allow, both
 * ways (invariant I10). Progress on stderr; the last line of stdout is `{"roles","missing":[],"unused":[]}`. Exit codes: 0 exact, 1 not, or
 * a case didn't come to its end, 2 wrong configuration, 3 something this machine lacks.
 */
import { Interrupted, watchLifetime } from '../../local/show/lifetime.ts';
import { exitCodeOf } from '../../local/world/errors.ts';
import type { World } from '../../local/world/world.ts';
import { commandLine, refuse } from '../support/command-line.ts';
import type { Comparison } from './compare.ts';
import { WORLD_NAMES, type WorldName } from './world-names.ts';
import type { Played } from './worlds.ts';

const USAGE = `npm run iam-check -- [options] [<world> ...]
  <world>                  only these, instead of all: ${WORLD_NAMES.join(', ')}
  --json                   accepted for uniformity: the last line of stdout is JSON either way`;

const tell = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

function told(comparison: Comparison): void {
  for (const { role, action, resource } of comparison.missing)
    tell(`missing: ${role} asked for ${action} on ${resource}, which its role doesn't allow`);
  for (const { role, action, resource } of comparison.unused)
    tell(`unused: ${role} may ${action} on ${resource}, which nothing needed`);
}

async function main(): Promise<number> {
  const { positionals: words } = commandLine(USAGE, { json: { type: 'boolean', default: false } }, true);
  const unknown = words.filter((word) => !WORLD_NAMES.some((name) => name === word));
  if (unknown.length > 0) refuse(`${unknown.join(' ')}: no such world\n${USAGE}`);
  // Only now: what is said of a wrong option needn't wait for the local world.
  const { compareAll, WORLDS } = await import('./worlds.ts');
  let world: World | undefined;
  const ending = watchLifetime(() => world?.context.kill());
  const around = {
    tell,
    signal: ending,
    onWorld: (started: World) => {
      world = started;
    },
  };
  const played: Partial<Record<WorldName, readonly Played[]>> = {};
  for (const name of WORLD_NAMES)
    if (words.length === 0 || words.includes(name)) played[name] = await WORLDS[name](around);
  ending.throwIfAborted();
  const comparison = compareAll(played);
  told(comparison);
  const failures = Object.values(played).flatMap((all) => all.flatMap(({ failures: each }) => each));
  for (const failure of failures) tell(`not every path was taken: ${failure}`);
  process.stdout.write(`${JSON.stringify(comparison)}\n`);
  return comparison.missing.length + comparison.unused.length + failures.length === 0 ? 0 : 1;
}

function explain(error: unknown): number {
  if (error instanceof Interrupted) {
    tell(`broken off: ${error.message}`);
    return error.exitCode;
  }
  const known = exitCodeOf(error) !== 1;
  tell(error instanceof Error ? (known ? error.message : (error.stack ?? error.message)) : String(error));
  return exitCodeOf(error);
}

const exitCode = await main().catch(explain);
process.exit(exitCode);
