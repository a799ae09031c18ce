/** Every runbook: a file of this folder that exports `runbook`. Nothing has to be listed. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Runbook } from '../functions/engine/runbook.ts';

/** A file that is no runbook; the message is one sentence that says what to do. */
export class RunbookError extends Error {
  override readonly name = 'RunbookError';
}

/**
 * The runbooks of a folder, sorted by name.
 * @throws RunbookError for a file that exports none, or one of another name.
 */
export async function readRunbooks(folder: string): Promise<readonly Runbook[]> {
  const files = readdirSync(folder).filter((file) => file.endsWith('.ts') && file !== 'index.ts');
  return Promise.all(files.sort().map((file) => readRunbook(join(folder, file), file.slice(0, -'.ts'.length))));
}

async function readRunbook(path: string, name: string): Promise<Runbook> {
  const { runbook } = (await import(pathToFileURL(path).href)) as { readonly runbook?: Runbook };
  if (!runbook)
    throw new RunbookError(
      `${path}: it exports no \`runbook\`; write \`export const runbook = defineRunbook({ ... })\`.`,
    );
  if (runbook.name !== name)
    throw new RunbookError(
      `${path}: the runbook is named '${runbook.name}' but its file '${name}'; they must be equal.`,
    );
  return runbook;
}

export const RUNBOOKS: readonly Runbook[] = await readRunbooks(import.meta.dirname);
