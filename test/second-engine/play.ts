/** A second, independent engine for state machines: moto's interpreter of the Amazon States Language (run.py, docs/decisions/0219). */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { installPackages } from '../../local/emulators/index.ts';

const ENGINE = {
  name: 'second-engine',
  title: 'moto’s Step Functions',
  download: 'moto 5.2.5 and what it needs, about 30 MB',
  requirements: join(import.meta.dirname, 'requirements.txt'),
};
const LIMIT_MS = 300_000;

/** What a function answers, or the name of the error that it throws. */
export type Answer =
  | { readonly kind: string; readonly seconds?: number; readonly isStopped?: true }
  | { readonly error: string };

export interface Play {
  readonly definition: object;
  /** Of the execution. */
  readonly name: string;
  readonly input: object;
  /** By what is asked ("step prove", or "step" for all of them): one answer a turn, the last one for ever; else `done`. */
  readonly answers: Readonly<Record<string, readonly Answer[]>>;
}

export interface Played {
  readonly status: 'SUCCEEDED' | 'FAILED';
  readonly error?: string | null;
  /** The payloads that the function was given, in order. */
  readonly asked: readonly { readonly do: string; readonly step?: string }[];
}

/** @throws EnvironmentMissing when it can't be installed; Error with what it said when it fails. */
export async function playOnSecondEngine(plays: readonly Play[]): Promise<readonly Played[]> {
  const { python, sitePackages } = await installPackages(ENGINE, { report: () => {} });
  const env = { ...process.env, PYTHONPATH: sitePackages, PYTHONNOUSERSITE: '1' };
  const output = await new Promise<string>((resolve, reject) => {
    const child = execFile(
      python,
      // Without what happens to be installed beside it: what isn't pinned here would be missing elsewhere.
      ['-S', join(import.meta.dirname, 'run.py')],
      { env, timeout: LIMIT_MS, maxBuffer: 64_000_000 },
      (error, stdout, stderr) =>
        error ? reject(new Error(`moto failed: ${stderr.slice(-2000) || error.message}`)) : resolve(stdout),
    );
    child.stdin?.end(JSON.stringify(plays));
  });
  return JSON.parse(output.trim().split('\n').at(-1) ?? '') as readonly Played[];
}
