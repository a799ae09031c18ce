/**
 * `npm run iam-check`: Nightshift runs in a local world, and what its functions asked of IAM is compared with what their roles allow, both
 * ways (invariant I10). Progress on stderr; the last line of stdout is `{"roles","missing":[],"unused":[]}`. Exit codes: 0 exact, 1 not, or
 * a case didn't come to its end, 2 wrong configuration, 3 something this machine lacks.
 */
import { Interrupted, watchLifetime } from '../../local/show/lifetime.ts';
import { exitCodeOf } from '../../local/world/errors.ts';
import type { World } from '../../local/world/world.ts';
import { commandLine } from '../support/command-line.ts';
import type { Comparison } from './compare.ts';

const USAGE = `npm run iam-check -- [options]
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
  commandLine(USAGE, { json: { type: 'boolean', default: false } }, false);
  // Only now: what is said of a wrong option needn't wait for the local world.
  const { compareWorlds, playAbroad, playActing, playObserving, playRecovering } = await import('./worlds.ts');
  let world: World | undefined;
  const ending = watchLifetime(() => world?.context.kill());
  const around = {
    tell,
    signal: ending,
    onWorld: (started: World) => {
      world = started;
    },
  };
  const acting = await playActing(around);
  const observing = await playObserving(around);
  const recovering = await playRecovering(around);
  const abroad = await playAbroad(around);
  ending.throwIfAborted();
  const comparison = compareWorlds(acting, observing, [recovering, abroad]);
  told(comparison);
  const failures = [acting, observing, recovering, abroad].flatMap(({ failures: each }) => each);
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
