/** Kills a restless world at a given moment, and looks at what is left before and after the next start. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openWorld } from '../../../local/world/context.ts';
import { type MarkedProcess, markedProcesses } from '../../../local/world/processes.ts';

export const markedUnder = (root: string): MarkedProcess[] =>
  markedProcesses().filter(({ world }) => world.startsWith(root));

/** @returns how many marked processes were left by the kill, and by the next start while its world is open (and nothing of the old folder). */
export async function killAndStartAgain(
  root: string,
  afterMs: number,
): Promise<{ leftByKill: number; leftByNextStart: number; foldersWhileOpen: string[] }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'restless-world.ts'), root, 'restless'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  await sleep(afterMs);
  child.kill('SIGKILL');
  await once(child, 'exit');
  const leftByKill = markedUnder(root).length;
  const next = await openWorld({ name: 'restless', timeScale: 1, root, report: () => {} });
  const leftByNextStart = markedUnder(root).length;
  const foldersWhileOpen = readdirSync(root);
  await next.stop();
  return { leftByKill, leftByNextStart, foldersWhileOpen };
}
